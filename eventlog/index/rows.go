package index

import (
	"math/bits"
	"slices"
)

// rowSet is a union of ascending lists of rows. The zero value is empty.
type rowSet struct {
	list []uint16      // the only list so far
	bits *[1024]uint64 // all rows, once there were two lists
}

// add adds the rows of list, which must not change afterwards.
func (s *rowSet) add(list []uint16) {
	switch {
	case len(list) == 0:
		return
	case s.bits == nil && s.list == nil:
		s.list = list
		return
	case s.bits == nil:
		s.bits = new([1024]uint64)
		s.mark(s.list)
	}
	s.mark(list)
}

func (s *rowSet) mark(list []uint16) {
	for _, r := range list {
		s.bits[r>>6] |= 1 << (r & 63)
	}
}

// rows returns the rows, ascending.
func (s *rowSet) rows() []uint16 {
	if s.bits == nil {
		return s.list
	}
	n := 0
	for _, w := range s.bits {
		n += bits.OnesCount64(w)
	}
	rows := make([]uint16, 0, n)
	for i, w := range s.bits {
		for ; w != 0; w &= w - 1 {
			rows = append(rows, uint16(i<<6+bits.TrailingZeros64(w)))
		}
	}
	return rows
}

// intersect returns the rows that are in both ascending lists.
func intersect(a, b []uint16) []uint16 {
	if len(a) > len(b) {
		a, b = b, a
	}
	both := make([]uint16, 0, len(a))
	if len(a)*16 < len(b) {
		for _, r := range a {
			i, ok := slices.BinarySearch(b, r)
			if ok {
				both = append(both, r)
			}
			b = b[i:]
		}
		return both
	}
	for len(a) > 0 && len(b) > 0 {
		switch {
		case a[0] < b[0]:
			a = a[1:]
		case a[0] > b[0]:
			b = b[1:]
		default:
			both = append(both, a[0])
			a, b = a[1:], b[1:]
		}
	}
	return both
}
