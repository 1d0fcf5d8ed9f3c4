package cow_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"dashd/internal/cow"
)

// diary keeps what the values of an array were, by what it is told.
type diary struct {
	a      *cow.Array[int]
	before map[int]int  // of those that were there
	added  map[int]bool // since the last Clear
}

func (d *diary) Editing(i int) {
	if _, known := d.before[i]; !known && !d.added[i] {
		d.before[i] = *d.a.At(i)
	}
}

func (d *diary) Appended(i int) {
	if d.a.Len() != i+1 || d.a.At(i) == nil {
		panic("there is no value yet")
	}
	d.added[i] = true
}

func (d *diary) Clearing() {
	for i := d.a.First(); i < d.a.Len(); i++ {
		d.Editing(i)
	}
	clear(d.added)
}

// What a watcher was told takes an array back to what it was.
func TestAWatcherKnowsWhatAnArrayWas(t *testing.T) {
	for seed := range uint64(50) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 2))
			var a cow.Array[int]
			for range r.IntN(300) {
				a.Append(r.Int())
			}
			frozen := a.Freeze()
			d := &diary{&a, map[int]int{}, map[int]bool{}}
			a.Watch(d)
			for range r.IntN(300) {
				switch n := r.IntN(100); {
				case n < 40:
					a.Append(r.Int())
				case n < 98 && a.Len() > 0:
					*a.Edit(r.IntN(a.Len())) = r.Int()
				case n == 98:
					a.Freeze()
				case n == 99:
					a.Clear()
				}
			}
			a.Watch(nil)
			a.Append(1) // nobody is told
			var was []int
			for i := range frozen.Len() {
				v, changed := d.before[i]
				if !changed {
					v = *a.At(i)
				}
				was = append(was, v)
			}
			var want []int
			for _, page := range frozen.Pages(0) {
				want = append(want, page...)
			}
			if !slices.Equal(was, want) {
				t.Errorf("it was %v, want %v", was, want)
			}
			if d.added[a.Len()-1] {
				t.Error("a watcher who was taken away was told")
			}
		})
	}
}
