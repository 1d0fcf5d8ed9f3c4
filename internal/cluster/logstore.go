package cluster

import (
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"sync/atomic"

	"github.com/hashicorp/raft"
	raftboltdb "github.com/hashicorp/raft-boltdb/v2"

	"dashd/internal/errs"
)

// logStore is raft's log and stable store: bbolt, with what it lacks.
//
// bbolt has no checksum on its pages, so every entry carries a CRC-32C of its own.
// And it keeps two to five values on a leaf however long they are, and writes all
// of the leaf with each of them: so an entry is stored in pieces, see split.
//
// A write that fails leaves raft's memory and the disk in disagreement, and raft
// goes on regardless. So after a failure this store never returns to raft: it
// reports the failure, which stops the process, and holds the goroutine. What
// raft would do next would rest on a false premise: answer a client, vote, lead.
type logStore struct {
	bolt  *raftboltdb.BoltStore
	fatal func(error)
	// working is told of each write, if not nil.
	working func() (ended func())
	// truncatable is the last entry the event log has on disk.
	truncatable func() uint64

	term    diskTerm
	guarded atomic.Bool // raft runs: failures are fatal, not returned
	closed  atomic.Bool

	deleting sync.Mutex // held by DeleteRange

	// Counted since the log was last truncated.
	bytes, entries atomic.Int64
	truncateBytes  int64
	grown          chan struct{} // capacity 1: bytes has passed truncateBytes
}

// StoreLogs writes entries. They are on disk when it returns.
func (s *logStore) StoreLogs(logs []*raft.Log) error {
	size := 0
	err := s.write("store entries", func() (err error) {
		var pieces []*raft.Log
		for _, l := range logs {
			if pieces, err = split(pieces, l); err != nil {
				return err
			}
			size += len(l.Data)
		}
		return s.bolt.StoreLogs(pieces)
	})
	if err == nil {
		s.count(len(logs), size)
	}
	return err
}

// StoreLog writes one entry.
func (s *logStore) StoreLog(l *raft.Log) error { return s.StoreLogs([]*raft.Log{l}) }

func (s *logStore) count(entries, bytes int) {
	s.entries.Add(int64(entries))
	if s.bytes.Add(int64(bytes)) < s.truncateBytes {
		return
	}
	select {
	case s.grown <- struct{}{}:
	default: // it has been said
	}
}

// GetLog reads an entry as raft gave it.
func (s *logStore) GetLog(index uint64, l *raft.Log) error {
	read := func() error { return s.read("read entry", func() error { return join(s.bolt, index, l) }) }
	err := read()
	if errors.Is(err, errAltered) { // its pieces are read one after another, and may have been deleted meanwhile
		s.deleting.Lock()
		err = read()
		s.deleting.Unlock()
	}
	if errors.Is(err, errAltered) {
		return s.failed(errs.Stop(errs.ExitIntegrity, fmt.Errorf("raft log: entry %d is not what was written; "+
			"remove the node from the cluster, wipe its directory and let it join again, or restore a backup", index)))
	}
	return err
}

// DeleteRange deletes entries: the oldest, which the event log must have on disk (raft
// counts barriers as part of its snapshots, and the position a node restarts from does
// not), or the newest, which no majority has and another leader has written otherwise.
func (s *logStore) DeleteRange(first, last uint64) error {
	// What begins behind the event log is of the second kind, even if it is all there is.
	if safe := s.truncatable(); first <= safe {
		last = min(last, safe)
	}
	if last < first {
		return nil
	}
	s.deleting.Lock()
	defer s.deleting.Unlock()
	return s.write("delete entries", func() error {
		return s.bolt.DeleteRange(pieceKey(first, 0), pieceKey(last, maxPieces-1))
	})
}

// dropPassed deletes all entries if the event log goes on behind them: what is between
// came from another node, and raft must not take the rest for the newest there is.
func (s *logStore) dropPassed(persisted uint64) error {
	first, err := s.FirstIndex()
	if err != nil {
		return err
	}
	last, err := s.LastIndex()
	if err != nil || last == 0 || last >= persisted {
		return err
	}
	return s.DeleteRange(first, last)
}

// IsMonotonic makes raft delete all entries when it has installed a snapshot: those
// before it and those after would have a gap between them.
func (s *logStore) IsMonotonic() bool { return true }

// FirstIndex is the index of the oldest entry, 0 if there is none.
func (s *logStore) FirstIndex() (index uint64, err error) {
	err = s.read("read first index", func() error { index, err = s.bolt.FirstIndex(); return err })
	return entryOf(index), err
}

// LastIndex is the index of the newest entry, 0 if there is none.
func (s *logStore) LastIndex() (index uint64, err error) {
	err = s.read("read last index", func() error { index, err = s.bolt.LastIndex(); return err })
	return entryOf(index), err
}

// Set makes a value durable: raft's term and vote.
func (s *logStore) Set(key, val []byte) error {
	return s.write("set "+string(key), func() error { return s.bolt.Set(key, val) })
}

// Get returns a value; the error's text is "not found" if there is none, which
// is how raft knows.
func (s *logStore) Get(key []byte) (val []byte, err error) {
	err = s.read("get "+string(key), func() error { val, err = s.bolt.Get(key); return err })
	return val, err
}

// GetUint64 returns a number, like Get.
func (s *logStore) GetUint64(key []byte) (val uint64, err error) {
	err = s.read("get "+string(key), func() error { val, err = s.bolt.GetUint64(key); return err })
	return val, err
}

func (s *logStore) close() error {
	s.closed.Store(true)
	return s.bolt.Close()
}

func (s *logStore) write(operation string, fn func() error) error {
	if s.working != nil {
		defer s.working()()
	}
	if err := trap(fn); err != nil {
		return s.failed(stopFor(operation, err))
	}
	return nil
}

func (s *logStore) read(operation string, fn func() error) error {
	err := trap(fn)
	if err == nil || errors.Is(err, raft.ErrLogNotFound) || errors.Is(err, raftboltdb.ErrKeyNotFound) || errors.Is(err, errAltered) {
		return err
	}
	return s.failed(stopFor(operation, err))
}

// failed returns err before raft runs and after it has stopped. In between it
// does not return.
func (s *logStore) failed(err error) error {
	if !s.guarded.Load() || s.closed.Load() {
		return err
	}
	s.fatal(err)
	select {}
}

// stopFor says how the process must end after a failed operation of the raft log.
func stopFor(operation string, err error) error {
	code := exitOf(err)
	var damaged *damage
	if errors.As(err, &damaged) {
		code = errs.ExitIntegrity
	}
	return errs.Stop(code, fmt.Errorf("raft log: %s: %w", operation, err))
}

// damage is a panic while bbolt worked on its pages.
type damage struct{ what any }

func (d *damage) Error() string { return fmt.Sprintf("pages are damaged: %v", d.what) }

// trap calls fn, which uses bbolt. bbolt reads through a memory map, where a file
// that is cut short or a bad sector is a fault, and panics about damaged pages:
// both become errors.
func trap(fn func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if p := recover(); p != nil {
			err = &damage{p}
		}
	}()
	return fn()
}
