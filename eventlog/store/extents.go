package store

import (
	"bytes"
	"errors"
	"slices"
	"sort"
	"sync"

	"dashd/eventlog/block"
	"dashd/internal/kv"
)

// maxExtents bounds the memory of extents to a MiB.
const maxExtents = 1 << 16

// extents remembers where persisted blocks begin and end that this process has
// checked, hash and all. The zero value is ready.
//
// A block that is here is read without its hash: what it was has been found right
// once since the start, and Badger compares the checksum of its own block at every
// read, so bytes that have changed since are not served. Hashing costs several
// times the reading, and a page of one user's events is 20 blocks.
type extents struct {
	mu     sync.Mutex
	list   []extent   // ascending, disjoint
	recent [32]uint64 // first seqs of the blocks that were found last, in a ring
	next   int        // place in recent
}

type extent struct{ first, last uint64 }

// find returns the first seq of the block that holds seq, if it is here, and
// whether it is one of those found last: then more readers may want it.
func (x *extents) find(seq uint64) (first uint64, again, ok bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	i := x.search(seq)
	if i == len(x.list) || x.list[i].first > seq {
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

// add adds a block.
func (x *extents) add(first, last uint64) {
	x.mu.Lock()
	defer x.mu.Unlock()
	i := x.search(first)
	if i < len(x.list) && x.list[i].first <= first {
		return
	}
	if len(x.list) == maxExtents {
		x.list, i = x.list[:0], 0 // they come back as they are read
	}
	x.list = append(x.list, extent{})
	copy(x.list[i+1:], x.list[i:])
	x.list[i] = extent{first, last}
}

// search returns the index of the first block that ends at or behind seq.
func (x *extents) search(seq uint64) int {
	return sort.Search(len(x.list), func(i int) bool { return x.list[i].last >= seq })
}

var errShorter = errors.New("it is shorter than it was")

// View calls fn with the block that holds seq and the seq of its first event. The
// block is valid during the call only: for a few of its events this costs less
// than Block, which keeps it. A block that is wanted again soon is kept here also.
func (s *Store) View(seq uint64, fn func(b *block.Block, first uint64) error) error {
	b, ok, err := s.inMemory(seq)
	if err != nil {
		return err
	}
	if ok {
		return fn(&b.block, b.first)
	}
	first, again, ok := s.checked.find(seq)
	if !ok {
		if b, err = s.find(seq); err != nil {
			return err
		}
		return fn(&b.block, b.first)
	}
	var fnErr error
	found, err := s.db.Get(kv.BlockKey(first), func(val []byte) error {
		if again {
			val = bytes.Clone(val)
		}
		b, err := block.View(val)
		if err == nil && seq-first >= uint64(b.Len()) {
			err = errShorter
		}
		if err != nil {
			return damage("the block at event %d is damaged (%w)", first, err)
		}
		if again {
			s.cache.add(stored{first: first, raw: val, block: b})
		}
		fnErr = fn(&b, first)
		return nil
	})
	if err == nil && !found {
		err = damage("the block that holds event %d is missing", seq)
	}
	if err != nil {
		return s.readError(err)
	}
	return fnErr
}
