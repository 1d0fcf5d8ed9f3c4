package index

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
