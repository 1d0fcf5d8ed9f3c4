package index

import (
	"math"
	"slices"

	"dashd/eventlog/block"
)

// chunkRows is the distance of the entries of timeColumn.peaks.
const chunkRows = 512

// timeColumn has the time of each row of a segment. The zero value has none.
type timeColumn struct {
	wide []int64 // the times; or nil:
	// Where they are no more than seven weeks apart, as those of a segment mostly are,
	// how much later than base they are takes half the memory.
	base   int64
	narrow []uint32
	// peaks[i] is the latest time of all rows before i*chunkRows. Rows are
	// nearly in order of time, so it soon tells that all rows left are too old.
	peaks []int64
	// floors[i] is the earliest time of all rows from i*chunkRows on. It is nil
	// for the open segment, where it changes.
	floors []int64
}

// noneBetter reports whether it is sure, from the row's chunk on down (ascending: on
// up), that no row comes before one of time worst that was found there: of equal
// times the one found first is first.
func (c *timeColumn) noneBetter(chunk int, ascending bool, worst int64) bool {
	if ascending {
		return c.floors != nil && c.floors[chunk] >= worst
	}
	return chunk+1 < len(c.peaks) && c.peaks[chunk+1] <= worst
}

// rows is the number of times.
func (c *timeColumn) rows() int { return max(len(c.wide), len(c.narrow)) }

// at is the time of a row.
func (c *timeColumn) at(row int) int64 {
	if c.wide != nil {
		return c.wide[row]
	}
	return c.base + int64(c.narrow[row])
}

// summarize fills in peaks and floors.
func (c timeColumn) summarize() timeColumn {
	n := c.rows()
	c.peaks = make([]int64, 0, n/chunkRows+1)
	peak := int64(math.MinInt64)
	for i := range n {
		if i%chunkRows == 0 {
			c.peaks = append(c.peaks, peak)
		}
		peak = max(peak, c.at(i))
	}
	c.floors = make([]int64, len(c.peaks))
	floor := int64(math.MaxInt64)
	for i := n - 1; i >= 0; i-- {
		floor = min(floor, c.at(i))
		if i%chunkRows == 0 {
			c.floors[i/chunkRows] = floor
		}
	}
	return c
}

// bytes is about what the column takes.
func (c *timeColumn) bytes() int { return 8*len(c.wide) + 4*len(c.narrow) + 16*len(c.peaks) }

// dense is a segment in memory: the open one, or a full one that is not written
// yet. Only Run's goroutine appends, only at rows that no view has published, so
// a reader of the rows below its view's length needs no lock.
type dense struct {
	number uint64
	first  uint64 // seq of row 0
	n      int    // rows; owned by Run's goroutine, readers have denseView.n

	times   []int64 // of the segment's full length, as all columns
	peaks   []int64
	kinds   []uint16
	hashes  [numFields][]uint64 // 0: no value
	filters [numFields][]filter // of each chunk of hashes that is full
	table   []*kind
	numbers map[kindKey]uint16 // place in table; Run's goroutine only

	min, max int64
	sorted   bool
}

func newDense(number, first uint64, length int) *dense {
	d := &dense{
		number: number, first: first,
		times: make([]int64, length), kinds: make([]uint16, length),
		peaks:   make([]int64, 0, length/chunkRows+1),
		numbers: make(map[kindKey]uint16),
		min:     math.MaxInt64, max: math.MinInt64, sorted: true,
	}
	for f := range d.hashes {
		d.hashes[f] = make([]uint64, length)
		d.filters[f] = make([]filter, 0, length/chunkRows)
	}
	return d
}

// filter tells of most hashes that a chunk lacks that it lacks them: a bit for each value of their
// upper twelve bits. 512 hashes set at most an eighth of the bits.
type filter [64]uint64

func newFilter(hashes []uint64) (f filter) {
	for _, h := range hashes {
		f[h>>58] |= 1 << (h >> 52 & 63)
	}
	return f
}

// mayHave reports whether the chunk can have one of the wanted hashes.
func (f *filter) mayHave(wanted []uint64) bool {
	return slices.ContainsFunc(wanted, func(h uint64) bool { return f[h>>58]>>(h>>52&63)&1 != 0 })
}

func (d *dense) full() bool   { return d.n == len(d.times) }
func (d *dense) last() uint64 { return d.first + uint64(d.n) - 1 }

// append adds the rows [from, to) of g. They must fit, and be those behind the
// last row added.
func (d *dense) append(g *block.Group, from, to int, h *hasher, pool *kindPool) {
	d.appendTimes(g, from, to)
	d.appendKinds(g, from, to, pool)
	for f, column := range columns {
		hashes := d.hashes[f][d.n : d.n+to-from]
		for i := range hashes {
			if ref := g.Ref(column, from+i); ref != 0 {
				hashes[i] = h.hash(g, g.Ref(block.ColProject, from+i), ref)
			}
		}
	}
	d.n += to - from
	for f, hashes := range d.hashes {
		for c := len(d.filters[f]); c < d.n/chunkRows; c++ {
			d.filters[f] = append(d.filters[f], newFilter(hashes[c*chunkRows:(c+1)*chunkRows]))
		}
	}
}

func (d *dense) appendTimes(g *block.Group, from, to int) {
	for i := from; i < to; i++ {
		t, row := g.Time(i), d.n+i-from
		if row%chunkRows == 0 {
			d.peaks = append(d.peaks, d.max)
		}
		d.times[row] = t
		if t < d.max {
			d.sorted = false
		}
		d.min, d.max = min(d.min, t), max(d.max, t)
	}
}

func (d *dense) appendKinds(g *block.Group, from, to int, pool *kindPool) {
	// Events of one kind have equal references within a group: most rows find
	// their kind in this small direct-mapped memory, without a look at strings.
	var recent [64]struct {
		refs   uint64
		number uint16
	}
	for i := from; i < to; i++ {
		project, typ := g.Ref(block.ColProject, i), g.Ref(block.ColType, i)
		status, source, shown := g.Status(i), g.Source(i), g.Shown(i)
		refs := 1<<63 | uint64(project)<<40 | uint64(typ)<<24 | uint64(status)<<16 | uint64(source)<<8 | uint64(shown)
		at := &recent[refs*0x9e3779b97f4a7c15>>58]
		if at.refs != refs {
			number, ok := d.numbers[kindKey{string(g.Dict(project)), string(g.Dict(typ)), status, source, shown}]
			if !ok {
				number = d.addKind(pool.get(kindKey{string(g.Dict(project)), string(g.Dict(typ)), status, source, shown}))
			}
			at.refs, at.number = refs, number
		}
		d.kinds[d.n+i-from] = at.number
	}
}

// addKind gives k the next number. A segment has at most as many kinds as
// events, so the number fits.
func (d *dense) addKind(k *kind) uint16 {
	number := uint16(len(d.table))
	d.table = append(d.table, k)
	d.numbers[k.kindKey] = number
	return number
}

// view returns the rows there are as a segment for readers.
func (d *dense) view() *denseView {
	return &denseView{d: d, n: d.n, hashes: d.hashes, filters: d.filters, peaks: d.peaks, table: kindTable{kinds: d.table}, min: d.min, max: d.max, inOrder: d.sorted}
}

// denseView is a dense segment as it was when published. Immutable.
type denseView struct {
	d        *dense
	n        int
	hashes   [numFields][]uint64
	filters  [numFields][]filter
	peaks    []int64
	table    kindTable
	min, max int64
	inOrder  bool
}

func (v *denseView) start() uint64                  { return v.d.first }
func (v *denseView) rows() int                      { return v.n }
func (v *denseView) span() (first, last int64)      { return v.min, v.max }
func (v *denseView) sorted() bool                   { return v.inOrder }
func (v *denseView) kindTable() (*kindTable, error) { return &v.table, nil }
func (v *denseView) kindColumn() ([]uint16, error)  { return v.d.kinds[:v.n], nil }
func (v *denseView) timeColumn() (timeColumn, error) {
	return timeColumn{wide: v.d.times[:v.n], peaks: v.peaks}, nil
}

// hourTable returns none: the columns are in memory, and change.
func (v *denseView) hourTable() (*hourTable, error) { return nil, nil }

// find scans the columns, where their filters do not rule it out.
func (v *denseView) find(clause []term) ([]uint16, error) {
	var found rowSet
	for f, column := range v.hashes {
		var wanted []uint64
		for _, t := range clause {
			if t.field == f {
				wanted = append(wanted, t.hash)
			}
		}
		if len(wanted) > 0 {
			found.add(scan(column[:v.n], v.filters[f], wanted))
		}
	}
	return found.rows(), nil
}

// scan returns the rows of column that hold one of the wanted hashes. The chunks behind those that
// have filters are looked at in any case.
func scan(column []uint64, filters []filter, wanted []uint64) []uint16 {
	var rows []uint16
	slices.Sort(wanted)
	for from := 0; from < len(column); from += chunkRows {
		if c := from / chunkRows; c < len(filters) && !filters[c].mayHave(wanted) {
			continue
		}
		rows = appendWanted(rows, column, from, min(from+chunkRows, len(column)), wanted)
	}
	return rows
}

// appendWanted appends the rows from from to to that hold one of the wanted hashes, which ascend.
func appendWanted(rows []uint16, column []uint64, from, to int, wanted []uint64) []uint16 {
	if len(wanted) == 1 {
		for i, h := range column[from:to] {
			if h == wanted[0] {
				rows = append(rows, uint16(from+i))
			}
		}
		return rows
	}
	for i, h := range column[from:to] {
		if h == 0 {
			continue
		}
		if _, ok := slices.BinarySearch(wanted, h); ok {
			rows = append(rows, uint16(from+i))
		}
	}
	return rows
}
