package store

import (
	"bytes"
	"context"
	"fmt"

	"dashd/eventlog/block"
)

// Install appends a part of another node's log, which must go on where this one
// ends, head and all. When it returns nil the blocks are durable, with their ids and
// the position: At, or if that says no raft index, the index as it was, with the new events ahead
// of it. A crash leaves the part whole or not at all. Readers, followers and Run go
// on meanwhile; Append and SetConfiguration must not be called.
//
// A position whose raft index is not beyond this log's changes nothing. One that ends before this
// log does (an Install of a longer one was ended) is taken over without its blocks.
//
// A part that cannot be right is refused (errs.Conflict) and changes nothing: its blocks
// do not have their hashes, it begins elsewhere, or its chain does not follow from ours. That
// is the sender's fault until more is known. What this node cannot write is its end, as in Run.
func (s *Store) Install(ctx context.Context, p *Part) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.persisting.Lock()
	defer s.persisting.Unlock()
	for more := true; more; {
		var err error
		if more, err = s.persistNext(batchBytes); err != nil {
			return err
		}
	}
	before, err := s.usable()
	if err != nil {
		return err
	}
	if p.At.Index != 0 && p.At.Index <= before.Index {
		return nil
	}
	b, err := s.batchOf(p, before)
	if err != nil {
		return err
	}
	if err := s.db.Write(b.write); err != nil {
		return s.fail(fmt.Errorf("install the log up to event %d: %w", b.after.Seq, err))
	}
	s.installed(b)
	s.log.Debug("installed", "index", b.after.Index, "seq", b.after.Seq, "n", len(b.blocks), "bytes", b.bytes)
	return nil
}

// usable is the persisted position, unless the disk cannot be trusted.
func (s *Store) usable() (Position, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.persisted, s.failed
}

// batchOf checks that p follows on before, where the log ends, and makes the
// transaction of it.
func (s *Store) batchOf(p *Part, before Position) (b batch, err error) {
	if err := follows(p, before); err != nil {
		return b, err
	}
	at, size := before, int64(0)
	for i, raw := range p.Blocks {
		opened, err := block.Open(raw)
		switch {
		case err != nil:
			return b, refuse("block %d of the part from event %d is damaged: %v", i, p.First, err)
		case opened.Len() == 0:
			return b, refuse("block %d of the part from event %d is empty", i, p.First)
		case opened.ReceivedAt < at.ReceivedAt:
			return b, refuse("block %d of the part from event %d was received before the one before it", i, p.First)
		}
		h := headBlock{stored: stored{first: at.Seq + 1, raw: raw, block: opened}}
		h.ids = givenIDs(&h.stored)
		at.Seq, at.ReceivedAt, at.Chain = h.last(), opened.ReceivedAt, Link(at.Chain, raw)
		b.blocks = append(b.blocks, h)
		b.bytes += int64(len(raw))
		if size += partSize(&h.stored); size > batchBytes && i > 0 {
			return b, refuse("the part from event %d is larger than %d bytes", p.First, int64(batchBytes))
		}
	}
	if b.after, err = s.reached(p.At, at, before); err != nil {
		return b, err
	}
	b.chain(s.chainer)
	return b, nil
}

// follows reports what can be seen of p before its blocks are.
func follows(p *Part, before Position) error {
	switch at := &p.At; {
	case len(p.Blocks) == 0 && at.Index == 0:
		return refuse("a part has neither blocks nor a raft index")
	case len(p.Blocks) > 0 && p.First != before.Seq+1:
		return refuse("a part begins at event %d; the log ends at %d", p.First, before.Seq)
	case at.Index == 0:
		return nil
	case at.Term < before.Term || at.ConfigurationIndex < before.ConfigurationIndex || at.ConfigurationIndex > at.Index:
		return refuse("raft index %d of term %d cannot follow on index %d of term %d", at.Index, at.Term, before.Index, before.Term)
	case at.Ahead > at.Seq || at.Seq-at.Ahead < before.Seq-before.Ahead:
		return refuse("raft index %d has brought %d events; index %d has brought %d",
			at.Index, at.Seq-min(at.Ahead, at.Seq), before.Index, before.Seq-before.Ahead)
	case at.ConfigurationIndex == before.ConfigurationIndex && !bytes.Equal(at.Configuration, before.Configuration):
		return refuse("the configuration at raft index %d is another one", at.ConfigurationIndex)
	}
	return nil
}

// reached is the position of the log with a part installed. claimed is what the part says,
// blocks is what its blocks amount to behind before.
func (s *Store) reached(claimed, blocks, before Position) (Position, error) {
	if claimed.Index != 0 && claimed.Seq < before.Seq && blocks.Seq == before.Seq {
		chain, ok := s.ChainAt(claimed.Seq)
		if !ok || chain != claimed.Chain {
			return claimed, differs(claimed.Seq)
		}
		after := claimed
		after.Seq, after.ReceivedAt, after.Chain = before.Seq, before.ReceivedAt, before.Chain
		after.Ahead = claimed.Ahead + before.Seq - claimed.Seq
		return after, nil
	}
	if claimed.Seq != blocks.Seq || claimed.Chain != blocks.Chain || claimed.ReceivedAt != blocks.ReceivedAt {
		return claimed, differs(claimed.Seq)
	}
	if claimed.Index != 0 {
		return claimed, nil
	}
	blocks.Ahead = before.Ahead + blocks.Seq - before.Seq
	return blocks, nil
}

func differs(seq uint64) error {
	return refuse("what was sent up to event %d does not follow on the log of this node", seq)
}

// installed publishes a batch that is durable, as head and persisted prefix at once.
func (s *Store) installed(b batch) {
	s.chainer = b.then
	for i := range b.blocks {
		s.remember(&b.blocks[i].stored)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range b.blocks {
		for _, id := range b.blocks[i].ids {
			s.filter.add(id.hash)
		}
	}
	applied := b.after
	if s.applied.Index > applied.Index { // Advance was called meanwhile
		applied.Index, applied.Term = s.applied.Index, s.applied.Term
	}
	s.persisted = b.after
	s.move(applied)
	wake(&s.synced)
}

// again takes a block that raft delivers after Install has brought it.
func (s *Store) again(index, term uint64, raw []byte, b block.Block) (Applied, error) {
	before := s.Applied()
	first := before.Seq - before.Ahead + 1
	have, err := s.find(first)
	if err != nil {
		return Applied{}, err
	}
	if have.first != first || !bytes.Equal(have.raw, raw) {
		return Applied{}, s.damaged("the block of raft index %d is not the one that another node sent for event %d", index, first)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.applied
	p.Index, p.Term = index, term
	p.Ahead -= uint64(b.Len())
	s.move(p)
	return Applied{First: first, Last: have.last(), ReceivedAt: b.ReceivedAt}, nil
}
