package projections

import "sync/atomic"

// loading is what Loading tells.
var loading atomic.Int64

// Loading is how many bytes of the heap are about to be taken, by an estimate, by rows that are being loaded
// from checkpoints anywhere in this process. Whoever bounds the heap should leave that much room:
// there is no garbage among them for the collector to find.
func Loading() int64 { return loading.Load() }

// announce adds what tables will take to Loading, until done is called.
func announce(tables []keptTable, m *manifest) (done func()) {
	n := int64(0)
	for i, k := range tables {
		n += rowWeight(k, m.tables[i].end-m.tables[i].first)
	}
	loading.Add(n)
	return func() { loading.Add(-n) }
}

// rowWeight is how much memory so many rows of a table take, by an estimate: what rows point to and what
// finds them takes about twice what they take themselves.
func rowWeight(k keptTable, rows int) int64 { return 3 * int64(k.rowBytes()) * int64(rows) }
