package cluster

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/hashicorp/raft"

	"dashd/eventlog/store"
	"dashd/internal/errs"
)

var (
	errStorage   = errors.New("the storage of this node has failed")
	errStopping  = errors.New("raft has stopped")
	errGiving    = errors.New("the lead is being given away")
	errOtherTerm = errors.New("the term has ended")
)

// Propose offers a block to raft, to be appended in the given term (see Term) and
// in no other, and returns once raft has it or refuses it: blocks enter the log in
// the order of the calls. It must not be changed after.
//
// wait returns once this node's log has the block, or the outcome: see outcome in
// this package. It is called once.
func (c *Cluster) Propose(ctx context.Context, term uint64, block []byte) (wait func() (store.Applied, error), err error) {
	if c.failed() {
		return nil, errs.Wrap(errStorage, errs.Unavailable, CodeNotLeader, "this node is stopping")
	}
	if c.lead.Load() != term {
		return nil, notLeader(errOtherTerm)
	}
	c.proposed.add(1)
	if c.giving.Load() {
		c.proposed.add(-1)
		return nil, notLeader(errGiving)
	}
	timeout := enqueueTimeout
	if deadline, ok := ctx.Deadline(); ok {
		timeout = max(time.Millisecond, min(timeout, time.Until(deadline)))
	}
	// This node may lose the lead and win it again while the block is on its way to
	// raft. The entry says for which term it was meant, and is void in another.
	future := c.raft.ApplyLog(raft.Log{
		Data:       block,
		Extensions: binary.BigEndian.AppendUint64(nil, term),
	}, timeout)
	return func() (store.Applied, error) {
		defer c.proposed.add(-1)
		if err := c.await(future); err != nil {
			return store.Applied{}, outcome(err)
		}
		switch r := future.Response().(type) {
		case store.Applied:
			return r, nil
		case error:
			return store.Applied{}, r
		default:
			return store.Applied{}, fmt.Errorf("the FSM answered %T", r)
		}
	}, nil
}

// await waits for raft's answer. Raft forgets some of its futures when it stops,
// and must not be believed once storage has failed.
func (c *Cluster) await(f raft.Future) error {
	answer := make(chan error, 1)
	go func() { answer <- f.Error() }()
	select {
	case err := <-answer:
		if c.failed() {
			return errStorage
		}
		return err
	case <-c.down:
		return errStopping
	case <-c.Failed:
		return errStorage
	}
}

// Barrier returns once this node, leading, has applied everything that was
// committed anywhere before the call: a read after it is linearizable. Calls that
// come while a barrier is on its way share the next one.
func (c *Cluster) Barrier(ctx context.Context) error { return c.barriers.wait(ctx) }

// Verify returns nil if this node leads in a term, and a majority had not heard of a newer one when it was
// asked, which was after the call: what this log held when Term answered that term, or later, lacks
// nothing that was acknowledged anywhere before the call. No clock and no pause changes that. Calls that
// come while others wait share the next round.
func (c *Cluster) Verify(ctx context.Context, term uint64) error {
	if err := c.polls.wait(ctx); err != nil {
		return err
	}
	if now, err := c.Term(); err != nil || now != term {
		return notLeader(errOtherTerm)
	}
	return nil
}
