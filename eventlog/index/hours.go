package index

import (
	"cmp"
	"slices"
)

// hour is the shortest time that histograms count by without looking at rows, in ms. Every
// day and every week begins with one.
const hour = 60 * 60 * 1000

// hourTable has the number of events of each kind in each hour of a sealed segment: mostly
// a small part of what its columns take. It is made of them when it is first asked for, and
// kept in the cache. Immutable.
type hourTable struct {
	cells []hourCell // in order of start, then kind; none has no events
	whole bool       // false: it would not have been smaller than the columns, and has no cells
}

type hourCell struct {
	start int64 // of the hour
	n     uint32
	kind  uint16
}

const hourCellBytes = 16

// newHourTable counts the rows of a segment that has so many kinds.
func newHourTable(kinds []uint16, times *timeColumn, numKinds int) *hourTable {
	// A row of numbers for each hour that occurs. Times are nearly in order, so that the
	// hour is mostly that of the row before.
	rows := make(map[int64]int) // where the numbers of an hour begin
	var counts []uint32
	start, at := int64(0), -1
	for i, kind := range kinds {
		t := times.at(i)
		if at < 0 || t < start || t-start >= hour {
			start = t - mod(t, hour)
			known := false
			if at, known = rows[start]; !known {
				at = len(counts)
				if at+numKinds > 8*len(kinds) {
					return &hourTable{}
				}
				rows[start] = at
				counts = append(counts, make([]uint32, numKinds)...)
			}
		}
		counts[at+int(kind)]++
	}
	h := &hourTable{whole: true}
	for start, at := range rows {
		for kind, n := range counts[at : at+numKinds] {
			if n > 0 {
				h.cells = append(h.cells, hourCell{start, n, uint16(kind)})
			}
		}
		if len(h.cells) > len(kinds)/4 {
			return &hourTable{}
		}
	}
	slices.SortFunc(h.cells, func(a, b hourCell) int { return cmp.Or(cmp.Compare(a.start, b.start), cmp.Compare(a.kind, b.kind)) })
	h.cells = slices.Clip(h.cells)
	return h
}

// mod is the remainder of a division that rounds down.
func mod(a, b int64) int64 { return (a%b + b) % b }
