package node_test

import (
	"context"
	"encoding/hex"
	"io"
	"math/rand/v2"
	"testing"
	"time"

	"dashd/eventlog"
	"dashd/eventlog/store"
)

// trickle brings a little each second.
type trickle struct {
	io.ReadCloser
	ctx context.Context
}

func (s trickle) Read(b []byte) (int, error) {
	select {
	case <-time.After(time.Second):
	case <-s.ctx.Done():
		return 0, s.ctx.Err()
	}
	return s.ReadCloser.Read(b[:min(len(b), 512)])
}

// A transfer over a slow way is not given up while it brings something, however long a part takes.
func TestP15_ASlowTransferOfTheLog(t *testing.T) {
	inTrio(t, func(t *testing.T, c *trio) {
		l := c.leader()
		noise := make([]byte, 20_000)
		random := rand.NewChaCha8([32]byte{})
		_, _ = random.Read(noise) // it does not fail
		e := event("a")
		e.Personal.Metadata = []byte(`{"noise":"` + hex.EncodeToString(noise) + `"}`)
		if _, err := l.Appender.Append(t.Context(), []eventlog.Event{e}); err != nil {
			t.Fatal(err)
		}
		to := c.elsewhereOf(l)
		to.slow.Store(true)
		begun, events := time.Now(), uint64(0)
		err := to.Fetch(t.Context(), l.Identity().NodeID, 0, l.Store.Applied(), func(p *store.Part) error {
			events = p.At.Seq
			return nil
		})
		if err != nil || events != 1 {
			t.Errorf("%d events came in %v: %v, want 1", events, time.Since(begun), err)
		}
		if took := time.Since(begun); took < 31*time.Second {
			t.Errorf("it took %v: that is not slow", took)
		}
	})
}

// Nothing comes any more, and the connection stays: the transfer is given up.
func TestP15_AStalledTransferOfTheLog(t *testing.T) {
	inTrio(t, func(t *testing.T, c *trio) {
		l := c.leader()
		if err := l.append("a"); err != nil {
			t.Fatal(err)
		}
		to := c.elsewhereOf(l)
		to.stalled.Store(true)
		begun := time.Now()
		err := to.Fetch(t.Context(), l.Identity().NodeID, 0, l.Store.Applied(), func(*store.Part) error { return nil })
		if took := time.Since(begun); err == nil || took > time.Minute {
			t.Errorf("after %v: %v, want an error", took, err)
		}
	})
}

// stall brings nothing until the request ends.
type stall struct {
	io.Closer
	ctx context.Context
}

func (s stall) Read([]byte) (int, error) {
	<-s.ctx.Done()
	return 0, s.ctx.Err()
}

// elsewhereOf is a node that does not lead.
func (c *trio) elsewhereOf(leader *member) *member {
	for _, m := range c.nodes {
		if m != leader {
			return m
		}
	}
	return nil
}
