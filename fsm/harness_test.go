package fsm_test

import (
	"context"
	"encoding/binary"
	"testing"

	"github.com/hashicorp/raft"

	"dashd/eventlog"
	"dashd/eventlog/block"
	"dashd/eventlog/store"
	"dashd/fsm"
	"dashd/internal/kv"
)

const day = 1_767_225_600_000

// node is an event log with an FSM on it. Its persister runs only when a test
// says so.
type node struct {
	*fsm.FSM
	*store.Store
	t     testing.TB
	dir   string
	db    *kv.DB
	snaps *fsm.Snapshots
	fatal []error
	stop  func() // ends the persister; nil: it does not run
}

func newNode(t testing.TB, between func(first, last uint64) error) *node {
	t.Helper()
	n := &node{t: t, dir: t.TempDir()}
	n.open(between)
	t.Cleanup(n.close)
	return n
}

func (n *node) open(between func(first, last uint64) error) {
	n.t.Helper()
	var err error
	if n.db, err = kv.Open(n.dir, kv.Options{}); err != nil {
		n.t.Fatal(err)
	}
	if n.Store, err = store.Open(n.db, store.Options{}); err != nil {
		n.t.Fatal(err)
	}
	n.fatal = nil
	n.FSM = fsm.New(n.Store, fsm.Options{
		Fatal:   func(err error) { n.fatal = append(n.fatal, err) },
		Between: between,
	})
	n.snaps = fsm.NewSnapshots(n.Store, "n1")
}

// run starts the persister.
func (n *node) run() {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := n.Run(ctx); err != nil {
			n.t.Error(err)
		}
	}()
	n.stop = func() { cancel(); <-done }
}

// close stops the node. What was not persisted is gone, unless run was called.
func (n *node) close() {
	n.Close()
	if n.stop != nil {
		n.stop()
		n.stop = nil
	}
	if err := n.db.Close(); err != nil {
		n.t.Error(err)
	}
}

// sealed is a block of events with these ids.
func sealed(t testing.TB, ids ...string) []byte {
	t.Helper()
	var events []eventlog.Event
	for _, id := range ids {
		events = append(events, eventlog.Event{
			ID: id, GivenID: true, Project: "p", Type: "user.created", Time: day, UserID: "u", Key: "u",
			Personal: eventlog.Personal{Metadata: []byte(`{}`)},
		})
	}
	g, err := block.AppendGroup(nil, events)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := block.Seal(block.Header{Proposer: "n1", ReceivedAt: day}, g)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func command(index, term uint64, data []byte) *raft.Log {
	return &raft.Log{Index: index, Term: term, Type: raft.LogCommand, Data: data, Extensions: binary.BigEndian.AppendUint64(nil, term)}
}

var threeServers = raft.Configuration{Servers: []raft.Server{
	{Suffrage: raft.Voter, ID: "n1", Address: "a:1"},
	{Suffrage: raft.Voter, ID: "n2", Address: "b:1"},
	{Suffrage: raft.Nonvoter, ID: "n3", Address: "c:1"},
}}

// ids are the ids of all events of the log.
func (n *node) ids() (ids []string) {
	n.t.Helper()
	err := n.Blocks(context.Background(), 1, func(first uint64, _ []byte, b block.Block) error {
		return b.Each(first, func(r *eventlog.Record) error {
			ids = append(ids, r.ID)
			return nil
		})
	})
	if err != nil {
		n.t.Fatal(err)
	}
	return ids
}
