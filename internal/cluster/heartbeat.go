package cluster

import (
	"bytes"
	"errors"
	"io"
	"sync"
	"sync/atomic"

	"github.com/hashicorp/raft"
)

// orderly lets heartbeats change nothing in raft but what it knows of its leader.
//
// Raft's own transport hands a heartbeat to raft on the goroutine of its connection, so that a slow disk
// delays none. But raft takes over a newer term there too, and stops being a candidate, while its main
// goroutine does the same: the older term can be the last to be written, and a term can rise under a node
// that begins to lead (hashicorp/raft issue 695). So only what changes neither passes at once. The rest
// waits its turn among raft's other messages.
type orderly struct {
	raft.Transport
	c        *Cluster
	messages chan raft.RPC
}

func newOrderly(t raft.Transport, c *Cluster) *orderly {
	o := &orderly{Transport: t, c: c, messages: make(chan raft.RPC)}
	go o.pass() // until raft is down
	return o
}

// Consumer is where raft takes messages from.
func (o *orderly) Consumer() <-chan raft.RPC { return o.messages }

func (o *orderly) pass() {
	for {
		select {
		case m := <-o.Transport.Consumer():
			o.queue(m)
		case <-o.c.down:
			return
		}
	}
}

func (o *orderly) queue(m raft.RPC) {
	if afterItsTerm(m.Command) {
		if m.Reader != nil {
			_, _ = io.Copy(io.Discard, m.Reader) // the next message comes behind it
		}
		m.Respond(nil, errAfterItsTerm)
		return
	}
	select {
	case o.messages <- m:
	case <-o.c.down:
		m.Respond(nil, raft.ErrTransportShutdown)
	}
}

// afterItsTerm reports whether a message sends what is newer than its own term. The goroutine that sends entries
// for a leader can read them from the log after another leader has put its own there, if it was held up between
// being asked to stop and looking. A node that takes them holds entries of a term in which it has not been, and
// its log looks like an old copy when it starts again.
func afterItsTerm(command any) bool {
	switch m := command.(type) {
	case *raft.AppendEntriesRequest:
		return m.PrevLogTerm > m.Term || len(m.Entries) > 0 && m.Entries[len(m.Entries)-1].Term > m.Term // terms ascend
	case *raft.InstallSnapshotRequest:
		return m.LastLogTerm > m.Term
	}
	return false
}

var errAfterItsTerm = errors.New("the message is of a leader that has been replaced")

// SetHeartbeatHandler is raft's way to get heartbeats at once.
func (o *orderly) SetHeartbeatHandler(handle func(raft.RPC)) {
	o.Transport.SetHeartbeatHandler(func(m raft.RPC) {
		a, ok := m.Command.(*raft.AppendEntriesRequest)
		passed := ok && o.c.logs.term.during(a.Term, func() bool {
			r := o.c.running.Load()
			if r == nil || r.CurrentTerm() != a.Term || r.State() != raft.Follower {
				return false
			}
			handle(m)
			return true
		})
		if !passed {
			o.queue(m)
		}
	})
}

// RequestPreVote passes on what not every transport knows.
func (o *orderly) RequestPreVote(id raft.ServerID, target raft.ServerAddress, args *raft.RequestPreVoteRequest, answer *raft.RequestPreVoteResponse) error {
	if to, knows := o.Transport.(raft.WithPreVote); knows {
		return to.RequestPreVote(id, target, args, answer)
	}
	return raft.ErrUnsupportedProtocol
}

// currentTerm is the key of raft's term.
var currentTerm = []byte("CurrentTerm")

// diskTerm is raft's term as it is on disk. It never falls.
type diskTerm struct {
	value atomic.Uint64
	mu    sync.RWMutex // held by what must not see it rise, and to let it rise
}

// raise has write make a term durable, unless this one or a later one is.
func (t *diskTerm) raise(term uint64, write func() error) error {
	if term <= t.value.Load() { // in the midst of during as well
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if term <= t.value.Load() {
		return nil
	}
	if err := write(); err != nil {
		return err
	}
	t.value.Store(term)
	return nil
}

// during calls do if the term is this one and about to stay it, and keeps it so meanwhile.
func (t *diskTerm) during(term uint64, do func() bool) bool {
	if !t.mu.TryRLock() { // a later one is being written, for as long as the disk takes
		return false
	}
	defer t.mu.RUnlock()
	return t.value.Load() == term && do()
}

// SetUint64 makes a number durable. Raft's term only rises.
func (s *logStore) SetUint64(key []byte, val uint64) error {
	write := func() error {
		return s.write("set "+string(key), func() error { return s.bolt.SetUint64(key, val) })
	}
	if bytes.Equal(key, currentTerm) {
		return s.term.raise(val, write)
	}
	return write()
}
