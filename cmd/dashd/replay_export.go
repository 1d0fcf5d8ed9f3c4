package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"dashd/internal/errs"
	"dashd/projections"
)

const (
	manifestSuffix = ".manifest.json"
	manifestFormat = "dashd-export"
	// manifestVersion is that of the format below. A reader refuses others.
	manifestVersion = 1
)

// exportManifest says what an exported file is, and of which log.
type exportManifest struct {
	Format  string `json:"format"`
	Version int    `json:"version"`

	Output exportedFile   `json:"output"`
	Filter exportedFilter `json:"filter"`
	// Projects are those whose events or rows were asked for; nil: all.
	Projects []string `json:"projects"`
	From     uint64   `json:"fromSeq"` // the range of the log that was read
	To       uint64   `json:"toSeq"`
	AsOf     *uint64  `json:"asOfSeq,omitempty"` // what --as-of stands for
	Events   uint64   `json:"events"`            // in the file; of rows: that were folded
	Rows     *uint64  `json:"rows,omitempty"`

	Log     exportedLog `json:"log"`
	Program string      `json:"program"` // version of dashd
	Folds   int         `json:"folds"`   // version of what the folds mean
	Created time.Time   `json:"created"`
}

type exportedFile struct {
	Name     string `json:"name"`
	Contents string `json:"contents"` // events, rows, explanation
	Format   string `json:"format"`
	Bytes    int64  `json:"bytes"`
	SHA256   string `json:"sha256"`
}

// exportedFilter is the filter as it was given.
type exportedFilter struct {
	From    uint64   `json:"from"`
	To      string   `json:"to,omitempty"`
	AsOf    string   `json:"asOf,omitempty"`
	Project string   `json:"project,omitempty"`
	User    string   `json:"user,omitempty"`
	Types   []string `json:"types,omitempty"`
	Tables  []string `json:"tables,omitempty"`
	Explain bool     `json:"explain,omitempty"`
}

// exportedLog says which log it was.
type exportedLog struct {
	TreeSize uint64 `json:"treeSize"` // events of the log then
	// Last is the block that holds the last event of the range: who has it can see later that
	// the log still holds the same. nil if the range is empty.
	Last *exportedBlock `json:"lastBlock,omitempty"`
}

type exportedBlock struct {
	First  uint64 `json:"firstSeq"`
	Events int    `json:"events"`
	SHA256 string `json:"sha256"` // of the whole block, as it is stored
}

// output is where a replay prints to: standard output, or a file that appears when it is whole.
type output struct {
	w    io.Writer
	file *os.File // nil: standard output
	path string
	sum  hash.Hash
	n    int64

	array bool          // of the lines that are written, each of which is an object
	buf   *bufio.Writer // in front of w, for an array
	begun bool          // there was one
	ended bool          // what was written last is the end of a line
}

// openOutput opens what the options name.
func (o *replayOptions) openOutput(stdout io.Writer) (*output, error) {
	out := &output{w: stdout, array: o.format == "json" && !o.check, sum: sha256.New()}
	if out.array {
		out.buf = bufio.NewWriterSize(writerFunc(out.put), writeTogether)
	}
	if o.output == "" {
		return out, nil
	}
	out.path = o.output
	var err error
	// The temporary file is the owner's alone, and so is what it becomes.
	if out.file, err = os.CreateTemp(filepath.Dir(o.output), "."+filepath.Base(o.output)+".*"); err != nil {
		return nil, fmt.Errorf("--output: %w", err)
	}
	out.w = out.file
	return out, nil
}

// Write writes text, of an array with commas between its lines.
func (out *output) Write(text []byte) (int, error) {
	if !out.array {
		return out.put(text)
	}
	n := len(text)
	for len(text) > 0 {
		switch {
		case !out.begun:
			out.begun = true
			_, _ = out.buf.WriteString("[\n") // its errors come again
		case out.ended:
			_, _ = out.buf.WriteString(",\n")
		}
		var line []byte
		line, text, out.ended = bytes.Cut(text, []byte("\n"))
		if _, err := out.buf.Write(line); err != nil {
			return 0, err
		}
	}
	return n, nil
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(text []byte) (int, error) { return f(text) }

// put writes what is in the file.
func (out *output) put(text []byte) (int, error) {
	n, err := out.w.Write(text)
	if out.file != nil {
		out.sum.Write(text[:n])
		out.n += int64(n)
	}
	return n, err
}

// finish ends what was written. A file is on the disk then, under a name of its own.
func (out *output) finish() error {
	if out.array {
		end := "\n]\n"
		if !out.begun {
			end = "[]\n"
		}
		_, _ = out.buf.WriteString(end)
		if err := out.buf.Flush(); err != nil {
			return err
		}
	}
	if out.file == nil {
		return nil
	}
	return out.file.Sync()
}

// abandon removes a file that did not become whole. What was printed elsewhere before an error stays.
func (out *output) abandon() {
	if out.buf != nil && out.file == nil {
		_ = out.buf.Flush() // there is another error, or nothing left
	}
	if out.file != nil {
		_ = out.file.Close()
		_ = os.Remove(out.file.Name()) // it has another name if it is whole
	}
}

// writeManifest gives the output its name, and writes its manifest. A manifest of what was there before goes
// first: none ever stands beside a file that it is not about.
func (o *replayOptions) writeManifest(ctx context.Context, src *source, out *output, r *replayed) error {
	m, err := o.manifest(ctx, src, out, r)
	if err != nil {
		return err
	}
	text, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return err
	}
	side, err := os.CreateTemp(filepath.Dir(out.path), "."+filepath.Base(out.path)+manifestSuffix+".*")
	if err != nil {
		return err
	}
	defer os.Remove(side.Name()) // unless it has got its name
	_, err = side.Write(append(text, '\n'))
	if err := errors.Join(err, side.Sync(), side.Close()); err != nil {
		return err
	}
	if err := os.Remove(out.path + manifestSuffix); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if err := os.Rename(out.file.Name(), out.path); err != nil {
		return err
	}
	if err := os.Rename(side.Name(), out.path+manifestSuffix); err != nil {
		return err
	}
	r.Output, r.SHA256 = out.path, m.Output.SHA256
	return syncDir(filepath.Dir(out.path))
}

// syncDir makes the names in a directory durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

func (o *replayOptions) manifest(ctx context.Context, src *source, out *output, r *replayed) (*exportManifest, error) {
	m := &exportManifest{
		Format: manifestFormat, Version: manifestVersion,
		Output: exportedFile{
			Name: filepath.Base(out.path), Contents: o.contents(), Format: o.format,
			Bytes: out.n, SHA256: hex.EncodeToString(out.sum.Sum(nil)),
		},
		Filter: exportedFilter{
			From: o.from, To: o.toGiven, AsOf: o.asOf, Project: o.project, User: o.user, Types: o.types, Tables: o.tables, Explain: o.explain,
		},
		From: o.reads(), To: o.to, Events: r.Events, Rows: r.Rows,
		Log: exportedLog{TreeSize: src.head}, Program: version, Folds: projections.NewRefold("").Version(),
		Created: time.Now().UTC().Truncate(time.Millisecond),
	}
	if o.project != "" {
		m.Projects = []string{o.project}
	}
	if o.asOf != "" {
		m.AsOf = &o.to
	}
	if o.to == 0 {
		return m, nil
	}
	last, err := src.blockOf(ctx, o.to)
	m.Log.Last = last
	return m, err
}

// contents is what is in the file.
func (o *replayOptions) contents() string {
	switch {
	case len(o.tables) > 0:
		return "rows"
	case o.explain:
		return "explanation"
	}
	return "events"
}

// blockOf is the block that holds a seq.
func (s *source) blockOf(ctx context.Context, seq uint64) (last *exportedBlock, err error) {
	err = s.blocks(ctx, seq, seq, func(b rawBlock) error {
		opened, err := b.open()
		if err == nil {
			sum := sha256.Sum256(b.raw)
			last = &exportedBlock{b.first, opened.Len(), hex.EncodeToString(sum[:])}
		}
		return err
	})
	return last, err
}

// verifyManifest checks a file that was exported, and, if a node is named, that its log still holds the
// block that it held then.
func (o *replayOptions) verifyManifest(ctx context.Context, t *target, stdout io.Writer) error {
	m, err := checkExport(o.verify)
	if err != nil {
		return err
	}
	log := ""
	if o.nodeGiven {
		if err := m.checkLog(ctx, t); err != nil {
			return err
		}
		log = ", as the log holds them"
	}
	if o.asJSON {
		return printJSON(stdout, struct {
			Verified bool            `json:"verified"`
			Log      bool            `json:"log"` // the log was looked at too
			Manifest *exportManifest `json:"manifest"`
		}{true, o.nodeGiven, m})
	}
	_, err = fmt.Fprintf(stdout, "%s is what was written on %s: %s of seq %d to %d of a log of %d events%s\n",
		m.Output.Name, moment(m.Created), m.Output.Contents, m.From, m.To, m.Log.TreeSize, log)
	return err
}

// checkExport compares a file with its manifest. The name may be that of either.
func checkExport(name string) (*exportManifest, error) {
	name = strings.TrimSuffix(name, manifestSuffix)
	text, err := os.ReadFile(name + manifestSuffix)
	if err != nil {
		return nil, err
	}
	m := &exportManifest{}
	in := json.NewDecoder(bytes.NewReader(text))
	in.DisallowUnknownFields()
	if err := in.Decode(m); err != nil || m.Format != manifestFormat {
		return nil, wrong("%s is no manifest of an export: %v", name+manifestSuffix, err)
	}
	if m.Version != manifestVersion {
		return nil, fmt.Errorf("%s is of version %d; this dashd reads %d", name+manifestSuffix, m.Version, manifestVersion)
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	sum := sha256.New()
	n, err := io.Copy(sum, f)
	if err != nil {
		return nil, errs.Stop(errs.ExitIO, err)
	}
	if n != m.Output.Bytes {
		return nil, wrong("%s has %d bytes, its manifest says %d", name, n, m.Output.Bytes)
	}
	if got := hex.EncodeToString(sum.Sum(nil)); got != m.Output.SHA256 {
		return nil, wrong("%s has SHA-256 %s, its manifest says %s", name, got, m.Output.SHA256)
	}
	return m, nil
}

// wrong is an error about bytes that are not what they have to be.
func wrong(format string, args ...any) error {
	return errs.Stop(errs.ExitIntegrity, fmt.Errorf(format, args...))
}

// checkLog looks at the block that held the last event that was exported.
func (m *exportManifest) checkLog(ctx context.Context, t *target) (err error) {
	src, err := openSource(ctx, t)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, src.close()) }()
	if src.head < m.Log.TreeSize {
		return wrong("the log has %d events; it had %d", src.head, m.Log.TreeSize)
	}
	if m.Log.Last == nil {
		return nil
	}
	got, err := src.blockOf(ctx, m.To)
	if err != nil {
		return err
	}
	if got == nil || *got != *m.Log.Last {
		return wrong("the log holds another block at seq %d than it did", m.Log.Last.First)
	}
	return nil
}
