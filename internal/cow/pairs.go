package cow

import (
	"iter"
	"math"
	"sort"

	"github.com/tidwall/btree"
)

// Pairs is an ordered set of (key, ordinal): an index of rows by something that several
// of them can share, such as the hash of an e-mail or a time.
type Pairs struct {
	tree *btree.BTreeG[pair]
	last pair // the highest that was ever added; only the writer's
}

type pair struct {
	key uint64
	ord uint32
}

func less(a, b pair) bool { return a.key < b.key || a.key == b.key && a.ord < b.ord }

func (p *Pairs) writable() *btree.BTreeG[pair] {
	if p.tree == nil {
		p.tree = btree.NewBTreeGOptions(less, btree.Options{NoLocks: true})
	}
	return p.tree
}

// Len is the number of pairs.
func (p *Pairs) Len() int {
	if p.tree == nil {
		return 0
	}
	return p.tree.Len()
}

// Add adds a pair, if it is not there. It is fastest if the pair comes after all others,
// as times do.
func (p *Pairs) Add(key uint64, ord uint32) {
	x := pair{key, ord}
	if !less(p.last, x) {
		p.writable().Set(x)
		return
	}
	p.last = x
	p.writable().Load(x)
}

// Remove takes a pair away, if it is there.
func (p *Pairs) Remove(key uint64, ord uint32) { p.writable().Delete(pair{key, ord}) }

// First is the lowest pair, if there is one.
func (p *Pairs) First() (key uint64, ord uint32, ok bool) {
	if p.tree == nil {
		return 0, 0, false
	}
	x, ok := p.tree.Min()
	return x.key, x.ord, ok
}

// Rank is the number of pairs with keys below key.
func (p *Pairs) Rank(key uint64) int {
	return sort.Search(p.Len(), func(i int) bool {
		x, _ := p.tree.GetAt(i)
		return x.key >= key
	})
}

// Of yields the ordinals of a key, ascending.
func (p *Pairs) Of(key uint64) iter.Seq[uint32] {
	return func(yield func(uint32) bool) {
		for k, ord := range p.Ascend(key) {
			if k != key || !yield(ord) {
				return
			}
		}
	}
}

// Ascend yields the pairs with keys from from on, ascending.
func (p *Pairs) Ascend(from uint64) iter.Seq2[uint64, uint32] {
	return func(yield func(uint64, uint32) bool) {
		if p.tree != nil {
			p.tree.Ascend(pair{from, 0}, func(x pair) bool { return yield(x.key, x.ord) })
		}
	}
}

// Descend yields the pairs with keys up to from, descending.
func (p *Pairs) Descend(from uint64) iter.Seq2[uint64, uint32] {
	return func(yield func(uint64, uint32) bool) {
		if p.tree != nil {
			p.tree.Descend(pair{from, math.MaxUint32}, func(x pair) bool { return yield(x.key, x.ord) })
		}
	}
}

// Load adds ascending pairs to an empty set, faster than Add.
func (p *Pairs) Load(sorted iter.Seq2[uint64, uint32]) {
	tree := p.writable()
	for k, ord := range sorted {
		tree.Load(pair{k, ord})
		p.last = pair{k, ord}
	}
}

// Freeze returns a copy for readers.
func (p *Pairs) Freeze() Pairs {
	if p.tree == nil {
		return Pairs{}
	}
	return Pairs{tree: p.tree.Copy()}
}
