package geoupdate

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"

	"dashd/geo"
	"dashd/internal/outbound"
)

// Options of Update.
type Options struct {
	Client *outbound.Client
	Source Source
	// File is what is to be replaced; it need not exist.
	File string
	// SHA256 is what the download must have, in hex; "": what Source.SumURL says, if anything.
	SHA256 string
	// Force asks for the database also if there seems to be no newer one.
	Force bool
	// MaxBytes bounds the download and what is in it. 0: 1 GiB.
	MaxBytes int64
}

const defaultMaxBytes = 1 << 30

// Result is what an update has come to.
type Result struct {
	Changed bool     // false: there is no newer one
	Info    geo.Info // of the file as it is now
}

// Update fetches a database, and puts it in the place of a file if it is good. The file's time of
// change becomes that of the database at its source, so that the next update can ask for a newer one.
func Update(ctx context.Context, o Options) (Result, error) {
	if o.MaxBytes == 0 {
		o.MaxBytes = defaultMaxBytes
	}
	header := http.Header{"User-Agent": {"dashd"}}
	if o.Source.User != "" {
		header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(o.Source.User+":"+o.Source.Password)))
	}
	sum, err := o.sum(ctx, header)
	if err != nil {
		return Result{}, err
	}
	old, err := geo.Verify(o.File)
	if info, statErr := os.Stat(o.File); err == nil && statErr == nil && !o.Force {
		header.Set("If-Modified-Since", info.ModTime().UTC().Format(http.TimeFormat))
	}
	packed, err := os.CreateTemp(filepath.Dir(o.File), ".geo-download-*") // mode 0600
	if err != nil {
		return Result{}, err
	}
	defer discard(packed)
	hash := sha256.New()
	answer, err := o.fetch(ctx, header, packed, hash)
	if err != nil {
		return Result{}, err
	}
	if answer.Status == http.StatusNotModified {
		return Result{Info: old}, nil
	}
	if got := hex.EncodeToString(hash.Sum(nil)); sum != "" && got != sum {
		return Result{}, fmt.Errorf("the download has the checksum %s, and should have %s", got, sum)
	}
	info, err := o.install(packed, answer.Header.Get("Last-Modified"))
	return Result{Changed: err == nil, Info: info}, err
}

// sum is the checksum that the download must have, "" if any will do.
func (o *Options) sum(ctx context.Context, header http.Header) (string, error) {
	text := []byte(o.SHA256)
	if o.SHA256 == "" {
		if o.Source.SumURL == "" {
			return "", nil
		}
		var b bytes.Buffer
		answer, err := o.Client.Download(ctx, outbound.Request{URL: o.Source.SumURL, Header: header}, 4096, &b)
		if err == nil {
			err = refusal(answer.Status)
		}
		if err != nil {
			return "", fmt.Errorf("checksum: %w", err)
		}
		text, _, _ = bytes.Cut(b.Bytes(), []byte(" "))
	}
	text = bytes.ToLower(bytes.TrimSpace(text))
	if raw, err := hex.DecodeString(string(text)); err != nil || len(raw) != sha256.Size {
		return "", errors.New("checksum: not a SHA-256")
	}
	return string(text), nil
}

// fetch downloads from the first URL that has something.
func (o *Options) fetch(ctx context.Context, header http.Header, to ...io.Writer) (outbound.Response, error) {
	for i, url := range o.Source.URLs {
		answer, err := o.Client.Download(ctx, outbound.Request{URL: url, Header: header}, o.MaxBytes, io.MultiWriter(to...))
		if err != nil {
			return answer, fmt.Errorf("download: %w", err)
		}
		switch {
		case answer.Status == http.StatusNotModified && header.Get("If-Modified-Since") != "":
			return answer, nil
		case answer.Status == http.StatusNotFound && i+1 < len(o.Source.URLs):
			continue
		}
		if err := refusal(answer.Status); err != nil {
			return answer, fmt.Errorf("download: %w", err)
		}
		return answer, nil
	}
	return outbound.Response{}, errors.New("download: there is no URL")
}

// refusal says what a status other than 200 means.
func refusal(status int) error {
	switch status {
	case http.StatusOK:
		return nil
	case http.StatusUnauthorized, http.StatusForbidden:
		return fmt.Errorf("the account is refused (%d)", status)
	case http.StatusTooManyRequests:
		return errors.New("the account has no downloads left today (429)")
	case http.StatusNotFound:
		return errors.New("there is no such database (404)")
	}
	return fmt.Errorf("the server answers %d", status)
}

// install unpacks a download, and puts it in the file's place if it is good.
func (o *Options) install(packed *os.File, modified string) (geo.Info, error) {
	if _, err := packed.Seek(0, io.SeekStart); err != nil {
		return geo.Info{}, err
	}
	f, err := os.CreateTemp(filepath.Dir(o.File), ".geo-unpacked-*")
	if err != nil {
		return geo.Info{}, err
	}
	defer discard(f) // of no effect once it has another name
	if err := unpack(f, packed, o.MaxBytes); err != nil {
		return geo.Info{}, fmt.Errorf("unpack: %w", err)
	}
	info, err := geo.Verify(f.Name())
	if err != nil {
		return geo.Info{}, fmt.Errorf("the download is not fit for use: %w", err)
	}
	if err := f.Chmod(0o644); err != nil { // the node may be another user's
		return geo.Info{}, err
	}
	if at, err := http.ParseTime(modified); err == nil {
		if err := os.Chtimes(f.Name(), at, at); err != nil {
			return geo.Info{}, err
		}
	}
	if err := f.Sync(); err != nil {
		return geo.Info{}, err
	}
	if err := os.Rename(f.Name(), o.File); err != nil {
		return geo.Info{}, err
	}
	return info, syncDir(filepath.Dir(o.File)) // durable from here on
}

func syncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// discard closes and removes a file that is not needed any more.
func discard(f *os.File) {
	_ = f.Close() // it is of no use
	_ = os.Remove(f.Name())
}
