package store

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"sort"

	"dashd/eventlog"
	"dashd/eventlog/block"
	"dashd/internal/errs"
	"dashd/internal/kv"
)

// Block returns the block that holds seq and the seq of its first event.
func (s *Store) Block(seq uint64) (b block.Block, first uint64, err error) {
	st, err := s.find(seq)
	return st.block, st.first, err
}

// Read returns one event.
func (s *Store) Read(seq uint64) (eventlog.Record, error) {
	b, first, err := s.Block(seq)
	if err != nil {
		return eventlog.Record{}, err
	}
	e, err := b.Event(int(seq - first))
	if err != nil {
		return eventlog.Record{}, fmt.Errorf("read event %d: %w", seq, err)
	}
	return eventlog.Record{Seq: seq, ReceivedAt: b.ReceivedAt, Event: e}, nil
}

// find returns the block that holds seq: from the head, the cache or the disk.
func (s *Store) find(seq uint64) (stored, error) {
	b, ok, err := s.inMemory(seq)
	if ok || err != nil {
		return b, err
	}
	if b, err = s.load(seq); err != nil {
		return stored{}, s.readError(err)
	}
	s.cache.add(b)
	return b, nil
}

// inMemory returns the block that holds seq, if it is in the head or the cache.
func (s *Store) inMemory(seq uint64) (b stored, ok bool, err error) {
	s.mu.RLock()
	head := s.applied.Seq
	ok = seq > s.persisted.Seq && seq <= head
	if ok {
		b = s.head[headIndex(s.head, seq)].stored
	}
	s.mu.RUnlock()
	if ok {
		return b, true, nil
	}
	if seq == 0 || seq > head {
		return stored{}, false, errs.New(errs.NotFound, "", "there is no event %d; the last one is %d", seq, head)
	}
	b, ok = s.cache.get(seq)
	return b, ok, nil
}

// readError ends the node's work if err is about its disk, and not about a node
// that is stopping. It returns err.
func (s *Store) readError(err error) error {
	if errors.Is(err, kv.ErrClosed) {
		return err
	}
	return s.fail(err)
}

// headIndex returns the index of the block that holds seq, which is in it.
func headIndex(head []headBlock, seq uint64) int {
	return sort.Search(len(head), func(i int) bool { return head[i].first > seq }) - 1
}

// load reads the persisted block that holds seq. Whatever it returns an error
// for is an error of this node's disk.
func (s *Store) load(seq uint64) (b stored, err error) {
	found, err := s.db.Floor(kv.PrefixBlock, kv.BlockKey(seq), func(key, val []byte) (err error) {
		b, err = open(key, bytes.Clone(val))
		return err
	})
	if err != nil {
		return b, err
	}
	if !found || seq > b.last() {
		return b, damage("the block that holds event %d is missing", seq)
	}
	s.remember(&b)
	return b, nil
}

// open checks the bytes of a block as they came from disk, and keeps them.
func open(key, raw []byte) (stored, error) { return parse(key, raw, block.Open) }

// parse reads a block from disk with block.Open or block.View.
func parse(key, raw []byte, how func([]byte) (block.Block, error)) (stored, error) {
	first, err := blockSeq(key)
	if err != nil {
		return stored{}, err
	}
	b, err := how(raw)
	if err != nil {
		return stored{}, damage("the block at event %d is damaged (%w)", first, err)
	}
	if b.Len() == 0 {
		return stored{}, damage("the block at event %d is empty", first)
	}
	return stored{first: first, raw: raw, block: b}, nil
}

func blockSeq(key []byte) (uint64, error) {
	if len(key) != len(kv.BlockKey(0)) {
		return 0, damage("%q is not the key of a block", key)
	}
	first := kv.BlockSeq(key)
	if first == 0 || first > math.MaxInt64 {
		return 0, damage("%q is not the key of a block", key)
	}
	return first, nil
}
