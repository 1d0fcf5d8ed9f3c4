package cow_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"dashd/internal/cow"
)

// wide is a value of the size of a row, with a pointer in it.
type wide struct {
	n    int
	text string
	_    [8]int
}

// twinArray is an Array that copies everything at every Freeze.
type twinArray struct {
	first  int
	values []wide // values before first are not looked at
}

func sameArray(t *testing.T, got *cow.Array[wide], want twinArray) {
	t.Helper()
	if got.Len() != len(want.values) || got.First() != want.first {
		t.Fatalf("the array is [%d,%d), want [%d,%d)", got.First(), got.Len(), want.first, len(want.values))
	}
	i := want.first
	for at, page := range got.Pages(0) {
		if at != i || !slices.Equal(page, want.values[i:i+len(page)]) {
			t.Fatalf("the page at %d (want %d) differs", at, i)
		}
		i += len(page)
	}
	if i != len(want.values) {
		t.Fatalf("the pages end at %d, want %d", i, len(want.values))
	}
	for parts := 1; parts < 4; parts++ {
		sameParts(t, got, want, parts)
	}
	for _, i := range []int{-1, 0, want.first - 1, want.first, len(want.values) / 2, len(want.values) - 1, len(want.values)} {
		v := got.At(i)
		if there := want.first <= i && i < len(want.values); there != (v != nil) || there && *v != want.values[i] {
			t.Fatalf("At(%d) = %v", i, v)
		}
	}
}

// sameParts fails if the parts of an array, each from its end, are not all of it.
func sameParts(t *testing.T, got *cow.Array[wide], want twinArray, parts int) {
	t.Helper()
	i := len(want.values)
	for part := parts - 1; part >= 0; part-- {
		for at, page := range got.Part(part, parts, true) {
			if at+len(page) != i || !slices.Equal(page, want.values[at:i]) {
				t.Fatalf("part %d of %d: the page at %d differs", part, parts, at)
			}
			i = at
		}
	}
	if i != want.first {
		t.Fatalf("%d parts begin at %d, want %d", parts, i, want.first)
	}
}

// driveArray does what ops say to an Array and to its twin, and compares them and all
// frozen copies in the end.
func driveArray(t *testing.T, ops []byte) {
	var a cow.Array[wide]
	var twin twinArray
	type pair struct {
		frozen cow.Array[wide]
		twin   twinArray
	}
	var frozen []pair
	next := 0
	value := func() wide { next++; return wide{n: next, text: fmt.Sprint(next)} }
	if len(ops) > 0 && ops[0] > 200 {
		a.Start(cow.PageLen * 3)
		twin = twinArray{cow.PageLen * 3, make([]wide, cow.PageLen*3)}
	}
	for i, op := range ops {
		n := len(twin.values)
		switch {
		case op < 100:
			for range int(op) * 3 {
				v := value()
				if got := a.Append(v); got != len(twin.values) {
					t.Fatalf("Append = %d, want %d", got, len(twin.values))
				}
				twin.values = append(twin.values, v)
			}
		case op < 200 && n > twin.first:
			at := twin.first + (i*7919+int(op)*31)%(n-twin.first)
			v := value()
			*a.Edit(at), twin.values[at] = v, v
		case op < 238:
			frozen = append(frozen, pair{a.Freeze(), twinArray{twin.first, slices.Clone(twin.values)}})
		case op < 240:
			a.Clear()
			twin = twinArray{}
		default:
			below := twin.first + int(op-240)*cow.PageLen/3
			a.Release(below)
			twin.first = max(twin.first, min(below, n)/cow.PageLen*cow.PageLen)
		}
	}
	sameArray(t, &a, twin)
	for _, f := range frozen {
		sameArray(t, &f.frozen, f.twin)
	}
	for i := 1; i < len(frozen); i++ {
		sameNodes(t, &frozen[i-1].frozen, &frozen[i].frozen)
	}
}

// sameNodes fails if the values of a node differ in two copies, the older first, and its
// epoch says that it did not change between them.
func sameNodes(t *testing.T, a, b *cow.Array[wide]) {
	t.Helper()
	for k := range b.Nodes() {
		if b.NodeEpoch(k) > a.Epoch() || b.First() >= (k+1)*cow.NodeLen {
			continue
		}
		for i := k * cow.NodeLen; i < (k+1)*cow.NodeLen; i++ {
			if v, w := a.At(i), b.At(i); (v == nil) != (w == nil) || v != nil && *v != *w {
				t.Fatalf("node %d did not change, but value %d did", k, i)
			}
		}
	}
}

func TestArrayEqualsACopiedSlice(t *testing.T) {
	for seed := range uint64(150) {
		r := rand.New(rand.NewPCG(seed, 1))
		ops := make([]byte, r.IntN(200))
		for i := range ops {
			ops[i] = byte(r.IntN(256))
		}
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) { driveArray(t, ops) })
	}
}

func FuzzArray(f *testing.F) {
	f.Add([]byte{255, 99, 210, 150, 250, 210, 99})
	f.Fuzz(func(t *testing.T, ops []byte) {
		if len(ops) < 500 {
			driveArray(t, ops)
		}
	})
}

func TestUntouchedNodesStayTheSame(t *testing.T) {
	var a cow.Array[int]
	for i := range 3*cow.NodeLen + 1 {
		a.Append(i)
	}
	before := a.Freeze()
	*a.Edit(cow.NodeLen + 5)++
	after := a.Freeze()
	var same []bool
	for k := range after.Nodes() {
		same = append(same, after.NodeEpoch(k) <= before.Epoch())
	}
	if want := []bool{true, false, true, true}; !slices.Equal(same, want) {
		t.Errorf("after an edit in the second of four nodes, those that did not change are %v, want %v", same, want)
	}
	a.Append(1)
	if grown := a.Freeze(); grown.NodeEpoch(3) <= after.Epoch() {
		t.Error("a node that grew did not change")
	}
}

func TestFrozenArrayRefusesWriters(t *testing.T) {
	var a cow.Array[int]
	a.Append(1)
	frozen := a.Freeze()
	for name, write := range map[string]func(){
		"edit":             func() { frozen.Edit(0) },
		"append":           func() { frozen.Append(2) },
		"edit beyond":      func() { a.Edit(1) },
		"start when begun": func() { a.Start(64) },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			write()
		})
	}
}

// Readers of frozen copies see whole states, while the writer goes on: in each state
// all values are equal. The race detector sees the rest.
func TestReadersOfFrozenArrays(t *testing.T) {
	const n, rounds, readers = 3 * cow.PageLen, 300, 3
	var a cow.Array[wide]
	for range n {
		a.Append(wide{})
	}
	states := make(chan cow.Array[wide], readers)
	var wg sync.WaitGroup
	for range readers {
		wg.Go(func() {
			for state := range states {
				want := state.At(state.First()).n
				for i, page := range state.Pages(0) {
					for _, v := range page {
						if v.n != want {
							t.Errorf("value in the page at %d = %d, want %d", i, v.n, want)
							return
						}
					}
				}
			}
		})
	}
	for round := range rounds {
		for i := a.First(); i < a.Len(); i++ {
			a.Edit(i).n = round
		}
		a.Append(wide{n: round})
		a.Release(a.Len() - n)
		states <- a.Freeze()
	}
	close(states)
	wg.Wait()
}

// BenchmarkArray measures edits of random values of a million, with a Freeze after so
// many edits.
func BenchmarkArray(b *testing.B) {
	for _, every := range []int{0, 10, 1000} {
		b.Run(fmt.Sprintf("freeze after %d edits", every), func(b *testing.B) {
			var a cow.Array[[2]uint64]
			for range 1_000_000 {
				a.Append([2]uint64{})
			}
			r := rand.New(rand.NewPCG(1, 1))
			var last cow.Array[[2]uint64]
			n := 0
			for b.Loop() {
				a.Edit(r.IntN(a.Len()))[0]++
				if n++; every > 0 && n%every == 0 {
					last = a.Freeze()
				}
			}
			_ = last.Len()
		})
	}
}

func TestClearedArray(t *testing.T) {
	var a cow.Array[int]
	for i := range 3 * cow.NodeLen {
		a.Append(i)
	}
	frozen := a.Freeze()
	a.Clear()
	if a.Len() != 0 || a.Nodes() != 0 || a.At(0) != nil {
		t.Fatalf("after Clear: Len %d, Nodes %d, At(0) %v", a.Len(), a.Nodes(), a.At(0))
	}
	if i := a.Append(-1); i != 0 || *a.At(0) != -1 {
		t.Errorf("the first value after Clear is %d at %d", *a.At(i), i)
	}
	if a.NodeEpoch(0) <= frozen.Epoch() {
		t.Errorf("NodeEpoch = %d: not newer than the frozen copy of epoch %d", a.NodeEpoch(0), frozen.Epoch())
	}
	for i := range frozen.Len() {
		if got := *frozen.At(i); got != i {
			t.Fatalf("frozen At(%d) = %d", i, got)
		}
	}
}

// TestFilledArray fills the nodes of an array at the same time, and then writes to it.
func TestFilledArray(t *testing.T) {
	for _, tt := range []struct{ first, end int }{
		{0, 0},
		{0, 1},
		{0, cow.PageLen},
		{cow.PageLen, cow.PageLen},
		{3 * cow.PageLen, 3*cow.PageLen + 5},
		{0, 2 * cow.NodeLen},
		{cow.NodeLen - cow.PageLen, 3*cow.NodeLen + 100},
		{2 * cow.NodeLen, 2*cow.NodeLen + cow.PageLen + 1},
	} {
		t.Run(fmt.Sprintf("%d to %d", tt.first, tt.end), func(t *testing.T) {
			var a cow.Array[wide]
			twin := twinArray{tt.first, make([]wide, tt.end)}
			for i := tt.first; i < tt.end; i++ {
				twin.values[i] = wide{n: i, text: fmt.Sprint(i)}
			}
			a.Reserve(tt.first, tt.end)
			var wg sync.WaitGroup
			for k := tt.first / cow.NodeLen; k*cow.NodeLen < tt.end; k++ {
				wg.Go(func() {
					i := max(tt.first, k*cow.NodeLen)
					for v := range a.Fill(k) {
						*v = twin.values[i]
						i++
					}
				})
			}
			wg.Wait()
			sameArray(t, &a, twin)
			frozen, was := a.Freeze(), twinArray{tt.first, slices.Clone(twin.values)}
			for i := tt.first; i < tt.end; i += 50 {
				a.Edit(i).n++
				twin.values[i].n++
			}
			for i := range 2 * cow.PageLen {
				a.Append(wide{n: -i})
				twin.values = append(twin.values, wide{n: -i})
			}
			sameArray(t, &a, twin)
			sameArray(t, &frozen, was)
		})
	}
}

// TestBorrowedNodes writes to an array that has borrowed, and to the one that has lent, through as many
// epochs as either has.
func TestBorrowedNodes(t *testing.T) {
	const n = 3 * cow.NodeLen
	var lender cow.Array[wide]
	for i := range n {
		lender.Append(wide{n: i})
	}
	for range 3 {
		lender.Freeze()
		lender.Edit(1).n = 1
	}
	lent := lender.Freeze()
	was := twinArray{0, make([]wide, n)}
	for i := range n {
		was.values[i].n = i
	}
	var a cow.Array[wide]
	a.Reserve(0, n)
	if !a.Borrow(0, &lent) || !a.Borrow(2, &lent) || a.Borrow(1, &lender) {
		t.Fatal("of a frozen copy nodes can be borrowed, of the writer's not")
	}
	i := cow.NodeLen
	for v := range a.Fill(1) {
		v.n, i = i, i+1
	}
	sameArray(t, &a, was)
	twin := twinArray{0, slices.Clone(was.values)}
	for epoch := range 6 {
		for i := epoch; i < n; i += 31 {
			a.Edit(i).n, lender.Edit(i).n = -i, i+1
			twin.values[i].n = -i
		}
		frozen := a.Freeze()
		sameArray(t, &frozen, twin)
	}
	sameArray(t, &a, twin)
	sameArray(t, &lent, was)
	var shorter cow.Array[wide]
	if shorter.Reserve(0, n-1); !shorter.Borrow(1, &lent) || shorter.Borrow(2, &lent) {
		t.Error("a node with fewer values was borrowed, or one with the same was not")
	}
}
