package geoupdate

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"path"
)

// maxMembers bounds the members of an archive before the database.
const maxMembers = 64

var errTooLarge = errors.New("there is too much in it")

// unpack writes the database that is in from to a file: itself, compressed with gzip, or in an
// archive of tar. Of an archive it takes the first member whose name ends in .mmdb, and neither names
// nor links nor modes.
func unpack(to io.Writer, from io.Reader, most int64) error {
	in := bufio.NewReaderSize(from, 4096)
	if magic, _ := in.Peek(2); bytes.Equal(magic, []byte{0x1f, 0x8b}) {
		z, err := gzip.NewReader(in)
		if err != nil {
			return err
		}
		// Beside the database an archive has little.
		in = bufio.NewReaderSize(&limited{z, most + 1<<20}, 4096)
	}
	if head, _ := in.Peek(512); len(head) < 512 || string(head[257:262]) != "ustar" {
		return copyAll(to, in, most)
	}
	archive := tar.NewReader(in)
	for range maxMembers {
		member, err := archive.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		if member.Typeflag == tar.TypeReg && path.Ext(member.Name) == ".mmdb" {
			return copyAll(to, archive, most)
		}
	}
	return errors.New("there is no database in it")
}

func copyAll(to io.Writer, from io.Reader, most int64) error {
	n, err := io.Copy(to, io.LimitReader(from, most+1))
	if err == nil && n > most {
		err = errTooLarge
	}
	return err
}

// limited fails where a longer stream goes on: io.LimitReader would make it look whole.
type limited struct {
	from io.Reader
	left int64
}

func (l *limited) Read(p []byte) (int, error) {
	if l.left <= 0 {
		return 0, errTooLarge
	}
	n, err := l.from.Read(p[:min(int64(len(p)), l.left)])
	l.left -= int64(n)
	return n, err
}
