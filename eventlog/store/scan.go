package store

import (
	"bytes"
	"context"

	"dashd/eventlog/block"
	"dashd/internal/kv"
)

// chunkBytes is how much Blocks reads from disk at a time. Each chunk is a read
// of its own, so that a long replay holds up no compaction.
const chunkBytes = 4 << 20

// Blocks calls fn for each block from the one that holds from up to the head as it
// was at the call, in order. The block may be kept. raw is the stored bytes.
//
// Blocks read from disk are checked, hash and density, before fn sees them; the
// next ones are read while fn works.
func (s *Store) Blocks(ctx context.Context, from uint64, fn func(first uint64, raw []byte, b block.Block) error) error {
	from = max(from, 1)
	s.mu.RLock()
	end, persisted := s.applied.Seq, s.persisted.Seq
	var head []stored
	if from <= end && len(s.head) > 0 {
		first := max(headIndex(s.head, from), 0)
		for i := range s.head[first:] {
			head = append(head, s.head[first+i].stored)
		}
	}
	s.mu.RUnlock()

	each := func(blocks []stored) error {
		for i := range blocks {
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := fn(blocks[i].first, blocks[i].raw, blocks[i].block); err != nil {
				return err
			}
		}
		return nil
	}
	if from <= persisted {
		if err := s.persistedBlocks(ctx, from, persisted, each); err != nil {
			return err
		}
	}
	return each(head)
}

// chunk is some blocks in a row, or why there are none.
type chunk struct {
	blocks []stored
	err    error
}

// persistedBlocks calls each with the blocks on disk, from the one that holds
// from up to the one that ends at end.
func (s *Store) persistedBlocks(ctx context.Context, from, end uint64, each func([]stored) error) error {
	ctx, cancel := context.WithCancel(ctx)
	chunks := make(chan chunk, 1)
	go func() { // ends before persistedBlocks does: cancel and the range below see to it
		defer close(chunks)
		s.readAhead(ctx, from, end, chunks)
	}()
	defer func() {
		cancel()
		for range chunks { //nolint:revive // drains until the reader has ended
		}
	}()
	for c := range chunks {
		if c.err != nil {
			return c.err
		}
		if err := each(c.blocks); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// readAhead sends the blocks from the one that holds from up to end, in chunks.
func (s *Store) readAhead(ctx context.Context, from, end uint64, out chan<- chunk) {
	send := func(c chunk) bool {
		select {
		case out <- c:
			return c.err == nil
		case <-ctx.Done():
			return false
		}
	}
	first, err := s.find(from)
	if !send(chunk{blocks: []stored{first}, err: err}) {
		return
	}
	for next := first.last() + 1; next <= end && ctx.Err() == nil; {
		blocks, err := s.readChunk(next, end)
		if err != nil {
			err = s.readError(err)
		}
		if !send(chunk{blocks, err}) {
			return
		}
		next = blocks[len(blocks)-1].last() + 1
	}
}

// readChunk reads at least one block, the first of which begins at next.
func (s *Store) readChunk(next, end uint64) (blocks []stored, err error) {
	var keys, values [][]byte
	size := 0
	err = s.db.Scan(kv.PrefixBlock, kv.BlockKey(next), func(key, val []byte) (bool, error) {
		keys = append(keys, bytes.Clone(key))
		values = append(values, bytes.Clone(val))
		size += len(val)
		return size < chunkBytes, nil
	})
	if err != nil {
		return nil, err
	}
	for i := range keys {
		if next > end {
			break // persisted since
		}
		b, err := open(keys[i], values[i])
		if err != nil {
			return nil, err
		}
		if b.first != next {
			return nil, gap(next, b.first)
		}
		blocks = append(blocks, b)
		next = b.last() + 1
	}
	if len(blocks) == 0 {
		return nil, damage("the block that holds event %d is missing", next)
	}
	return blocks, nil
}

func gap(want, got uint64) error {
	if got > want {
		return damage("events %d to %d are missing", want, got-1)
	}
	return damage("the block at event %d begins inside the one before it", got)
}
