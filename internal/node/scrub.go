package node

import (
	"context"
	"errors"
	"time"

	"dashd/internal/kv"
)

const (
	// scrubAfter is when the first scrub starts: the node has answered who waited
	// for it by then.
	scrubAfter = time.Minute
	// scrubEvery is how often everything on disk is read again.
	scrubEvery = 24 * time.Hour
)

// scrub reads everything on disk again, shortly after the start and then each
// day, until ctx ends. Reading finds what a query would find too late, or not at
// all: the database answers "not found" for a key in a block of a table whose
// checksum is wrong, and a given id that is not found could be stored twice.
func (n *Node) scrub(ctx context.Context) error {
	for wait := scrubAfter; ; wait = scrubEvery {
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return nil
		}
		if err := n.scrubOnce(ctx); err != nil {
			return err
		}
	}
}

// scrubOnce checks the tables of the database, then each block and given id of
// the log. Damage ends the node.
func (n *Node) scrubOnce(ctx context.Context) error {
	start := time.Now()
	err := n.KV.Verify()
	if err == nil {
		err = n.Store.Check(ctx, nil)
	}
	switch {
	case err == nil:
		n.log.Info("scrub found everything as it was written", "seq", n.Store.PersistedSeq(), "elapsed", time.Since(start))
		return nil
	case ctx.Err() != nil || errors.Is(err, kv.ErrClosed):
		return nil
	}
	n.fail(err)
	return err
}
