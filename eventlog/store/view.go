package store

import (
	"bytes"
	"errors"

	"dashd/eventlog"
	"dashd/eventlog/block"
	"dashd/internal/kv"
)

var errShorter = errors.New("it is shorter than it was")

// View calls fn with the block that holds seq and the seq of its first event. The
// block is valid during the call only: for a few of its events this costs less
// than Block, which keeps it. A block that is wanted again soon is kept here also.
func (s *Store) View(seq uint64, fn func(b *block.Block, first uint64) error) error {
	b, ok, err := s.inMemory(seq)
	if err != nil {
		return err
	}
	if ok {
		return fn(&b.block, b.first)
	}
	first, again, ok := s.checked.find(seq)
	if !ok {
		if b, err = s.find(seq); err != nil {
			return err
		}
		return fn(&b.block, b.first)
	}
	var fnErr error
	found, err := s.db.Get(kv.BlockKey(first), func(val []byte) error {
		if again {
			val = bytes.Clone(val)
		}
		b, err := block.View(val)
		if err == nil && seq-first >= uint64(b.Len()) {
			err = errShorter
		}
		if err != nil {
			return damage("the block at event %d is damaged (%w)", first, err)
		}
		if again {
			s.cache.add(stored{first: first, raw: val, block: b})
		}
		fnErr = fn(&b, first)
		return nil
	})
	if err == nil && !found {
		err = damage("the block that holds event %d is missing", seq)
	}
	if err != nil {
		return s.readError(err)
	}
	return fnErr
}

// rememberBytes is the length from which the sums of a block are kept: reading a shorter one as
// a whole takes no longer.
const rememberBytes = 16 << 10

// remember notes that a persisted block has been checked.
func (s *Store) remember(b *stored) {
	var sums block.Sums
	if len(b.raw) >= rememberBytes {
		sums = b.block.Sums(b.raw)
	}
	s.checked.add(b.first, b.last(), sums)
}

// Select calls fn with the records of those of seqs, which ascend, that are in the block of the
// first one, and returns how many those are. A record is reused: fn may keep its strings, but not
// its byte slices.
//
// Of a block that was checked before no more is read than the records need: a page of a
// user's events is a few bytes of each of 20 blocks.
func (s *Store) Select(seqs []uint64, fn func(*eventlog.Record) error) (n int, err error) {
	b, ok, err := s.inMemory(seqs[0])
	if err != nil {
		return 0, err
	}
	if ok {
		offsets := offsetsIn(seqs, b.first, b.last())
		return len(offsets), b.block.Select(b.first, offsets, fn)
	}
	if e, place, ok := s.checked.summed(seqs[0]); ok {
		offsets := offsetsIn(seqs, e.first, e.last)
		if ok, err := s.peek(e, place, offsets, fn); ok || err != nil {
			return len(offsets), err
		}
	}
	err = s.View(seqs[0], func(b *block.Block, first uint64) error {
		offsets := offsetsIn(seqs, first, first+uint64(b.Len())-1)
		n = len(offsets)
		return b.Select(first, offsets, fn)
	})
	return n, err
}

// offsetsIn are the offsets of those of seqs, which ascend, that are in the block of the first one.
func offsetsIn(seqs []uint64, first, last uint64) []int {
	n := 1
	for n < len(seqs) && seqs[n] <= last {
		n++
	}
	offsets := make([]int, n)
	for i := range offsets {
		offsets[i] = int(seqs[i] - first)
	}
	return offsets
}

// peek calls fn with events of a block as they stand in the table that holds it, and reports
// whether one does.
func (s *Store) peek(e extent, was kv.Place, offsets []int, fn func(*eventlog.Record) error) (ok bool, err error) {
	var fnErr error
	place := was
	ok, err = s.db.Peek(kv.BlockKey(e.first), &place, func(val []byte) error {
		b, err := block.Remember(val, e.sums)
		if err == nil {
			err = b.Select(e.first, offsets, fn)
		}
		if errors.Is(err, block.ErrChanged) {
			return damage("the block at event %d is damaged (%w)", e.first, err)
		}
		fnErr = err
		return nil
	})
	if err != nil {
		return false, s.readError(err)
	}
	if place != was {
		s.checked.found(e, place)
	}
	return ok, fnErr
}
