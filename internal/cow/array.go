package cow

import (
	"fmt"
	"iter"
	"slices"
)

const (
	pageBits = 6
	nodeBits = 6

	// PageLen is how many values are copied together.
	PageLen = 1 << pageBits
	// NodeLen is how many values a node holds: the unit in which two arrays can be
	// compared without looking at the values.
	NodeLen = PageLen << nodeBits

	pageMask = PageLen - 1
	nodeMask = 1<<nodeBits - 1
)

// Array is a sequence of values of a fixed size that one goroutine changes and that
// can be frozen at any time: the frozen copy never changes and costs almost nothing.
// Values are found by their index, which they keep; those in front can be given up.
//
// It is a tree of three levels. A page or a node belongs to the epoch in which it was
// made; Freeze begins a new one, so that whatever a frozen copy can reach is of an
// older epoch than the writer's, and is copied before it is changed.
type Array[T any] struct {
	root   []*node[T] // by index / NodeLen; nil: all released
	first  int        // values before it were released; a multiple of PageLen
	n      int        // the index after the last
	epoch  uint64
	own    uint64 // the epoch in which root was made
	frozen bool
	watch  Watcher // nil: nobody
}

// A Watcher is told what a writer does to an array, by the writer, as it happens. Edits of
// a value that is not changed are told too. It is not told of values that are given up.
type Watcher interface {
	// Editing comes before the value at i may be changed.
	Editing(i int)
	// Appended comes when there is a value at i.
	Appended(i int)
	// Clearing comes before all values are taken out.
	Clearing()
}

// Watch makes w the one who is told from now on; nil: nobody. Frozen copies have none.
func (a *Array[T]) Watch(w Watcher) { a.watch = w }

type node[T any] struct {
	epoch uint64
	owned uint64             // bit p: page p was made in epoch
	pages [1 << nodeBits][]T // nil: none yet, or released
}

// Len is the index after that of the last value. Released values count.
func (a *Array[T]) Len() int { return a.n }

// First is the lowest index that was not released.
func (a *Array[T]) First() int { return a.first }

// At returns a value, to read only; nil if there is none at i, or it was released.
func (a *Array[T]) At(i int) *T {
	if i < a.first || i >= a.n {
		return nil
	}
	return &a.root[i/NodeLen].pages[i>>pageBits&nodeMask][i&pageMask]
}

// Edit returns a value to be changed, before the next Freeze. There must be one at i.
func (a *Array[T]) Edit(i int) *T {
	if a.frozen || i < a.first || i >= a.n {
		panic(fmt.Sprintf("cow: edit of %d in [%d,%d), frozen %v", i, a.first, a.n, a.frozen))
	}
	if a.watch != nil {
		a.watch.Editing(i)
	}
	return &a.page(i)[i&pageMask]
}

// Append adds a value and returns its index.
func (a *Array[T]) Append(v T) int {
	if a.frozen {
		panic("cow: append to a frozen array")
	}
	i := a.n
	page := a.page(i)
	if len(page) == cap(page) {
		page = grow(page, i)
	}
	a.root[i/NodeLen].pages[i>>pageBits&nodeMask] = append(page, v)
	a.n++
	if a.watch != nil {
		a.watch.Appended(i)
	}
	return i
}

// grow makes room in the page of i. The pages of a table that may stay small begin
// small; once there is a full one, the next is expected to fill up too.
func grow[T any](page []T, i int) []T {
	room := PageLen
	if i < PageLen {
		room = max(4, 2*cap(page))
	}
	return append(make([]T, 0, room), page...)
}

// page returns the page of i, which the writer then owns together with all above it.
func (a *Array[T]) page(i int) []T {
	n := a.node(i / NodeLen)
	p := i >> pageBits & nodeMask
	if bit := uint64(1) << p; n.owned&bit == 0 {
		n.owned |= bit
		if old := n.pages[p]; old != nil {
			n.pages[p] = append(make([]T, 0, cap(old)), old...)
		}
	}
	return n.pages[p]
}

func (a *Array[T]) node(k int) *node[T] {
	if a.own != a.epoch {
		a.root, a.own = slices.Clone(a.root), a.epoch
	}
	for len(a.root) <= k {
		a.root = append(a.root, nil)
	}
	n := a.root[k]
	switch {
	case n == nil:
		n = &node[T]{epoch: a.epoch}
		a.root[k] = n
	case n.epoch != a.epoch:
		n = &node[T]{epoch: a.epoch, pages: n.pages}
		a.root[k] = n
	}
	return n
}

// Freeze returns a copy for readers.
func (a *Array[T]) Freeze() Array[T] {
	frozen := *a
	frozen.frozen, frozen.watch = true, nil
	a.epoch++
	return frozen
}

// Release gives up whole pages of values with indexes below i.
func (a *Array[T]) Release(i int) {
	end := min(i, a.n) &^ pageMask
	for a.first < end {
		n := a.node(a.first / NodeLen)
		n.pages[a.first>>pageBits&nodeMask] = nil
		a.first += PageLen
		if a.first%NodeLen == 0 {
			a.root[a.first/NodeLen-1] = nil
		}
	}
}

// Clear takes all values out. Indexes begin at 0 again; epochs go on, so that what
// comes next is seen as changed.
func (a *Array[T]) Clear() {
	if a.frozen {
		panic("cow: clear of a frozen array")
	}
	if a.watch != nil {
		a.watch.Clearing()
	}
	a.root, a.own, a.first, a.n = nil, a.epoch, 0, 0
}

// Start makes the first value that is appended to an empty array have index first, as
// if those before had been released. It is First of an array that is put back.
func (a *Array[T]) Start(first int) {
	if a.n != 0 || first&pageMask != 0 {
		panic(fmt.Sprintf("cow: start at %d of an array of %d", first, a.n))
	}
	a.first, a.n = first, first
}

// Reserve gives an empty array the values from first up to end, nodes of which are then to be
// filled or borrowed, all of them, before anything else is done with it.
func (a *Array[T]) Reserve(first, end int) {
	a.Start(first)
	a.n = max(end, first)
	a.root, a.own = make([]*node[T], (a.n+NodeLen-1)/NodeLen), a.epoch
}

// Borrow makes node k of reserved values that of from, a frozen copy of another array in which
// they are the same, and reports whether it could: from must have just those values there. It comes before
// all calls of Fill.
func (a *Array[T]) Borrow(k int, from *Array[T]) bool {
	first, end := a.nodeSpan(k)
	if theirs, until := from.nodeSpan(k); !from.frozen || first != theirs || end != until {
		return false
	}
	if a.epoch <= from.epoch { // what is borrowed must never seem to be made by a
		a.epoch = from.epoch + 1
		a.own = a.epoch
	}
	a.root[k] = from.root[k]
	return true
}

// Fill makes node k of reserved values and yields them in order, empty, to be set. Several
// nodes may be filled at the same time.
func (a *Array[T]) Fill(k int) iter.Seq[*T] {
	n := &node[T]{epoch: a.epoch}
	a.root[k] = n
	first, end := a.nodeSpan(k)
	return func(yield func(*T) bool) {
		for i := first; i < end; i += PageLen {
			page := make([]T, min(PageLen, end-i), PageLen)
			if len(page) < PageLen && i < PageLen {
				page = slices.Clip(page)
			}
			p := i >> pageBits & nodeMask
			n.pages[p] = page
			n.owned |= 1 << p
			for v := range page {
				if !yield(&page[v]) {
					return
				}
			}
		}
	}
}

// nodeSpan is where the values of node k begin and end.
func (a *Array[T]) nodeSpan(k int) (first, end int) {
	return max(a.first, k*NodeLen), min(a.n, (k+1)*NodeLen)
}

// Pages yields all values from index from on, in pieces: the index of the first of a
// piece, and the values, to read only.
func (a *Array[T]) Pages(from int) iter.Seq2[int, []T] {
	return func(yield func(int, []T) bool) {
		for i := max(from, a.first); i < a.n; i = (i | pageMask) + 1 {
			page := a.root[i/NodeLen].pages[i>>pageBits&nodeMask]
			if !yield(i, page[i&pageMask:]) {
				return
			}
		}
	}
}

// Part yields part i of n parts of about the same length, in the pieces of Pages; the last
// piece first if backward. Together the parts are everything.
func (a *Array[T]) Part(i, n int, backward bool) iter.Seq2[int, []T] {
	pages := (a.n - a.first + pageMask) >> pageBits
	from, to := a.first>>pageBits+pages*i/n, a.first>>pageBits+pages*(i+1)/n
	return func(yield func(int, []T) bool) {
		for k := range to - from {
			p := from + k
			if backward {
				p = to - 1 - k
			}
			if !yield(p<<pageBits, a.root[p>>nodeBits].pages[p&nodeMask]) {
				return
			}
		}
	}
}

// Nodes is the number of nodes. Node k holds the values from index k*NodeLen on.
func (a *Array[T]) Nodes() int { return len(a.root) }

// Epoch counts the calls of Freeze before the one that made this copy; of the array
// itself, all of them.
func (a *Array[T]) Epoch() uint64 { return a.epoch }

// NodeEpoch is the epoch in which node k was made: frozen copies of that epoch and of
// later ones have the same node.
func (a *Array[T]) NodeEpoch(k int) uint64 {
	if k >= len(a.root) || a.root[k] == nil {
		return 0
	}
	return a.root[k].epoch
}
