package store

import (
	"context"
	"encoding/binary"
	"fmt"
	"sync"
	"time"

	"dashd/internal/kv"
)

// batchBytes bounds one transaction. It is large enough that an fsync carries
// megabytes under load, and far below what the database takes.
const batchBytes = 4 << 20

// idRowBytes is what a row of i/ takes in a transaction.
const idRowBytes = 64

// batch is what one transaction makes durable: blocks, and the position with
// the last of them, or without blocks a position alone.
type batch struct {
	blocks []headBlock
	rows   []chainRow
	after  Position
	bytes  int64
	then   chainer // behind it
}

// gatherFor is how long blocks wait for others to share a transaction with.
// Nobody waits for them, and each transaction's fsync is one less for the raft
// log, for which everybody waits. Nor is a small transaction a small write:
// Badger's log is a memory map, and a byte of it can make the kernel write the
// megabytes of a large folio.
const gatherFor = 500 * time.Millisecond

// Run persists blocks, in order, until ctx ends; then it persists what is left.
// It returns an error only after Fatal was called with it.
func (s *Store) Run(ctx context.Context) error {
	var filling sync.WaitGroup
	defer filling.Wait()
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	filling.Go(func() { s.fillFilter(ctx) })
	for {
		select {
		case <-s.work:
			s.gather(ctx)
			if _, err := s.persist(batchBytes); err != nil {
				return err
			}
		case <-ctx.Done():
			return s.persistAll()
		}
	}
}

// gather waits until a transaction is worth its fsync: it is full, or somebody
// waits for it, or time is up.
func (s *Store) gather(ctx context.Context) {
	if s.Pending() >= batchBytes {
		return
	}
	select {
	case <-time.After(gatherFor):
	case <-s.hurry:
	case <-ctx.Done():
	}
}

// persistAll persists until nothing is left.
func (s *Store) persistAll() error {
	for {
		more, err := s.persist(batchBytes)
		if err != nil || !more {
			return err
		}
	}
}

// persist makes the next batch durable. It reports false if there was none.
func (s *Store) persist(limit int64) (bool, error) {
	s.persisting.Lock()
	defer s.persisting.Unlock()
	return s.persistNext(limit)
}

// persistNext is persist, with persisting held.
func (s *Store) persistNext(limit int64) (bool, error) {
	b, ok := s.nextBatch(limit)
	if !ok {
		return false, nil
	}
	b.chain(s.chainer)
	start := time.Now()
	if err := s.db.Write(b.write); err != nil {
		return false, s.fail(fmt.Errorf("persist blocks up to raft index %d: %w", b.after.Index, err))
	}
	s.release(b)
	s.log.Debug("persisted", "index", b.after.Index, "seq", b.after.Seq,
		"n", len(b.blocks), "bytes", b.bytes, "elapsed", time.Since(start))
	return true, nil
}

// nextBatch takes the oldest blocks of the head: one, and more as they fit into
// limit bytes.
func (s *Store) nextBatch(limit int64) (b batch, ok bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.persisted.Index >= s.applied.Index {
		return b, false
	}
	size := int64(0)
	n := 0
	for ; n < len(s.head); n++ {
		h := &s.head[n]
		size += int64(len(h.raw) + idRowBytes*len(h.ids))
		if n > 0 && size > limit {
			break
		}
		b.bytes += int64(len(h.raw))
	}
	b.blocks = append(b.blocks, s.head[:n]...)
	if n == len(s.head) {
		b.after = s.applied // with configurations that came after the last block
	} else {
		b.after = b.blocks[n-1].after
	}
	return b, true
}

// chain computes the chain of the blocks from what it is before them.
func (b *batch) chain(from chainer) {
	for i := range b.blocks {
		h := &b.blocks[i]
		if from.add(h.raw) {
			b.rows = append(b.rows, chainRow{h.last(), from.chain})
		}
	}
	b.then = from
}

// write puts the batch into a transaction: blocks, their given ids, the rows of the
// chain and the position are durable together or not at all.
func (b batch) write(put func(key, val []byte) error) error {
	for i := range b.blocks {
		h := &b.blocks[i]
		if err := put(kv.BlockKey(h.first), h.raw); err != nil {
			return err
		}
		for _, id := range h.ids {
			if err := put(kv.IDKey(id.hash), binary.BigEndian.AppendUint64(nil, id.seq)); err != nil {
				return err
			}
		}
	}
	for i := range b.rows {
		if err := b.rows[i].write(put); err != nil {
			return err
		}
	}
	return put(positionKey, b.after.encode())
}

// release publishes the new persisted position and lets go of the blocks.
// Readers that hold one keep it.
func (s *Store) release(b batch) {
	s.chainer = b.then
	for i := range b.blocks { // which the FSM has checked
		s.remember(&b.blocks[i].stored)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	n := len(b.blocks)
	for i := range b.blocks {
		for _, id := range b.blocks[i].ids {
			if s.ids[id.hash] == id.seq {
				delete(s.ids, id.hash)
			}
		}
	}
	clear(s.head[:n]) // the array lives on under the rest
	s.head = s.head[n:]
	s.pending -= b.bytes
	s.persisted = b.after
	wake(&s.synced)
	if s.persisted.Index < s.applied.Index {
		token(s.work)
	}
}
