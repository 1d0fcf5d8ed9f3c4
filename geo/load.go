package geo

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"syscall"
)

// defaultMaxBytes bounds the operator's file. The largest of MaxMind's have half of it.
const defaultMaxBytes = 1 << 30

// privateFiles are the names of the copies, which live for as long as it takes to open them.
const privateFiles = "geo-private-*.mmdb"

// load opens the operator's file, whatever is in it, or says why it is not fit for use.
// sum is the SHA-256 of what was read, "" if it could not be read as a whole. unless is
// the sum of what need not be opened, because it is known: the database is nil then.
func load(path, dir string, most int64, precision Precision, unless string) (d *database, sum string, err error) {
	private, size, sum, err := copyPrivate(path, dir, most)
	if err != nil {
		return nil, "", err
	}
	defer os.Remove(private) // what is mapped stays until it is not used any more
	if sum == unless {
		return nil, sum, nil
	}
	// The readers are made for hostile files; should one get them to panic nevertheless,
	// this is where it does.
	defer func() {
		if v := recover(); v != nil {
			d, err = nil, fmt.Errorf("the file cannot be read: %v", v)
		}
	}()
	d, err = openFile(private, size, sum, precision)
	if err != nil {
		return nil, sum, err
	}
	if err := d.verify(); err != nil {
		return nil, sum, err
	}
	d.cities() // here, where it takes nobody's time
	return d, sum, nil
}

// copyPrivate copies a file to one that nobody else can change: a mapped file that is
// written over, or cut, ends the process.
func copyPrivate(path, dir string, most int64) (private string, size int64, sum string, err error) {
	from, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0) // a pipe must not hold us up
	if err != nil {
		return "", 0, "", fmt.Errorf("the file cannot be read: %w", cause(err))
	}
	defer from.Close()
	info, err := from.Stat()
	switch {
	case err != nil:
		return "", 0, "", fmt.Errorf("the file cannot be read: %w", cause(err))
	case !info.Mode().IsRegular():
		return "", 0, "", errors.New("it is not a file")
	case info.Size() > most:
		return "", 0, "", fmt.Errorf("the file has %d bytes, and may have %d", info.Size(), most)
	}
	to, err := os.CreateTemp(dir, privateFiles) // mode 0600
	if err != nil {
		return "", 0, "", fmt.Errorf("the file cannot be copied: %w", cause(err))
	}
	hash := sha256.New()
	size, err = io.Copy(io.MultiWriter(to, hash), io.LimitReader(from, most+1))
	if err == nil && size > most {
		err = fmt.Errorf("the file has more than %d bytes", most)
	}
	if err = errors.Join(err, to.Close()); err != nil {
		_ = os.Remove(to.Name()) // it is of no use
		return "", 0, "", fmt.Errorf("the file cannot be copied: %w", cause(err))
	}
	return to.Name(), size, hex.EncodeToString(hash.Sum(nil)), nil
}

// cause is an error of the file system without the path, which is the operator's affair.
func cause(err error) error {
	var at *fs.PathError
	if errors.As(err, &at) {
		return at.Err
	}
	return err
}

// removeCopies removes what a process that was killed has left.
func removeCopies(dir string) {
	names, _ := filepath.Glob(filepath.Join(dir, privateFiles)) // the pattern is good
	for _, name := range names {
		_ = os.Remove(name) // it does no harm
	}
}

const (
	trialNetworks  = 1000
	trialAddresses = 100
)

// verify reads everything that lookups may read, and tries some.
func (d *database) verify() error {
	if err := d.tree.Verify(); err != nil {
		return fmt.Errorf("the database is damaged: %w", err)
	}
	n, located := 0, false
	for found := range d.tree.Networks() {
		if n++; n > trialNetworks {
			break
		}
		if err := found.Err(); err != nil {
			return fmt.Errorf("the database is damaged: %w", err)
		}
		p, err := d.read(found.Prefix().Addr())
		if err != nil {
			return fmt.Errorf("the record of %s is not that of a place: %w", found.Prefix(), err)
		}
		located = located || p != Place{}
	}
	rnd := rand.New(rand.NewPCG(1, 1)) // the same for each file
	for i := range trialAddresses {
		a := someAddress(rnd, i%2 == 0)
		found := d.tree.Lookup(a)
		if !found.Found() {
			continue
		}
		p, err := d.read(a)
		if err != nil {
			return fmt.Errorf("the record of %s is not that of a place: %w", found.Prefix(), err)
		}
		located = located || p != Place{}
	}
	if !located {
		return errors.New("the database knows no country")
	}
	return nil
}

func someAddress(rnd *rand.Rand, v4 bool) netip.Addr {
	var b [16]byte
	for i := range b {
		b[i] = byte(rnd.Uint32())
	}
	if v4 {
		return netip.AddrFrom4([4]byte(b[:4]))
	}
	b[0] = 0x20 | b[0]&0x1f // what has been given out
	return netip.AddrFrom16(b)
}
