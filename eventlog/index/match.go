package index

import (
	"slices"

	"dashd/eventlog"
)

// matching calls fn with the records of seqs, which ascend, that match.
func (s *search) matching(seqs []uint64, fn func(*eventlog.Record)) error {
	return s.read(seqs, func(r *eventlog.Record) error {
		if s.match(r) {
			fn(r)
		}
		return nil
	})
}

// matchShare calls fn with all records of a share that match.
func (s *search) matchShare(p *share, fn func(*eventlog.Record)) error {
	rows, err := p.find()
	if err != nil {
		return err
	}
	seqs := make([]uint64, rows.n)
	for i := range seqs {
		seqs[i] = p.seg.start() + uint64(rows.row(i))
	}
	return s.matching(seqs, fn)
}

// matchPage answers Query where only the events themselves tell what matches. It
// reads them in the order asked for until the page is full, then those left for
// the count, whatever their order.
func (s *search) matchPage() (Page, error) {
	var page Page
	var seqs []uint64
	read := matchedRange{order: s.order, after: s.q.After}
	if s.q.Limit > 0 {
		var err error
		if seqs, err = s.matchInOrder(&read); err != nil {
			return Page{}, err
		}
	}
	if !s.q.SkipTotal {
		page.Total = read.matched
		for _, p := range slices.Backward(s.shares) {
			n, err := s.countUnread(p, &read)
			if err != nil {
				return Page{}, err
			}
			page.Total += n
		}
	}
	return s.fill(page, seqs)
}

// matchedRange is the part of the order that has been read for the page.
type matchedRange struct {
	order   order
	after   *Place // read from behind here; nil: from the start
	until   *Place // to here; nil: to the end, if any was read
	any     bool
	matched uint64
}

func (m *matchedRange) has(p Place) bool {
	return m.any &&
		(m.after == nil || m.order.before(*m.after, p)) &&
		(m.until == nil || !m.order.before(*m.until, p))
}

const maxMatchBatch = 4096

// matchInOrder returns the seqs of the page and one more.
func (s *search) matchInOrder(read *matchedRange) ([]uint64, error) {
	m := newMerger(s, s.q.After, int(s.seq)+1)
	read.any = true
	var page []uint64
	skip, size := s.q.Offset, 64
	for batch := []placed(nil); ; batch = batch[:0] {
		for len(batch) < size {
			rows, err := m.run(size - len(batch))
			if err != nil {
				return nil, err
			}
			if len(rows) == 0 {
				break
			}
			batch = append(batch, rows...)
		}
		if len(batch) == 0 {
			return page, nil
		}
		matched, err := s.matchBatch(batch)
		if err != nil {
			return nil, err
		}
		read.matched += uint64(len(matched))
		skipped := min(skip, len(matched))
		skip -= skipped
		page = append(page, matched[skipped:]...)
		if len(page) > s.q.Limit {
			until := batch[len(batch)-1].Place
			read.until = &until
			return page[:s.q.Limit+1], nil
		}
		size = min(2*size, maxMatchBatch)
	}
}

// matchBatch returns the seqs of those that match, in the order of batch.
func (s *search) matchBatch(batch []placed) ([]uint64, error) {
	seqs := make([]uint64, len(batch))
	for i, p := range batch {
		seqs[i] = p.Seq
	}
	slices.Sort(seqs)
	matched := make(map[uint64]bool)
	if err := s.matching(seqs, func(r *eventlog.Record) { matched[r.Seq] = true }); err != nil {
		return nil, err
	}
	found := make([]uint64, 0, len(matched))
	for _, p := range batch {
		if matched[p.Seq] {
			found = append(found, p.Seq)
		}
	}
	return found, nil
}

// countUnread counts the rows of p that match and are not in read.
func (s *search) countUnread(p *share, read *matchedRange) (uint64, error) {
	rows, err := p.find()
	if err != nil || rows.n == 0 {
		return 0, err
	}
	times, err := p.times(s.order)
	if err != nil {
		return 0, err
	}
	var seqs []uint64
	for i := range rows.n {
		if at := p.place(rows.row(i), times); !read.has(at.Place) {
			seqs = append(seqs, at.Seq)
		}
	}
	n := uint64(0)
	err = s.matching(seqs, func(*eventlog.Record) { n++ })
	return n, err
}
