package cluster

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/hashicorp/raft"
	raftboltdb "github.com/hashicorp/raft-boltdb/v2"
	"go.etcd.io/bbolt"
	bbolterrors "go.etcd.io/bbolt/errors"

	"dashd/internal/errs"
)

// LogFileName is the raft log in the data directory.
const LogFileName = "raft.db"

// incarnationKey is where the raft log says whose it is.
var incarnationKey = []byte("dashd/incarnation")

// openLog opens the raft log of dir and checks that it is this node's.
func openLog(c Config) (s *logStore, err error) {
	path := filepath.Join(c.Dir, LogFileName)
	fi, err := os.Stat(path)
	missing := errors.Is(err, fs.ErrNotExist) || err == nil && fi.Size() == 0
	switch {
	case missing && !c.Node.New():
		return nil, c.Node.Bind(path, "", nil)
	case !missing:
		if err := checkFile(path, !c.Node.New()); err != nil {
			return nil, openError(path, err)
		}
	}
	s = &logStore{
		fatal:       c.Fatal,
		working:     c.Working,
		truncatable: func() uint64 { return c.Events.Persisted().Index },
		grown:       make(chan struct{}, 1),

		truncateBytes: c.TruncateBytes,
	}
	err = trap(func() error {
		s.bolt, err = openBolt(path)
		return err
	})
	if err != nil {
		return nil, openError(path, err)
	}
	if err := s.bind(c.Node, path); err != nil {
		return nil, errors.Join(err, s.close())
	}
	if missing {
		if err := syncDir(c.Dir); err != nil {
			return nil, errors.Join(stopFor("create "+path, err), s.close())
		}
	}
	return s, nil
}

func openBolt(path string) (*raftboltdb.BoltStore, error) {
	return raftboltdb.New(raftboltdb.Options{Path: path, BoltOptions: &bbolt.Options{
		Timeout:        lockTimeout,
		NoFreelistSync: true, // it is found again at open
		FreelistType:   bbolt.FreelistMapType,
		// Room for the map to stay where it is: growing it copies what is being
		// written. It takes address space, not memory.
		InitialMmapSize: 1 << 30,
		NoStatistics:    true,
	}})
}

// lockTimeout is how long to wait for the lock of the file.
const lockTimeout = time.Second

// checkFile looks at every page of keys before the file is opened for writing.
// bbolt would do that too, but in a goroutine of its own, where what is wrong ends
// the process without a word to the operator.
//
// A file that has been completed once must also be whole in its structure.
func checkFile(path string, completed bool) error {
	return trap(func() error {
		if completed {
			if err := checkPages(path); err != nil {
				return err
			}
		}
		db, err := bbolt.Open(path, 0o600, &bbolt.Options{ReadOnly: true, Timeout: lockTimeout, NoStatistics: true})
		if err != nil {
			return err
		}
		defer db.Close()
		return db.View(func(tx *bbolt.Tx) error {
			if fi, err := os.Stat(path); err != nil || fi.Size() < tx.Size() {
				return errors.Join(err, &damage{"the file is cut short"})
			}
			for _, name := range []string{"conf", "logs"} { // raft-boltdb would make it anew
				if completed && tx.Bucket([]byte(name)) == nil {
					return &damage{"the bucket " + name + " is missing"}
				}
			}
			return tx.ForEach(func(_ []byte, b *bbolt.Bucket) error {
				return b.ForEach(func(_, _ []byte) error { return nil })
			})
		})
	})
}

func openError(path string, err error) error {
	var damaged *damage
	switch {
	case errors.Is(err, bbolterrors.ErrTimeout):
		return refuse("another dashd is using %s; stop it, or use another data directory", path)
	case errors.As(err, &damaged), errors.Is(err, bbolterrors.ErrInvalid), errors.Is(err, bbolterrors.ErrChecksum), errors.Is(err, bbolterrors.ErrVersionMismatch):
		return errs.Stop(errs.ExitIntegrity, fmt.Errorf("raft log: %s is damaged (%w); "+
			"remove the node from the cluster, wipe its directory and let it join again, or restore a backup", path, err))
	default:
		return stopFor("open "+path, err)
	}
}

func (s *logStore) bind(f *NodeFile, path string) error {
	have, err := s.Get(incarnationKey)
	if err != nil && !errors.Is(err, raftboltdb.ErrKeyNotFound) {
		return err
	}
	return f.Bind(path, string(have), func(incarnation string) error {
		return s.Set(incarnationKey, []byte(incarnation))
	})
}

// verify checks that the raft log and the event log fit together, and every entry
// that raft is going to read.
func (s *logStore) verify(f *NodeFile, events Events) error {
	first, err := s.FirstIndex()
	if err != nil {
		return err
	}
	last, err := s.LastIndex()
	if err != nil {
		return err
	}
	term, err := s.GetUint64(currentTerm)
	if err != nil && !errors.Is(err, raftboltdb.ErrKeyNotFound) {
		return err
	}
	s.term.value.Store(term)
	have := events.Persisted()
	reached := max(last, have.Index)
	if term < f.now.Term || reached < f.now.Applied || term < have.Term {
		return refuse("the raft log is an old copy: it is in term %d and reaches index %d, but this node has been in term %d and applied index %d; "+
			"put the newest copy back, or wipe %s and let the node join again under a new id", term, reached, max(f.now.Term, have.Term), f.now.Applied, f.dir)
	}
	if last == 0 {
		return nil
	}
	if have.Index+1 < first {
		return errs.Stop(errs.ExitIntegrity, fmt.Errorf("the event log ends at raft index %d and the raft log begins at %d: events are missing; "+
			"remove the node from the cluster, wipe its directory and let it join again, or restore a backup", have.Index, first))
	}
	var before uint64
	for index := max(first, have.Index+1); index <= last; index++ {
		var l raft.Log
		if err := s.GetLog(index, &l); err != nil {
			if errors.Is(err, raft.ErrLogNotFound) {
				err = errors.New("it is missing")
			}
			if errs.ExitCode(err) == errs.ExitIntegrity {
				return err
			}
			return errs.Stop(errs.ExitIntegrity, fmt.Errorf("raft log: entry %d: %w", index, err))
		}
		if l.Term < before {
			return errs.Stop(errs.ExitIntegrity, fmt.Errorf("raft log: entry %d is of term %d, behind one of term %d", index, l.Term, before))
		}
		before = l.Term
	}
	return nil
}

// ownEntries returns nil if the entries from first to last are raft's own, which
// never reach an FSM.
func (s *logStore) ownEntries(first, last uint64) error {
	for index := first; index <= last; index++ {
		var l raft.Log
		if err := s.GetLog(index, &l); err != nil {
			return fmt.Errorf("entry %d: %w", index, err)
		}
		if l.Type != raft.LogNoop && l.Type != raft.LogBarrier {
			return fmt.Errorf("entry %d is of type %v", index, l.Type)
		}
	}
	return nil
}
