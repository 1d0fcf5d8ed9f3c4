package cluster

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"os"
)

// bbolt believes what its pages say about themselves. A flipped bit in one of the
// two heads makes it use the other, which may lack the last commit; one in the
// number of elements of a page makes the last entries of the log disappear. No
// checksum covers either, and nothing else knows how far the log went: so what can
// be known of the structure is checked before the file is opened.
//
// A page is a header (id 8 bytes, flags 2, count 2, further pages 4) and its
// elements, 16 bytes each: of a leaf flags, position, length of key and of value, 4
// each; of a branch position and length of key, 4 each, and the page below, 8. Keys
// and values follow without a gap, in order. Positions count from the element. All
// integers have the byte order of the machine.
const (
	pageHeader  = 16
	pageElement = 16
	branchPage  = 1
	leafPage    = 2
	subBucket   = 1 // flag of a leaf's element: the value is a bucket
	headBytes   = 64
	headSum     = 56 // where in a head its checksum is
	boltMagic   = 0xED0CDAED
	boltVersion = 2
)

// head is the part of a head page that matters: where everything begins.
type head struct {
	pageSize uint32
	root     uint64
	end      uint64 // no page has this number or a higher one
	tx       uint64
}

// checkPages checks the heads of the file and every page that they lead to. What it
// finds is a *damage.
func checkPages(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	newest, err := readHeads(f)
	if err != nil {
		return err
	}
	w := walker{f: f, head: newest}
	return w.page(newest.root, nil, nil, true)
}

// readHeads returns the newest of the two heads. Each is written within one sector,
// so that both are whole whenever power fails.
func readHeads(f io.ReaderAt) (newest head, err error) {
	first, err := readHead(f, 0)
	if err != nil {
		return head{}, err
	}
	second, err := readHead(f, int64(first.pageSize))
	if err != nil {
		return head{}, err
	}
	if first.tx > second.tx {
		return first, nil
	}
	return second, nil
}

func readHead(f io.ReaderAt, at int64) (head, error) {
	b := make([]byte, pageHeader+headBytes)
	if _, err := f.ReadAt(b, at); errors.Is(err, io.EOF) {
		return head{}, &damage{"the file is cut short"}
	} else if err != nil {
		return head{}, err
	}
	b = b[pageHeader:]
	sum := fnv.New64a()
	sum.Write(b[:headSum])
	order := binary.NativeEndian
	h := head{pageSize: order.Uint32(b[8:]), root: order.Uint64(b[16:]), end: order.Uint64(b[40:]), tx: order.Uint64(b[48:])}
	if order.Uint32(b) != boltMagic || order.Uint32(b[4:]) != boltVersion || order.Uint64(b[headSum:]) != sum.Sum64() ||
		h.pageSize < pageHeader+headBytes {
		return head{}, &damage{fmt.Sprintf("the head at byte %d is not what was written", at)}
	}
	return h, nil
}

// walker visits the pages below a head.
type walker struct {
	f    io.ReaderAt
	head head
}

// page checks a page and what is below it. Its keys must not be before from, and
// must be before to, if that is given. Only the top page of a bucket may be empty.
func (w *walker) page(id uint64, from, to []byte, top bool) error {
	if id < 2 || id >= w.head.end {
		return &damage{fmt.Sprintf("page %d is beyond the end", id)}
	}
	at := int64(id) * int64(w.head.pageSize)
	b := make([]byte, w.head.pageSize)
	if err := w.read(b, at); err != nil {
		return err
	}
	more := uint64(binary.NativeEndian.Uint32(b[12:]))
	if id+more >= w.head.end {
		return &damage{fmt.Sprintf("page %d goes on beyond the end", id)}
	}
	if more > 0 {
		b = make([]byte, (1+more)*uint64(w.head.pageSize))
		if err := w.read(b, at); err != nil {
			return err
		}
	}
	if err := w.elements(b, id, from, to, top); err != nil {
		var d *damage
		if errors.As(err, &d) {
			return err
		}
		return &damage{fmt.Sprintf("page %d: %v", id, err)}
	}
	return nil
}

func (w *walker) read(b []byte, at int64) error {
	_, err := w.f.ReadAt(b, at)
	if errors.Is(err, io.EOF) {
		return &damage{"the file is cut short"}
	}
	return err
}

// elements checks the elements of a page.
func (w *walker) elements(b []byte, id uint64, from, to []byte, top bool) error {
	order := binary.NativeEndian
	flags, count := order.Uint16(b[8:]), int(order.Uint16(b[10:]))
	switch {
	case order.Uint64(b) != id:
		return errors.New("it says that it is another one")
	case flags != leafPage && flags != branchPage:
		return errors.New("it is of no known kind")
	case count == 0 && !(top && flags == leafPage):
		return errors.New("it is empty")
	}
	next := pageHeader + count*pageElement
	if next > len(b) {
		return errors.New("its elements do not fit")
	}
	var keys, values [][]byte
	for i := range count {
		e := b[pageHeader+i*pageElement:]
		var position, key, value uint64
		if flags == leafPage {
			position, key, value = uint64(order.Uint32(e[4:])), uint64(order.Uint32(e[8:])), uint64(order.Uint32(e[12:]))
		} else {
			position, key = uint64(order.Uint32(e)), uint64(order.Uint32(e[4:]))
		}
		if uint64(pageHeader+i*pageElement)+position != uint64(next) || key+value > uint64(len(b)-next) {
			return fmt.Errorf("element %d is not where it must be", i)
		}
		keys = append(keys, b[next:next+int(key)])
		next += int(key)
		values = append(values, b[next:next+int(value)])
		next += int(value)
	}
	if err := inOrder(keys, from, to); err != nil {
		return err
	}
	for i := range count {
		e := b[pageHeader+i*pageElement:]
		var err error
		switch {
		case flags == branchPage:
			below := to
			if i+1 < count {
				below = keys[i+1]
			}
			err = w.page(order.Uint64(e[8:]), keys[i], below, false)
		case order.Uint32(e) == subBucket:
			err = w.bucket(values[i])
		case order.Uint32(e) != 0:
			err = fmt.Errorf("element %d is of no known kind", i)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// inOrder checks that keys rise, from from and to before to.
func inOrder(keys [][]byte, from, to []byte) error {
	for i, key := range keys {
		if i > 0 && bytes.Compare(keys[i-1], key) >= 0 || bytes.Compare(key, from) < 0 || to != nil && bytes.Compare(key, to) >= 0 {
			return fmt.Errorf("the key of element %d is out of order", i)
		}
	}
	return nil
}

// bucket checks a bucket: its header, which is the number of its top page and a
// sequence, and that page, which follows at once if the number is 0.
func (w *walker) bucket(value []byte) error {
	const header = 16
	if len(value) < header {
		return errors.New("a bucket is cut short")
	}
	if top := binary.NativeEndian.Uint64(value); top != 0 {
		return w.page(top, nil, nil, true)
	}
	if len(value) < header+pageHeader {
		return errors.New("a bucket is cut short")
	}
	return w.elements(value[header:], 0, nil, nil, true)
}
