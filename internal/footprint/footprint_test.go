package footprint_test

import (
	"fmt"
	"reflect"
	"runtime"
	"strings"
	"testing"

	"github.com/RoaringBitmap/roaring/v2"

	"dashd/internal/cow"
	"dashd/internal/footprint"
)

type inner struct {
	text  string
	bytes []byte
}

type list struct {
	_    int64
	next *list
}

func TestCounter(t *testing.T) {
	loop := &list{next: &list{}}
	loop.next.next = loop
	shared := make([]byte, 100, 112)
	for _, tt := range []struct {
		name string
		root any
		want int64
	}{
		{"a number holds nothing", new(int), 0},
		{"a text holds its bytes", new("hello"), 5},
		{"a slice holds its capacity, as the allocator makes it", new(make([]int64, 3, 5)), 48},
		{"what a slice has beyond its length is not followed", new(append(make([]string, 0, 4), "ab", "cde")), 64 + 5},
		{"an empty slice holds nothing", new([]int{}), 0},
		{"a struct holds what its fields hold", &inner{"abc", make([]byte, 32)}, 35},
		{"a pointer holds what it points to", new(&inner{"abc", nil}), 48 + 3},
		{"a circle is walked once", &loop, 32},
		{"what two share is counted once", &[2][]byte{shared, shared}, 112},
		{"an interface holds its value", new(any(inner{"abc", nil})), 48 + 3},
		{"an interface holds what its pointer points to", new(any(&inner{"abc", nil})), 48 + 3},
		{"functions are not followed", new(func() { _ = shared }), 0},
		{"a nil map holds nothing", new(map[string]int(nil)), 0},
	} {
		var c footprint.Counter
		if got := c.Add(reflect.ValueOf(tt.root).Elem()); got != tt.want {
			t.Errorf("%s: %d bytes, want %d", tt.name, got, tt.want)
		}
	}
}

func TestWhatWasCountedIsNotCountedAgain(t *testing.T) {
	var c footprint.Counter
	loop := &list{next: &list{}}
	if got := c.Add(reflect.ValueOf(loop)); got != 32 {
		t.Errorf("%d bytes, want 32", got)
	}
	other := &list{next: loop}
	if got := c.Add(reflect.ValueOf(other)); got != 16 {
		t.Errorf("%d more bytes, want 16", got)
	}
}

type row struct {
	text string
	at   int64
}

// What is counted is what the heap has grown by.
func TestCounterAgreesWithTheHeap(t *testing.T) {
	const n = 100_000
	for _, tt := range []struct {
		name string
		make func() any
	}{
		{"an array with texts", func() any {
			a := &cow.Array[row]{}
			for i := range n {
				a.Append(row{strings.Clone(fmt.Sprintf("a text of 32 bytes, number %05d", i)), int64(i)})
			}
			return a
		}},
		{"an array and its frozen copy", func() any {
			a := &[2]cow.Array[row]{}
			for i := range n {
				a[0].Append(row{at: int64(i)})
			}
			a[1] = a[0].Freeze()
			return a
		}},
		{"pairs in any order", func() any {
			p := &cow.Pairs{}
			for i := range n {
				p.Add(uint64(i)*2654435761%n, uint32(i))
			}
			return p
		}},
		{"ids", func() any {
			x := &cow.IDs{}
			for i := range n {
				x.Add(fmt.Sprint(i), uint32(i), func(uint32) bool { return true })
			}
			return x
		}},
		{"bitmaps", func() any {
			var all []*roaring.Bitmap
			for i := range 200 {
				b := roaring.New()
				for k := range 3000 {
					b.Add(uint32(k * (i + 7) * 13))
				}
				all = append(all, b)
			}
			return &all
		}},
	} {
		before := heap()
		root := tt.make()
		grown := heap() - before
		var c footprint.Counter
		got := c.Add(reflect.ValueOf(root).Elem())
		runtime.KeepAlive(root)
		if got < grown*95/100 || got > grown*105/100 {
			t.Errorf("%s: %d bytes were counted, and the heap grew by %d", tt.name, got, grown)
		}
	}
}

// heap is how many bytes of the heap are in use.
func heap() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
