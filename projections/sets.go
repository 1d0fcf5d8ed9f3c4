package projections

import (
	"slices"

	"github.com/RoaringBitmap/roaring/v2"

	"dashd/internal/cow"
)

// sets are sets of ordinals, each under a key, such as a day and what was done on it.
// The zero value is empty.
//
// One goroutine, the writer's, changes them; a frozen copy never changes. A set that was
// changed since the last freeze is copied by the next one, but for its containers:
// those are copied when the writer comes to change one.
type sets struct {
	rows cow.Array[setRow] // sets as of the last freeze
	keys cow.Pairs         // ordinals of rows by their keys

	unions sharedUnions // of frozen copies; a function, since it is no part of what the sets hold

	// Only the writer:
	live    []*roaring.Bitmap // by row: as they are now
	changed []int             // rows whose live set is not that of the last freeze
	stale   []bool            // by row: whether it is in changed
	recent  []recentRow       // of keys asked for lately, by recentAt
}

// recentRow is a key and its row + 1.
type recentRow struct {
	key uint64
	row int
}

// recentRows is how many keys are remembered: those of some twenty kinds on the same days.
const recentRows = 64

// recentAt is where a key is remembered. Neighbouring kinds and days do not meet there.
func recentAt(key uint64) int { return int((key>>32*3 + key) % recentRows) }

// setRow is a set as readers see it. They must not call what changes it, nor Clone.
type setRow struct {
	key     uint64
	members *roaring.Bitmap
}

// dayKey is the key of what belongs to a day and to a kind. Keys of a kind are in the
// order of its days.
func dayKey(kind uint32, day int32) uint64 { return uint64(kind)<<32 | uint64(uint32(day)^1<<31) }

// dayOfKey is the day of a key.
func dayOfKey(key uint64) int32 { return int32(uint32(key) ^ 1<<31) }

// dayOf is the UTC day of an instant, in days since 1970.
func dayOf(t Time) int32 {
	d := int64(t) / dayMs
	if int64(t)%dayMs < 0 {
		d--
	}
	return int32(d)
}

// add puts an ordinal into the set of a key, and reports whether it was not there.
func (s *sets) add(key uint64, ord uint32) bool {
	row := s.row(key, true)
	live := s.live[row]
	if live.Contains(ord) { // Add copies what it looks into
		return false
	}
	live.Add(ord)
	s.note(row)
	return true
}

// remove takes an ordinal out of the set of a key.
func (s *sets) remove(key uint64, ord uint32) {
	if row := s.row(key, false); row >= 0 && s.live[row].CheckedRemove(ord) {
		s.note(row)
	}
}

// has reports to the writer whether the set of a key holds an ordinal.
func (s *sets) has(key uint64, ord uint32) bool {
	row := s.row(key, false)
	return row >= 0 && s.live[row].Contains(ord)
}

func (s *sets) note(row int) {
	if !s.stale[row] {
		s.stale[row] = true
		s.changed = append(s.changed, row)
	}
}

// row finds the row of a key, or makes one; -1 if there is none.
func (s *sets) row(key uint64, create bool) int {
	if s.recent == nil {
		s.recent = make([]recentRow, recentRows)
	}
	recent := &s.recent[recentAt(key)]
	if recent.key == key && recent.row > 0 {
		return recent.row - 1
	}
	row := -1
	for ord := range s.keys.Of(key) {
		row = int(ord)
	}
	if row < 0 {
		if !create {
			return -1
		}
		row = s.rows.Append(setRow{key: key, members: roaring.New()})
		s.keys.Add(key, uint32(row))
		s.adopt(roaring.New())
	}
	*recent = recentRow{key, row + 1}
	return row
}

// adopt makes a bitmap the live set of the next row.
func (s *sets) adopt(b *roaring.Bitmap) {
	b.SetCopyOnWrite(true)
	s.live, s.stale = append(s.live, b), append(s.stale, false)
}

// freeze returns a copy for readers.
func (s *sets) freeze() sets {
	for _, row := range s.changed {
		s.rows.Edit(row).members = s.live[row].Clone()
		s.stale[row] = false
	}
	s.changed = s.changed[:0]
	if s.unions == nil {
		s.unions = new(unions).of
	}
	return sets{rows: s.rows.Freeze(), keys: s.keys.Freeze(), unions: s.unions}
}

// of is the set of a key as of the last freeze; nil if there is none.
func (s *sets) of(key uint64) *roaring.Bitmap {
	for ord := range s.keys.Of(key) {
		return s.rows.At(int(ord)).members
	}
	return nil
}

// union is all of those whose keys are from first up to, but without, end, and of more. It is for readers, who may share
// it: it must not be changed.
func (s *sets) union(first, end uint64, more ...*roaring.Bitmap) *roaring.Bitmap {
	var parts []*roaring.Bitmap
	for key, ord := range s.keys.Ascend(first) {
		if key >= end {
			break
		}
		parts = append(parts, s.rows.At(int(ord)).members)
	}
	if len(parts) > 1 {
		parts = []*roaring.Bitmap{s.unions(keyRange{first, end}, parts)}
	}
	switch parts = append(parts, more...); len(parts) {
	case 0:
		return roaring.New()
	case 1: // FastOr would make a Clone
		return parts[0]
	}
	return roaring.FastOr(parts...)
}

// kept makes the sets a part of checkpoints.
func (s *sets) kept(name string) keptTable {
	return &keptRows[setRow]{name: name, rows: &s.rows, code: codeSetRow, unshared: true}
}

// codeSetRow passes a key and the set in roaring's portable form.
func codeSetRow(c *coder, r *setRow) {
	c.uint(&r.key)
	var text string
	if !c.reading {
		b, err := r.members.ToBytes()
		if err != nil {
			panic(err) // it writes to memory
		}
		text = string(b)
	}
	codeText(c, &text)
	if !c.reading {
		return
	}
	r.members = roaring.New()
	if err := r.members.UnmarshalBinary([]byte(text)); err != nil || r.members.Validate() != nil && !r.members.IsEmpty() {
		c.fail()
	}
}

// reindex makes everything but the rows from the rows.
func (s *sets) reindex() {
	s.keys, s.live, s.stale, s.changed, s.recent = cow.Pairs{}, nil, nil, nil, nil
	keys := make([]ordinalKey, 0, s.rows.Len())
	for first, page := range s.rows.Pages(0) {
		for i := range page {
			keys = append(keys, ordinalKey{page[i].key, uint32(first + i)})
			page[i].members.SetCopyOnWrite(true)
			s.adopt(page[i].members.Clone())
		}
	}
	loadPairs(&s.keys, slices.Clip(keys))
}
