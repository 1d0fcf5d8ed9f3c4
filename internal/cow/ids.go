package cow

import (
	"hash/maphash"
	"iter"
	"slices"
	"sync/atomic"
)

// IDs finds the ordinal of an id. It holds no ids, only a part of their hashes: the
// rows, which the caller has, say whether an ordinal is the one that is looked for.
//
// Nothing is ever taken out. The row of an id that is gone no longer has it, in the
// writer's table, and still has it in the frozen ones from before. So frozen copies
// share the slots with the writer, who fills empty ones, one atomic store each, until
// they get scarce: then it builds others, without what is gone, and those who read the old
// ones keep them.
type IDs struct {
	slots  []atomic.Uint64 // hash << 32 | ordinal + 1; zero: empty
	used   int
	limit  uint32 // above all ordinals
	frozen bool
}

// minSlots is the size of the smallest table.
const minSlots = 8

// seed is another one in each process, so that nobody can choose ids that share a hash. No
// answer depends on it.
var seed = maphash.MakeSeed()

// Hash is what ids are found by.
func Hash(id string) uint32 { return uint32(maphash.String(seed, id) >> 32) }

// Guess returns an ordinal that was added with an id of that hash, if there is one. Whether
// the id is the same nobody has looked: Find does.
func (x *IDs) Guess(hash uint32) (ord uint32, ok bool) {
	if len(x.slots) == 0 {
		return 0, false
	}
	for i := home(hash, len(x.slots)); ; {
		s := x.slots[i].Load()
		if s == 0 {
			return 0, false
		}
		if ord := uint32(s) - 1; uint32(s>>32) == hash && ord < x.limit {
			return ord, true
		}
		if i++; i == len(x.slots) {
			i = 0
		}
	}
}

// Find returns the ordinal that is says has the id. It asks for some of the ordinals
// that were added before this copy was frozen, in no particular order.
func (x *IDs) Find(id string, is func(ord uint32) bool) (ord uint32, ok bool) {
	if len(x.slots) == 0 {
		return 0, false
	}
	h := Hash(id)
	for i := home(h, len(x.slots)); ; {
		s := x.slots[i].Load()
		if s == 0 {
			return 0, false
		}
		if ord := uint32(s) - 1; uint32(s>>32) == h && ord < x.limit && is(ord) {
			return ord, true
		}
		if i++; i == len(x.slots) {
			i = 0
		}
	}
}

// Add adds an ordinal that has the id, which it keeps until it is gone for ever. The row
// of an id that comes back needs another ordinal: the old one may have been forgotten.
//
// Once in a while Add calls alive for some of the ordinals it knows, and if the row of one is
// gone, for all of them, and forgets those whose row is gone.
func (x *IDs) Add(id string, ord uint32, alive func(ord uint32) bool) {
	if x.frozen {
		panic("cow: add to frozen ids")
	}
	if (x.used+1)*5 > len(x.slots)*4 {
		x.rehash(alive)
	}
	x.limit = max(x.limit, ord+1)
	x.put(uint64(Hash(id))<<32 | uint64(ord+1))
}

// Grow makes room for n ordinals in an empty set.
func (x *IDs) Grow(n int) {
	if x.used == 0 {
		x.make(n)
	}
}

// Load adds the ordinals of many ids to an empty set, faster than Add. n is at least how many
// they are.
func (x *IDs) Load(n int, all iter.Seq2[string, uint32]) {
	x.Grow(n)
	// What is put one after the other belongs near each other: else each is a miss of the
	// processor's cache.
	var ends [loadParts + 1]int
	made := make([]uint64, 0, n)
	for id, ord := range all {
		h := Hash(id)
		ends[h>>(32-loadBits)+1]++
		made = append(made, uint64(h)<<32|uint64(ord+1))
		x.limit = max(x.limit, ord+1)
	}
	for i := range loadParts {
		ends[i+1] += ends[i]
	}
	parted := make([]uint64, len(made))
	for _, s := range made {
		at := &ends[s>>(64-loadBits)]
		parted[*at] = s
		*at++
	}
	for _, s := range parted {
		x.put(s)
	}
}

// A part of the slots that Load fills should fit into the processor's cache.
const (
	loadBits  = 9
	loadParts = 1 << loadBits
)

// Freeze returns a copy for readers.
func (x *IDs) Freeze() IDs {
	frozen := *x
	frozen.frozen = true
	return frozen
}

// rehash moves what is alive to a table in which more than a third of the slots is
// empty.
func (x *IDs) rehash(alive func(ord uint32) bool) {
	keep := make([]uint64, 0, x.used)
	for i := range x.slots {
		if s := x.slots[i].Load(); s != 0 {
			keep = append(keep, s)
		}
	}
	gone := func(s uint64) bool { return !alive(uint32(s) - 1) }
	// The rows of neighbours lie anywhere: to look at all is slow, and in vain as long as none,
	// or hardly any, is gone.
	if slices.ContainsFunc(keep[:min(len(keep), sampled)], gone) {
		keep = slices.DeleteFunc(keep, gone)
	}
	x.make(len(keep) + 1)
	for _, s := range keep {
		x.put(s)
	}
}

// sampled is how many rows are looked at before all are. If one in 20 is gone, 128 hold one
// in 999 cases of 1000.
const sampled = 128

func (x *IDs) make(n int) {
	x.slots, x.used = make([]atomic.Uint64, max(minSlots, n+n*3/4)), 0
}

func (x *IDs) put(s uint64) {
	i := home(uint32(s>>32), len(x.slots))
	for x.slots[i].Load() != 0 {
		if i++; i == len(x.slots) {
			i = 0
		}
	}
	x.slots[i].Store(s)
	x.used++
}

// home is where the search for a hash begins. It rises with the hash, so that a table
// is read and another one filled from front to back when it is rehashed.
func home(hash uint32, slots int) int { return int(uint64(hash) * uint64(slots) >> 32) }
