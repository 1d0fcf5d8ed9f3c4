package index

import (
	"context"
	"math"
	"slices"
	"strings"

	"dashd/eventlog/block"
	"dashd/internal/kv"
)

// SetSegmentEvents makes an index opened with o have segments of n events.
func (o *Options) SetSegmentEvents(n int) { o.segmentEvents = n }

// SealedSegments is the number of segments that are in the database.
func (x *Index) SealedSegments() int {
	n := 0
	for _, s := range x.view.Load().done {
		if _, ok := s.(*sealed); ok {
			n++
		}
	}
	return n
}

// CachedBytes is what the cache holds.
func (x *Index) CachedBytes() int64 {
	x.loader.cache.mu.Lock()
	defer x.loader.cache.mu.Unlock()
	return x.loader.cache.bytes
}

// AppendAll appends blocks to segments in memory, as Run does.
func AppendAll(blocks []block.Block) {
	x := &Index{segmentEvents: SegmentEvents, hasher: new(hasher), pool: &kindPool{}}
	x.view.Store(&view{})
	first := uint64(1)
	for i := range blocks {
		if err := x.add(first, &blocks[i]); err != nil {
			panic(err)
		}
		first += uint64(blocks[i].Len())
	}
}

// TableOf returns the hashes of a column's table, and the rows of each, after tables of others
// were sorted in the same memory.
func TableOf(column []uint64, before ...[]uint64) (hashes []uint64, rows [][]uint16) {
	s := new(sorter)
	for _, other := range before {
		newTable(other, s)
	}
	t := newTable(column, s)
	for _, h := range t.hashes {
		rows = append(rows, t.find(h))
	}
	return t.hashes, rows
}

// Lookup finds h in the stored value of a table as queries do, with the guide of what was
// stored before: it may have been damaged since.
func Lookup(column []uint64, damage func(stored []byte), h uint64) (rows []uint16, err error) {
	t := newTable(column, new(sorter))
	stored := appendTable(nil, 0, 0, len(column), &t)
	g, err := decodeGuide(appendGuide(nil, 0, 0, len(column), newGuide(stored)), 0, 0, len(column))
	if err != nil {
		return nil, err
	}
	damage(stored)
	p := g.pageOf(h)
	if p < 0 {
		return nil, nil
	}
	err = g.use(stored, h, p, func(g *guide, b []byte, from, to int) (err error) {
		rows, err = g.list(b, from, to, len(column))
		return err
	})
	return rows, err
}

// FillSegment returns the first segment, of n events, of a log of blocks.
func FillSegment(blocks []block.Block, n int) *dense {
	d, h, pool := newDense(0, 1, n), new(hasher), &kindPool{}
	for _, b := range blocks {
		for _, g := range b.Groups() {
			h.next()
			d.append(&g, 0, min(g.Len(), n-d.n), h, pool)
		}
	}
	return d
}

// EncodeSegment returns the length of what is stored of d.
func EncodeSegment(d *dense) int {
	n := 0
	_, parts := d.encode()
	for _, p := range parts {
		n += len(p.val)
	}
	return n
}

// Parts returns what is stored of a segment: pairs of key and value.
func Parts(d *dense) [][2][]byte {
	_, parts := d.encode()
	var pairs [][2][]byte
	for _, p := range parts {
		pairs = append(pairs, [2][]byte{p.key, p.val})
	}
	return pairs
}

// Seal returns content in the frame of a part with that letter, of segment 0.
func Seal(letter byte, rows int, content []byte) []byte {
	b := append(appendHeader(nil, letter, 0, rows), content...)
	if strings.IndexByte(guideLetters, letter) >= 0 {
		b[0] = guideVersion
	}
	return appendSum(b)
}

// Decode reads b as the part of segment 0 that letter names, looks at all of what it
// says as a query does, and reports whether it was accepted.
func Decode(letter byte, b []byte, rows, kinds int) bool {
	pool := &kindPool{}
	field := max(strings.IndexByte(letters, letter), strings.IndexByte(guideLetters, letter))
	switch {
	case letter == letterSegment:
		m, err := decodeMeta(b, 0, pool)
		return err == nil && len(appendMeta(nil, &m)) > 0
	case letter == letterKinds:
		column, err := decodeKindColumn(b, 0, rows, kinds)
		for _, k := range column {
			_ = make([]bool, kinds)[k]
		}
		return err == nil
	case letter == letterTimes:
		c, err := decodeTimeColumn(b, 0, rows)
		return err == nil && c.rows() == rows
	case field >= 0 && letter == letters[field]:
		t, err := decodeTable(b, field, 0, rows)
		if err != nil {
			return false
		}
		for _, h := range t.hashes {
			for _, r := range t.find(h) {
				_ = make([]bool, rows)[r]
			}
		}
		return true
	case field >= 0:
		g, err := decodeGuide(b, field, 0, rows)
		if err != nil || g == nil {
			return err == nil
		}
		for i := range g.pages {
			_, _, _ = g.span(make([]byte, g.length()), g.pages[i].first, i)
		}
		return true
	}
	return false
}

// WriteMetas stores the first segment's s/ value as that of n segments.
func WriteMetas(db *kv.DB, blocks []block.Block, n int) error {
	m, _ := FillSegment(blocks, SegmentEvents).encode()
	return db.Write(func(put func(key, val []byte) error) error {
		for i := range n {
			m.number, m.first = uint64(i), 1+uint64(i)*SegmentEvents
			if err := put(kv.SegmentKey(m.number), appendMeta(nil, &m)); err != nil {
				return err
			}
		}
		return nil
	})
}

// fixedSegment is a segment of columns.
type fixedSegment struct {
	segment
	kinds           []uint16
	times           timeColumn
	least, greatest int64
	table           *kindTable
	hours           *hourTable
}

func (f *fixedSegment) start() uint64                   { return 1 }
func (f *fixedSegment) rows() int                       { return len(f.kinds) }
func (f *fixedSegment) span() (least, greatest int64)   { return f.least, f.greatest }
func (f *fixedSegment) kindTable() (*kindTable, error)  { return f.table, nil }
func (f *fixedSegment) kindColumn() ([]uint16, error)   { return f.kinds, nil }
func (f *fixedSegment) timeColumn() (timeColumn, error) { return f.times, nil }
func (f *fixedSegment) hourTable() (*hourTable, error)  { return f.hours, nil }

// CountColumns counts the rows of one segment, which are of the kinds 0 to 2, by its hours if
// it has any that are worth it, and by its rows.
func CountColumns(kinds []uint16, times []int64, q Query, b Buckets) (byHours, byRows Histogram, err error) {
	table := &kindTable{kinds: []*kind{newKind(kindKey{typ: "a.a"}), newKind(kindKey{typ: "a.b"}), newKind(kindKey{typ: "b.a"})}}
	column := timeColumn{wide: times}.summarize()
	if least, greatest := slices.Min(times), slices.Max(times); greatest-least <= math.MaxUint32 {
		column = timeColumn{base: least, narrow: make([]uint32, len(times))}
		for i, t := range times {
			column.narrow[i] = uint32(t - least)
		}
	}
	count := func(hours *hourTable) Histogram {
		seg := &fixedSegment{kinds: kinds, times: column, least: slices.Min(times), greatest: slices.Max(times), table: table, hours: hours}
		s := &search{ctx: context.Background(), q: &q, filter: newKindFilter(&q)}
		p, err := newShare(seg, &q, &s.filter, nil, uint64(len(kinds)))
		if err != nil {
			panic(err)
		}
		if p != nil {
			s.shares = []*share{p}
		}
		h, err := s.histogram(b, ByType, 1)
		if err != nil {
			panic(err)
		}
		return h
	}
	if q, err = b.narrow(q); err != nil {
		return Histogram{}, Histogram{}, err
	}
	return count(newHourTable(kinds, &column, len(table.kinds))), count(nil), nil
}
