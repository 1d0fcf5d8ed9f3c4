package index

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"

	"dashd/eventlog"
)

// page answers Query.
func (s *search) page() (Page, error) {
	if s.match != nil {
		return s.matchPage()
	}
	var page Page
	if !s.q.SkipTotal {
		for _, p := range s.shares {
			if s.ctx.Err() != nil {
				return Page{}, tooBroad(s.ctx)
			}
			n, err := p.size()
			if err != nil {
				return Page{}, err
			}
			page.Total += uint64(n)
		}
	}
	if s.q.Limit <= 0 {
		return page, nil
	}
	m := newMerger(s, s.q.After, s.need())
	if err := m.skip(s.q.Offset); err != nil {
		return Page{}, err
	}
	seqs := make([]uint64, 0, min(s.q.Limit+1, 1024))
	for len(seqs) <= s.q.Limit {
		rows, err := m.run(s.q.Limit + 1 - len(seqs))
		if err != nil {
			return Page{}, err
		}
		if len(rows) == 0 {
			break
		}
		for _, r := range rows {
			seqs = append(seqs, r.Seq)
		}
	}
	return s.fill(page, seqs)
}

// need is how many rows the merger has to yield at most: what is skipped, the
// page, and one more.
func (s *search) need() int {
	most := int(s.seq) + 1
	return min(s.q.Offset, most) + min(s.q.Limit, most) + 1
}

// fill reads the records of the page. One seq more than Limit says that there is more.
func (s *search) fill(page Page, seqs []uint64) (Page, error) {
	if len(seqs) > s.q.Limit {
		page.More, seqs = true, seqs[:s.q.Limit]
	}
	// Records are read in order of seq, each block once, and put in their places.
	places := make([]int, len(seqs))
	for i := range places {
		places[i] = i
	}
	slices.SortFunc(places, func(a, b int) int { return cmp.Compare(seqs[a], seqs[b]) })
	slices.Sort(seqs)

	page.Records = make([]eventlog.Record, len(seqs))
	err := s.read(seqs, func(r *eventlog.Record) error {
		if s.match == nil && !s.isExact(r) {
			s.stranger = r.Seq
			return errStranger
		}
		kept := *r
		kept.Metadata, kept.Sealed = bytes.Clone(r.Metadata), bytes.Clone(r.Sealed)
		page.Records[places[0]], places = kept, places[1:]
		return nil
	})
	if err != nil {
		return Page{}, err
	}
	return page, nil
}

// read calls fn with the records of seqs, which ascend. A record is valid during
// the call.
func (s *search) read(seqs []uint64, fn func(*eventlog.Record) error) error {
	var offsets []int
	for len(seqs) > 0 {
		if s.ctx.Err() != nil {
			return tooBroad(s.ctx)
		}
		b, first, err := s.source.Block(seqs[0])
		if err != nil {
			return fmt.Errorf("read seq %d: %w", seqs[0], err)
		}
		offsets = offsets[:0]
		for len(seqs) > 0 && seqs[0] < first+uint64(b.Len()) {
			offsets, seqs = append(offsets, int(seqs[0]-first)), seqs[1:]
		}
		if err := b.Select(first, offsets, fn); err != nil {
			return err
		}
	}
	return nil
}

// stats answers Stats.
func (s *search) stats() (eventlog.Stats, error) {
	var stats eventlog.Stats
	counts := make(map[*kind]uint64)
	for _, p := range s.shares {
		if s.ctx.Err() != nil {
			return eventlog.Stats{}, tooBroad(s.ctx)
		}
		err := error(nil)
		if s.match == nil {
			err = p.countKinds(counts)
		} else {
			err = s.matchShare(p, func(r *eventlog.Record) { stats.Add(r.Type, r.Status, r.Shown, 1) })
		}
		if err != nil {
			return eventlog.Stats{}, err
		}
	}
	for k, n := range counts {
		stats.Add(eventlog.Type(k.typ), k.status, k.shown, n)
	}
	return stats, nil
}
