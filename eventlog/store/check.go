package store

import (
	"bytes"
	"context"

	"dashd/eventlog/block"
	"dashd/internal/kv"
)

// What Open looks at: enough to find a lost or torn tail, little enough to be
// done in a moment.
const (
	tailBlocks = 1000
	tailBytes  = 64 << 20
)

// checkTail compares the end of the stored log with the stored position: no
// block beyond it, none missing before it, every hash right.
func (s *Store) checkTail() error {
	end := s.persisted.Seq // where the next block must end
	blocks, size := 0, 0
	err := s.db.Descend(kv.PrefixBlock, kv.BlockKey(1<<64-1), func(key, val []byte) (bool, error) {
		first, err := blockSeq(key)
		if err != nil {
			return false, err
		}
		if blocks == 0 && first > end {
			return false, damage("there is a block at event %d, but the log ends at %d", first, end)
		}
		b, err := open(key, bytes.Clone(val))
		if err != nil {
			return false, err
		}
		if b.last() != end {
			return false, damage("a block ends at event %d where one must end at %d", b.last(), end)
		}
		end = first - 1
		blocks++
		size += len(val)
		return blocks < tailBlocks && size < tailBytes, nil
	})
	if err != nil {
		return err
	}
	whole := blocks < tailBlocks && size < tailBytes // the scan ended by itself
	if end != 0 && whole {
		return damage("events 1 to %d are missing", end)
	}
	return nil
}

// Check reads the whole log as it is at the call and returns the first thing
// that is wrong with it: a block that is missing, overlaps or does not have the
// hash it was stored with, a time of receipt that runs backwards, an id given
// by a producer that cannot be found where it is, or a chain that is not that of the
// blocks. progress, if not nil, is told how far it is, after each block.
func (s *Store) Check(ctx context.Context, progress func(seq, head uint64)) error {
	chain := chainCheck{Store: s, until: s.Applied()}
	received := int64(0)
	return s.Blocks(ctx, 1, func(first uint64, raw []byte, b block.Block) error {
		st := stored{first, raw, b}
		if b.ReceivedAt < received {
			return s.damaged("the block at event %d was received before the one before it", first)
		}
		received = b.ReceivedAt
		if err := chain.add(&st); err != nil {
			return err
		}
		for _, id := range givenIDs(&st) {
			seq, ok, err := s.Lookup(id.hash)
			switch {
			case err != nil:
				return err
			case !ok:
				return s.damaged("the id of event %d cannot be looked up", id.seq)
			case seq != id.seq:
				return s.damaged("the id of event %d leads to event %d", id.seq, seq)
			}
		}
		if progress != nil {
			progress(st.last(), chain.until.Seq)
		}
		return nil
	})
}
