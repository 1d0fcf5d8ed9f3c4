package index

import (
	"context"
	"fmt"
	"slices"

	"dashd/internal/kv"
)

const ipField = int(IP) - 1

// Forget removes the addresses of the events at seqs from the index: the only part
// of it that says something about a person. The log must have forgotten them
// before. When Forget returns nil, nothing that the index keeps in memory or has
// written holds them; the database drops what was overwritten when it compacts.
// Repeating it does no harm.
func (x *Index) Forget(ctx context.Context, seqs []uint64) error {
	if len(seqs) == 0 {
		return nil
	}
	// A block that was read before it was rewritten must not be added later.
	if err := x.Wait(ctx, slices.Max(seqs)); err != nil {
		return err
	}
	bySegment := make(map[uint64][]uint64)
	for _, seq := range seqs {
		number := (seq - 1) / uint64(x.segmentEvents)
		bySegment[number] = append(bySegment[number], seq)
	}
	x.sealing.Lock() // so that no segment moves to the database meanwhile
	defer x.sealing.Unlock()
	x.forgetDense(bySegment)
	done := x.view.Load().done
	for number, seqs := range bySegment {
		if err := ctx.Err(); err != nil {
			return err
		}
		if number >= uint64(len(done)) {
			continue
		}
		if s, ok := done[number].(*sealed); ok {
			if err := x.forgetSealed(s, seqs); err != nil {
				return fmt.Errorf("index: forget addresses in segment %d: %w", number, err)
			}
		}
	}
	return nil
}

// forgetDense does it for the segments in memory.
func (x *Index) forgetDense(bySegment map[uint64][]uint64) {
	x.building.Lock()
	defer x.building.Unlock()
	x.publish(func(v *view) {
		v.done = slices.Clone(v.done)
		for i, s := range v.done {
			if d, ok := s.(*denseView); ok {
				v.done[i] = d.d.forget(bySegment[d.d.number])
			}
		}
		if v.open != nil {
			v.open = v.open.d.forget(bySegment[v.open.d.number])
		}
	})
}

// forget returns a view without the addresses of seqs. Readers of older views keep
// the old column.
func (d *dense) forget(seqs []uint64) *denseView {
	if len(seqs) > 0 {
		d.hashes[ipField] = slices.Clone(d.hashes[ipField])
		for _, seq := range seqs {
			d.hashes[ipField][seq-d.first] = 0
		}
	}
	return d.view()
}

// forgetSealed does it for a segment in the database, by writing the field again.
func (x *Index) forgetSealed(s *sealed, seqs []uint64) error {
	if s.distinct[ipField] == 0 {
		return nil
	}
	old, _, err := read(s, letters[ipField], s.decodeTable(ipField))
	if err != nil {
		return err
	}
	m := s.meta
	if m.table, err = s.kindTable(); err != nil {
		return err
	}
	column := make([]uint64, s.n)
	for _, h := range old.hashes {
		for _, row := range old.find(h) {
			column[row] = h
		}
	}
	for _, seq := range seqs {
		column[seq-s.first] = 0
	}
	t := newTable(column, new(sorter))
	m.distinct[ipField] = uint32(len(t.hashes))
	// Empty ones too: they take the place of what was written before.
	encoded := appendTable(nil, ipField, s.number, s.n, &t)
	err = x.store([]stored{
		{kv.IndexKey(letters[ipField], s.number), encoded},
		{kv.IndexKey(guideLetters[ipField], s.number), appendGuide(nil, ipField, s.number, s.n, newGuide(encoded))},
		{kv.SegmentKey(s.number), appendMeta(nil, &m)},
	})
	if err != nil {
		return err
	}
	next := newSealed(m, x.loader)
	next.edition = s.edition + 1
	x.publish(func(v *view) {
		v.done = slices.Clone(v.done)
		v.done[s.number] = next
	})
	return nil
}
