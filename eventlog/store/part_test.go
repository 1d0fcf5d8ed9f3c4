package store_test

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"reflect"
	"runtime"
	"testing"
	"testing/iotest"

	"dashd/eventlog/store"
	"dashd/internal/errs"
)

var samplePart = store.Part{
	First: 123_456_700, Blocks: [][]byte{[]byte("one"), {}, []byte("three")}, At: samplePosition,
}

// What two nodes say to each other may be of two releases. If this test fails, add a
// format version and a golden file.
func TestGoldenPartV1(t *testing.T) {
	const file = "testdata/part_v1.hex"
	got := store.AppendPart([]byte("before"), &samplePart)[len("before"):]
	if *update {
		if err := os.WriteFile(file, []byte(hex.EncodeToString(got)+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want := golden(t, file)
	if !bytes.Equal(got, want) {
		t.Errorf("a part is no longer written as in %s: %x", file, got)
	}
	if back, err := readPart(want); err != nil || !reflect.DeepEqual(*back, samplePart) {
		t.Errorf("%s is read as %+v, %v", file, back, err)
	}
}

func readPart(b []byte) (*store.Part, error) {
	return store.ReadPart(bufio.NewReader(bytes.NewReader(b)))
}

func TestPartsAreReadOneByOne(t *testing.T) {
	other := store.Part{First: 7, At: store.Position{Index: 9, Seq: 6}}
	stream := store.AppendPart(store.AppendPart(nil, &samplePart), &other)
	in := bufio.NewReader(iotest.OneByteReader(bytes.NewReader(stream)))
	for _, want := range []store.Part{samplePart, other} {
		if got, err := store.ReadPart(in); err != nil || !reflect.DeepEqual(*got, want) {
			t.Errorf("part %+v, %v, want %+v", got, err, want)
		}
	}
	if _, err := store.ReadPart(in); err != io.EOF {
		t.Errorf("behind the last part: %v", err)
	}
	one := store.AppendPart(nil, &samplePart)
	for n := 1; n < len(one); n++ {
		if _, err := readPart(one[:n]); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("the first %d bytes: %v", n, err)
		}
	}
}

func TestAPartThatIsNoneIsRefused(t *testing.T) {
	good := store.AppendPart(nil, &samplePart)
	for _, tt := range []struct {
		name   string
		change func(b []byte) []byte
	}{
		{"another version", func(b []byte) []byte { b[0] = 2; return b }},
		{"shorter than its fixed part", func([]byte) []byte { return []byte{1, 0, 0, 0, 15, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0} }},
		{"longer than any part", func(b []byte) []byte { binary.BigEndian.PutUint32(b[1:], 7<<20); return b }},
		{"a position that is longer than the part", func(b []byte) []byte { binary.BigEndian.PutUint32(b[17:], 1<<31); return b }},
		{"a position with a changed bit", func(b []byte) []byte { b[25] ^= 1; return b }},
		{"more blocks than there are", func(b []byte) []byte { b[16]++; return b }},
		{"more blocks than fit", func(b []byte) []byte { b[13] = 255; return b }},
		{"fewer blocks than there are", func(b []byte) []byte { b[16]--; return b }},
		{"a block that is longer than the rest", func(b []byte) []byte { b[len(b)-6]++; return b }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if p, err := readPart(tt.change(bytes.Clone(good))); errs.KindOf(err) != errs.Invalid {
				t.Errorf("read as %+v, %v", p, err)
			}
		})
	}
}

// A length costs no memory before its bytes are there.
func TestALengthAloneCostsNoMemory(t *testing.T) {
	b := []byte{1, 0, 0x5f, 0, 0} // almost 6 MiB, of which nothing comes
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range 100 {
		if _, err := readPart(b); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Fatal(err)
		}
	}
	runtime.ReadMemStats(&after)
	if got := (after.TotalAlloc - before.TotalAlloc) / 100; got > 100_000 {
		t.Errorf("%d bytes were allocated for a part of %d", got, len(b))
	}
}

func FuzzReadPart(f *testing.F) {
	f.Add(store.AppendPart(nil, &samplePart))
	f.Add(store.AppendPart(nil, &store.Part{}))
	f.Add([]byte{1, 0, 0, 0, 16})
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := readPart(b)
		if err != nil {
			return
		}
		again, err := readPart(store.AppendPart(nil, p))
		if err != nil || !reflect.DeepEqual(again, p) {
			t.Errorf("%+v became %+v, %v", p, again, err)
		}
	})
}
