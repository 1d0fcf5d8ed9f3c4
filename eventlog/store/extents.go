package store

import (
	"slices"
	"sort"
	"sync"

	"dashd/eventlog/block"
	"dashd/internal/kv"
)

// Bounds of extents: 7 MiB, and 8 MiB for the sums of the blocks.
const (
	maxExtents = 1 << 16
	maxSums    = 2 << 20
)

// extents remembers where persisted blocks begin and end that this process has
// checked, hash and all. The zero value is ready.
//
// A block that is here is read without its hash: what it was has been found right
// once since the start. Bytes that have changed since are not served all the same: what is
// used of a block is compared with its sums or, where there are none, Badger
// compares the checksum of its own block. Hashing costs several
// times the reading, and a page of one user's events is 20 blocks.
type extents struct {
	mu     sync.Mutex
	list   []extent   // ascending, disjoint
	sums   int        // in list
	recent [32]uint64 // first seqs of the blocks that were found last, in a ring
	next   int        // place in recent
}

type extent struct {
	first, last uint64
	*memory     // nil: it is read with Badger's checksum
}

// memory is what a block is read with.
type memory struct {
	sums  block.Sums
	place kv.Place // guarded by extents.mu
}

// find returns the first seq of the block that holds seq, if it is here, and
// whether it is one of those found last: then more readers may want it.
func (x *extents) find(seq uint64) (first uint64, again, ok bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	i, ok := x.holds(seq)
	if !ok {
		return 0, false, false
	}
	first = x.list[i].first
	if slices.Contains(x.recent[:], first) {
		return first, true, true
	}
	x.recent[x.next] = first
	x.next = (x.next + 1) % len(x.recent)
	return first, false, true
}

// summed returns the block that holds seq and where it was found last, if it is here with its sums.
func (x *extents) summed(seq uint64) (e extent, place kv.Place, ok bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if i, ok := x.holds(seq); ok && x.list[i].memory != nil {
		return x.list[i], x.list[i].place, true
	}
	return extent{}, kv.Place{}, false
}

// found notes where a block was found.
func (x *extents) found(e extent, place kv.Place) {
	x.mu.Lock()
	defer x.mu.Unlock()
	e.place = place
}

// add adds a block, with its sums if it has any.
func (x *extents) add(first, last uint64, sums block.Sums) {
	x.mu.Lock()
	defer x.mu.Unlock()
	i := x.search(first)
	if i < len(x.list) && x.list[i].first <= first {
		return
	}
	if x.sums += len(sums); x.sums > maxSums || len(x.list) == maxExtents {
		clear(x.list)
		x.list, x.sums, i = x.list[:0], len(sums), 0 // they come back as they are read
	}
	x.list = append(x.list, extent{})
	copy(x.list[i+1:], x.list[i:])
	x.list[i] = extent{first: first, last: last}
	if sums != nil {
		x.list[i].memory = &memory{sums: sums}
	}
}

// holds returns the index of the block that holds seq.
func (x *extents) holds(seq uint64) (i int, ok bool) {
	i = x.search(seq)
	return i, i < len(x.list) && x.list[i].first <= seq
}

// search returns the index of the first block that ends at or behind seq.
func (x *extents) search(seq uint64) int {
	return sort.Search(len(x.list), func(i int) bool { return x.list[i].last >= seq })
}
