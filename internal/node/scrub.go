package node

import (
	"context"
	"errors"
	"time"

	"dashd/internal/kv"
)

const (
	// scrubEvery is how often everything on disk is read again.
	scrubEvery = 24 * time.Hour
	// A database of no more bytes is verified before the node serves: a second or
	// two at the pace of a plain disk. A larger one is verified while it serves.
	verifyAtOpen = 1 << 30
)

// verifySmall reads all tables of a database that is not large. The database
// answers "not found" for a key in a block of a table whose checksum is wrong, and
// a given id that is not found could be stored twice.
func (n *Node) verifySmall() error {
	size, err := n.KV.TableBytes()
	if err != nil || size > verifyAtOpen {
		return err
	}
	n.verified = true
	return n.KV.Verify()
}

// scrub reads everything on disk again each day, until ctx ends: it finds what a
// query would find too late, or as verifySmall says, not at all. What verifySmall
// has left is read as soon as the dashboard's tables have caught up.
func (n *Node) scrub(ctx context.Context) error {
	if !n.verified {
		// Those who wait for the tables of the dashboard go first.
		if err := n.Dash.Wait(ctx, n.Store.Head()); err != nil {
			return nil // ctx has ended
		}
		if err := n.found(ctx, n.KV.Verify()); err != nil {
			return err
		}
	}
	for {
		select {
		case <-time.After(scrubEvery):
		case <-ctx.Done():
			return nil
		}
		if err := n.scrubOnce(ctx); err != nil {
			return err
		}
	}
}

// scrubOnce checks the tables of the database, then each block and given id of
// the log.
func (n *Node) scrubOnce(ctx context.Context) error {
	start := time.Now()
	err := n.KV.Verify()
	if err == nil {
		err = n.Store.Check(ctx, nil)
	}
	if err == nil {
		n.log.Info("scrub found everything as it was written", "seq", n.Store.PersistedSeq(), "elapsed", time.Since(start))
	}
	return n.found(ctx, err)
}

// found ends the node if err is damage, and not that the node is stopping.
func (n *Node) found(ctx context.Context, err error) error {
	if err == nil || ctx.Err() != nil || errors.Is(err, kv.ErrClosed) {
		return nil
	}
	n.fail(err)
	return err
}
