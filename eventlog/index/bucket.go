package index

// counter adds numbers of events to the buckets of a histogram, for a share. Times that
// follow one another are mostly of one bucket, so that is remembered: a division for each
// would be most of the work.
type counter struct {
	h          *histogram
	counts     [][]uint64 // by kind number: of the series that the kind belongs to
	start, end int64      // of the bucket
	bucket     int
}

func (c *counter) add(kind uint16, time int64, n uint64) {
	if time < c.start || time >= c.end {
		c.bucket = c.h.at(time)
		c.start, c.end = c.h.bounds(c.bucket)
	}
	c.counts[kind][c.bucket] += n
}

// countBuckets adds the rows that pass to the buckets of h, which has been ranked.
func (s *share) countBuckets(h *histogram) error {
	c := counter{h: h, counts: make([][]uint64, len(s.table.kinds))}
	for i, k := range s.table.kinds {
		if number, known := h.numbers[h.by.of(k)]; known { // else none of its rows passes
			c.counts[i] = h.series[h.places[number]].Counts
		}
	}
	if bucket, one := s.oneBucket(h); one && h.by == Whole {
		n, err := s.size()
		h.series[0].Counts[bucket] += uint64(n)
		return err
	}
	if len(s.clauses) == 0 && h.ofHours() {
		hours, err := s.hours()
		if err != nil {
			return err
		}
		if hours != nil && hours.whole {
			s.countHours(&c, hours)
			return nil
		}
	}
	return s.countTimes(&c)
}

// oneBucket reports whether all times that can pass are in one bucket, and in which.
func (s *share) oneBucket(h *histogram) (bucket int, one bool) {
	least, greatest := s.seg.span()
	bucket = h.at(max(least, *s.q.Since))
	return bucket, bucket == h.at(min(greatest, *s.q.Until-1))
}

// hours is the table of the segment, if the query sees all rows and those of an hour
// pass all, or none, by their time; else nil.
func (s *share) hours() (*hourTable, error) {
	least, greatest := s.seg.span()
	if s.n < s.seg.rows() || cutsHour(s.q.Since, least, greatest) || cutsHour(s.q.Until, least, greatest) {
		return nil, nil
	}
	return s.seg.hourTable()
}

// cutsHour reports whether an instant divides the times of one hour of a span.
func cutsHour(at *int64, least, greatest int64) bool {
	return at != nil && least < *at && *at <= greatest && *at%hour != 0
}

// ofHours reports whether each bucket consists of hours.
func (b Buckets) ofHours() bool { return b.Start%hour == 0 && b.Width%hour == 0 }

func (s *share) countHours(c *counter, hours *hourTable) {
	for i := range hours.cells {
		cell := &hours.cells[i]
		if s.passing[cell.kind] && s.q.inTime(cell.start, cell.start) {
			c.add(cell.kind, cell.start, uint64(cell.n))
		}
	}
}

// countTimes looks each row up that passes.
func (s *share) countTimes(c *counter) error {
	rows, err := s.find()
	if err != nil || rows.n == 0 {
		return err
	}
	times, err := s.seg.timeColumn()
	if err != nil {
		return err
	}
	if c.h.by == Whole { // the kinds tell nothing more
		c.counts = [][]uint64{c.h.series[0].Counts}
		for i := range rows.n {
			c.add(0, times.at(rows.row(i)), 1)
		}
		return nil
	}
	kinds, err := s.seg.kindColumn()
	if err != nil {
		return err
	}
	for i := range rows.n {
		row := rows.row(i)
		c.add(kinds[row], times.at(row), 1)
	}
	return nil
}
