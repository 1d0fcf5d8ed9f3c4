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
	if s.q.Limit == 0 {
		return page, nil
	}
	after, offset := s.q.After, s.q.Offset
	if after == nil && offset >= s.far {
		var err error
		if after, offset, err = s.leap(offset); err != nil {
			return Page{}, err
		}
	}
	m := newMerger(s, after, s.need(offset))
	if err := m.skip(offset); err != nil {
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
func (s *search) need(offset int) int {
	most := int(s.seq) + 1
	return min(offset, most) + s.q.Limit + 1
}

// leap finds a place up to which there are no more than offset rows, the last such
// place at which a segment starts. It returns it and how much offset is left behind it.
// Segments that lie on one side of a place are counted, not sorted.
func (s *search) leap(offset int) (*Place, int, error) {
	starts := make([]Place, len(s.shares))
	for i, p := range s.shares {
		starts[i], _ = s.order.bounds(p.seg)
	}
	slices.SortFunc(starts, func(a, b Place) int {
		if s.order.before(a, b) {
			return -1
		}
		return 1
	})
	var after *Place
	left := offset
	for low, high := 0, len(starts); low < high; {
		middle := (low + high) / 2
		n := 0
		for _, p := range s.shares {
			if s.ctx.Err() != nil {
				return nil, 0, tooBroad(s.ctx)
			}
			before, err := p.countThrough(s.order, starts[middle])
			if err != nil {
				return nil, 0, err
			}
			n += before
		}
		if n <= offset {
			after, left, low = &starts[middle], offset-n, middle+1
		} else {
			high = middle
		}
	}
	return after, left, nil
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
	for len(seqs) > 0 {
		if s.ctx.Err() != nil {
			return tooBroad(s.ctx)
		}
		n, err := s.source.Select(seqs, fn)
		if err != nil {
			return fmt.Errorf("read events: %w", err)
		}
		seqs = seqs[n:]
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
