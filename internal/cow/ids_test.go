package cow_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"testing"

	"dashd/internal/cow"
)

// idTable is the smallest table that is found by IDs: a row that is gone is "".
type idTable struct {
	rows []string
	ids  cow.IDs
}

func (s *idTable) alive(ord uint32) bool { return s.rows[ord] != "" }

func (s *idTable) find(id string) (uint32, bool) {
	return s.ids.Find(id, func(ord uint32) bool { return s.rows[ord] == id })
}

func (s *idTable) add(id string) {
	s.rows = append(s.rows, id)
	s.ids.Add(id, uint32(len(s.rows)-1), s.alive)
}

func (s *idTable) freeze() idTable { return idTable{slices.Clone(s.rows), s.ids.Freeze()} }

// driveIDs adds and drops rows with few different ids, and compares the table
// and its frozen copies with searches from row to row.
func driveIDs(t *testing.T, ops []uint16) {
	var s idTable
	var frozen []idTable
	for _, op := range ops {
		id := fmt.Sprint(op % 97)
		ord, there := s.find(id)
		switch {
		case op%11 == 0:
			frozen = append(frozen, s.freeze())
		case !there:
			s.add(id)
		case op%2 == 0:
			s.rows[ord] = ""
		}
	}
	frozen = append(frozen, s)
	for n, f := range frozen {
		for i := range 97 {
			id := fmt.Sprint(i)
			want := slices.Index(f.rows, id)
			got, ok := f.find(id)
			if ok != (want >= 0) || ok && int(got) != want {
				t.Fatalf("copy %d of %d: find %q = %d, %v; want %d", n, len(frozen), id, got, ok, want)
			}
		}
	}
}

func TestIDsEqualASearchFromRowToRow(t *testing.T) {
	for seed := range uint64(100) {
		r := rand.New(rand.NewPCG(seed, 2))
		ops := make([]uint16, r.IntN(2000))
		for i := range ops {
			ops[i] = uint16(r.IntN(1 << 16))
		}
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) { driveIDs(t, ops) })
	}
}

func FuzzIDs(f *testing.F) {
	f.Add([]byte("abcdefghijklmnop"))
	f.Fuzz(func(t *testing.T, b []byte) {
		ops := make([]uint16, min(len(b)/2, 2000))
		for i := range ops {
			ops[i] = uint16(b[2*i])<<8 | uint16(b[2*i+1])
		}
		driveIDs(t, ops)
	})
}

// A reader of an old copy finds the rows of its time and no others, while the writer
// drops half of the rows again and again and so throws away tables.
func TestReadersOfFrozenIDs(t *testing.T) {
	const rows = 500
	var latest atomic.Pointer[idTable]
	done := make(chan struct{})
	readers := make(chan error)
	for range 3 {
		go func() {
			for {
				select {
				case <-done:
					readers <- nil
					return
				default:
				}
				s := latest.Load()
				if s == nil {
					continue
				}
				for want, id := range s.rows {
					if id == "" {
						continue
					}
					ord, ok := s.ids.Find(id, func(ord uint32) bool { return s.rows[ord] == id }) // panics beyond the copy
					if !ok || int(ord) != want {
						readers <- fmt.Errorf("find %q = %d, %v; want %d", id, ord, ok, want)
						return
					}
				}
			}
		}()
	}
	var s idTable
	r := rand.New(rand.NewPCG(1, 3))
	for i := range 10 * rows {
		s.add(fmt.Sprint("id ", i))
		if i > rows {
			s.rows[r.IntN(i)] = ""
		}
		if i%50 == 0 {
			f := s.freeze()
			latest.Store(&f)
		}
	}
	close(done)
	for range 3 {
		if err := <-readers; err != nil {
			t.Error(err)
		}
	}
}

func BenchmarkIDs(b *testing.B) {
	const n = 1_000_000
	s := idTable{rows: make([]string, 0, 2*n)}
	s.ids.Grow(n)
	for i := range n {
		s.add(fmt.Sprintf("user-%08d", i))
	}
	r := rand.New(rand.NewPCG(1, 4))
	others := make([]string, 1<<16)
	for i := range others {
		others[i] = fmt.Sprintf("nobody-%d", i)
	}
	b.Run("find", func(b *testing.B) {
		for b.Loop() {
			if _, ok := s.find(s.rows[r.IntN(n)]); !ok {
				b.Fatal("lost")
			}
		}
	})
	b.Run("find nothing", func(b *testing.B) {
		i := 0
		for b.Loop() {
			i++
			if _, ok := s.find(others[i%len(others)]); ok {
				b.Fatal("found")
			}
		}
	})
	b.Run("add", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if len(s.rows) == cap(s.rows) {
				s.rows, s.ids = s.rows[:0], cow.IDs{}
			}
			s.add("user-" + others[len(s.rows)%len(others)])
		}
	})
}

func TestLoadedIDsAreFound(t *testing.T) {
	for _, n := range []int{0, 1, 7, 5000} {
		var s idTable
		for i := range n {
			s.rows = append(s.rows, fmt.Sprint("id ", i))
		}
		s.ids.Load(n, func(yield func(string, uint32) bool) {
			for i, id := range s.rows {
				if !yield(id, uint32(i)) {
					return
				}
			}
		})
		frozen := s.freeze()
		s.add("another")
		for i, id := range s.rows {
			if ord, ok := s.find(id); !ok || int(ord) != i {
				t.Fatalf("of %d: find %q = %d, %v; want %d", n, id, ord, ok, i)
			}
		}
		if ord, ok := frozen.find("another"); ok {
			t.Errorf("of %d: a frozen copy finds what was added later, at %d", n, ord)
		}
	}
}

// A guess is an ordinal whose id has the hash, and there is one for each id that was added.
func TestGuesses(t *testing.T) {
	var s idTable
	if ord, ok := s.ids.Guess(cow.Hash("id 0")); ok {
		t.Errorf("of no ids: a guess of %d", ord)
	}
	const n = 5000
	for i := range n {
		s.add(fmt.Sprint("id ", i))
	}
	frozen := s.freeze()
	s.add("another")
	for i, id := range s.rows {
		ord, ok := s.ids.Guess(cow.Hash(id))
		if !ok || cow.Hash(s.rows[ord]) != cow.Hash(id) {
			t.Errorf("the guess of %q is %d, %v", id, ord, ok)
		}
		if ord, ok := frozen.ids.Guess(cow.Hash(id)); ok && int(ord) >= n {
			t.Errorf("a frozen copy guesses %d of %q, at %d", ord, id, i)
		}
	}
}
