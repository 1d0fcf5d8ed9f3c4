package simulation_test

import (
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// smallTable is more than what is written in a simulation under random faults. A start of a node zeroes
// it, which takes a quarter of what dashd's own size would.
const smallTable = 8 << 20

// template is a cluster of three that has been formed and stopped. Each simulation under random faults takes up
// a copy of it: to form one would be a tenth of what it does, and nothing fails meanwhile.
var template formed

// formed is a cluster at rest, in directories named like its machines.
type formed struct {
	once sync.Once

	// Written once.
	root  string
	names []string
	took  time.Duration
}

// get forms the cluster, if nobody has.
func (f *formed) get(t *testing.T) *formed {
	t.Helper()
	f.once.Do(func() {
		simulate(t, 0, func(s *simulation) {
			s.memTable = smallTable
			s.form(3)
			for _, m := range s.machines {
				m.shutDown()
			}
			root, err := os.MkdirTemp("", "dashd-simulation")
			if err != nil {
				t.Fatal(err)
			}
			f.root, f.took = root, time.Since(s.began)
			for _, m := range s.machines {
				if err := copyTree(m.dir, filepath.Join(root, m.name)); err != nil {
					t.Fatal(err)
				}
				f.names = append(f.names, m.name)
			}
		})
	})
	if len(f.names) != 3 || t.Failed() {
		t.Fatal("the cluster that all simulations take up was not formed")
	}
	return f
}

// remove deletes it.
func (f *formed) remove() error { return os.RemoveAll(f.root) }

// takeUp starts a copy of a cluster, at a time at which that was stopped already.
func (s *simulation) takeUp(f *formed) {
	time.Sleep(f.took)
	s.memTable = smallTable
	for _, name := range f.names {
		m := s.newMachine(name)
		if err := copyTree(filepath.Join(f.root, name), m.dir); err != nil {
			s.t.Fatal(err)
		}
		if err := m.boot(); err != nil {
			s.t.Fatalf("seed %d: %s does not start: %v", s.seed, name, err)
		}
	}
	for _, m := range s.machines {
		for end := time.Now().Add(patience); !m.running.Load().ready.Load(); time.Sleep(10 * time.Millisecond) {
			if time.Now().After(end) {
				s.t.Fatalf("seed %d: %s is not ready after %v", s.seed, m.name, patience)
			}
		}
	}
	if err := s.awaitVoters(len(f.names)); err != nil {
		s.t.Fatalf("seed %d: %v", s.seed, err)
	}
}
