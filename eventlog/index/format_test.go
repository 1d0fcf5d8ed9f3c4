package index_test

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"dashd/eventlog"
	"dashd/eventlog/index"
	"dashd/internal/kv"
)

var update = flag.Bool("update", false, "write golden files")

const goldenSegment = 40

// goldenLog is a log of one segment that has all there is: ties, times out of
// order, absent values, two projects.
func goldenLog(tb testing.TB) (*memLog, *world) {
	w := &world{rng: rand.New(rand.NewPCG(7, 7)), now: 1_767_225_600_000, late: 30}
	log := newMemLog()
	w.grow(tb, log, goldenSegment, always)
	return log, w
}

// A segment written today must be readable for ever, so its bytes are kept. If
// this test fails, add a format version and a golden file; run -update only for a
// version that no node has written yet.
func TestGoldenWritten(t *testing.T) {
	const file = "testdata/v2.segment"
	log, _ := goldenLog(t)
	var got bytes.Buffer
	for _, p := range index.Parts(index.FillSegment(log.blocks, goldenSegment)) {
		fmt.Fprintf(&got, "%x %x\n", p[0], p[1])
	}
	if *update {
		if err := os.WriteFile(file, got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got.Bytes(), want) {
		t.Errorf("a segment is no longer written as in %s", file)
	}
}

// Segments of all versions answer alike. Version 1 had a filter where a guide is now.
func TestGoldenRead(t *testing.T) {
	for _, version := range []string{"v1", "v2"} {
		t.Run(version, func(t *testing.T) {
			log, w := goldenLog(t)
			dir := t.TempDir()
			put(t, dir, "testdata/"+version+".segment")
			var opts index.Options
			opts.SetSegmentEvents(goldenSegment)
			n := startNode(t, log, dir, opts)
			if got := n.SealedSegments(); got != 1 {
				t.Fatalf("%d segments, want the golden one", got)
			}
			for range 200 {
				w.compare(t, n, w.query())
			}
		})
	}
}

// put makes a database of the lines of a golden file.
func put(t *testing.T, dir, file string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	db, err := kv.Open(dir, kv.Options{})
	if err != nil {
		t.Fatal(err)
	}
	err = db.Write(func(put func(key, val []byte) error) error {
		for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
			k, v, _ := strings.Cut(lines.Text(), " ")
			key, err := hex.DecodeString(k)
			if err != nil {
				return err
			}
			val, err := hex.DecodeString(v)
			if err != nil {
				return err
			}
			if err := put(key, val); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

const partLetters = "mktueosaicUEOSAIC"

// parts returns the parts of the golden segment by letter.
func parts(tb testing.TB) map[byte][]byte {
	log, _ := goldenLog(tb)
	byLetter := make(map[byte][]byte)
	for _, p := range index.Parts(index.FillSegment(log.blocks, goldenSegment)) {
		byLetter[p[1][1]] = p[1] // the letter is the second byte of each value
	}
	return byLetter
}

// goldenKinds is more than the golden segment has, so that its parts are accepted.
const goldenKinds = 256

func TestPartsThatAreWrongAreRefused(t *testing.T) {
	for letter, val := range parts(t) {
		if !index.Decode(letter, val, goldenSegment, goldenKinds) {
			t.Errorf("part %c is refused as it is", letter)
		}
		for i := range val {
			wrong := bytes.Clone(val)
			wrong[i] ^= 1 << (i % 8)
			if index.Decode(letter, wrong, goldenSegment, goldenKinds) {
				t.Errorf("part %c is accepted with byte %d changed", letter, i)
			}
			if index.Decode(letter, val[:i], goldenSegment, goldenKinds) {
				t.Errorf("part %c is accepted cut at %d", letter, i)
			}
		}
		if letter != 'm' && index.Decode(letter, val, goldenSegment+1, goldenKinds) {
			t.Errorf("part %c is accepted for a longer segment", letter)
		}
		for _, other := range partLetters {
			if byte(other) != letter && index.Decode(byte(other), val, goldenSegment, goldenKinds) {
				t.Errorf("part %c is accepted as %c", letter, other)
			}
		}
	}
}

// A part with a right checksum can still be wrong inside.
func TestContentsThatAreWrongAreRefused(t *testing.T) {
	table := func(hashes []uint64, starts, rows []uint16) []byte {
		b := binary.LittleEndian.AppendUint32(nil, uint32(len(hashes)))
		b = binary.LittleEndian.AppendUint32(b, uint32(len(rows)))
		b, _ = binary.Append(b, binary.LittleEndian, hashes)
		b, _ = binary.Append(b, binary.LittleEndian, starts)
		b, _ = binary.Append(b, binary.LittleEndian, rows)
		return b
	}
	guide := func(hashes, rows uint32, firsts []uint64, starts []uint16, sums int) []byte {
		b := binary.LittleEndian.AppendUint32(nil, hashes)
		b = binary.LittleEndian.AppendUint32(b, rows)
		for i := range firsts {
			b = binary.LittleEndian.AppendUint64(b, firsts[i])
			b = binary.LittleEndian.AppendUint16(b, starts[i])
			b = binary.LittleEndian.AppendUint32(b, 0)
		}
		return append(b, make([]byte, 4*sums)...)
	}
	tests := []struct {
		name    string
		letter  byte
		content []byte
		want    bool
	}{
		{"a good table", 'u', table([]uint64{5, 9}, []uint16{0, 1}, []uint16{7, 0, 9}), true},
		{"a table without hashes", 'u', table(nil, nil, nil), true},
		{"rows without a hash", 'u', table(nil, nil, []uint16{1}), false},
		{"hashes that descend", 'u', table([]uint64{9, 5}, []uint16{0, 1}, []uint16{7, 0, 9}), false},
		{"a hash twice", 'u', table([]uint64{5, 5}, []uint16{0, 1}, []uint16{7, 0, 9}), false},
		{"a hash of no rows", 'u', table([]uint64{5, 9}, []uint16{0, 0}, []uint16{7, 8, 9}), false},
		{"a first hash that starts late", 'u', table([]uint64{5, 9}, []uint16{1, 2}, []uint16{7, 8, 9}), false},
		{"a start behind all rows", 'u', table([]uint64{5, 9}, []uint16{0, 3}, []uint16{7, 8, 9}), false},
		{"a row the segment does not have", 'u', table([]uint64{5}, []uint16{0}, []uint16{10}), false},
		{"rows of a hash that descend", 'u', table([]uint64{5}, []uint16{0}, []uint16{8, 7}), false},
		{"a good guide", 'U', guide(9, 9, []uint64{5}, []uint16{0}, 1), true},
		{"a guide without hashes", 'U', guide(0, 0, nil, nil, 0), true},
		{"more hashes than rows", 'U', guide(9, 8, []uint64{5}, []uint16{0}, 1), false},
		{"more rows than the segment has", 'U', guide(9, 11, []uint64{5}, []uint16{0}, 1), false},
		{"a page too many", 'U', guide(9, 9, []uint64{5, 6}, []uint16{0, 1}, 1), false},
		{"a page too few", 'U', guide(9, 9, nil, nil, 1), false},
		{"a sum too few", 'U', guide(9, 9, []uint64{5}, []uint16{0}, 0), false},
		{"a first page that starts late", 'U', guide(9, 9, []uint64{5}, []uint16{1}, 1), false},
		{"kind numbers", 'k', append([]byte{1}, make([]byte, 10)...), true},
		{"a kind number that is not in the table", 'k', append([]byte{1}, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0), false},
		{"too few kind numbers", 'k', append([]byte{2}, make([]byte, 10)...), false},
		{"kind numbers of 3 bytes", 'k', append([]byte{3}, make([]byte, 30)...), false},
		{"times", 't', append([]byte{4}, make([]byte, 48)...), true},
		{"too few times", 't', append([]byte{8}, make([]byte, 48)...), false},
		{"no times", 't', nil, false},
		{"an empty segment record", 'm', nil, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := index.Decode(tt.letter, index.Seal(tt.letter, 10, tt.content), 10, 3); got != tt.want {
				t.Errorf("accepted: %v, want %v", got, tt.want)
			}
		})
	}
}

// Whatever a stored value holds, reading it neither panics nor reserves memory out
// of proportion, and what is accepted can be used. The checksum is put right, or
// little would get past it.
func FuzzDecode(f *testing.F) {
	for letter, val := range parts(f) {
		f.Add(letter, uint32(goldenSegment), val[14:len(val)-4])
	}
	f.Fuzz(func(t *testing.T, letter byte, rows uint32, content []byte) {
		rows = min(rows, 1<<16)
		index.Decode(letter, content, int(rows), 3)
		index.Decode(letter, index.Seal(letter, int(rows), content), int(rows), 3)
	})
}

// Values that a column cannot hold in its short form take the long one.
func TestExtremeTimesAndManyKinds(t *testing.T) {
	w := &world{rng: rand.New(rand.NewPCG(3, 3)), now: 1000, late: 10}
	log := newMemLog()
	const segment = 600
	times := []int64{-1 << 62, 1 << 62, 0, -1, 1 << 40}
	for i := 0; i < 3*segment; i += 50 {
		events := make([]eventlog.Event, 50)
		for j := range events {
			events[j] = w.event()
			events[j].Type = eventlog.Type(fmt.Sprintf("custom.t%d", (i+j)%400)) // more kinds than a byte counts
			events[j].Time = times[w.rng.IntN(len(times))] + w.rng.Int64N(5)
			w.twin = append(w.twin, eventlog.Record{Seq: uint64(len(w.twin)) + 1, Event: events[j]})
		}
		log.add(t, events, 0)
	}
	var opts index.Options
	opts.SetSegmentEvents(segment)
	n := startNode(t, log, t.TempDir(), opts)
	_ = n.query(index.Query{})
	n = n.restart()
	for i := range 300 {
		q := w.query()
		if i%3 == 0 {
			q.Types, q.Categories = []eventlog.Type{eventlog.Type(fmt.Sprintf("custom.t%d", i))}, nil
		}
		w.compare(t, n, q)
	}
}
