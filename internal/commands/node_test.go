package commands_test

import (
	"bytes"
	"context"
	"log/slog"
	"sync"
	"testing"

	"dashd/eventlog"
	"dashd/eventlog/block"
	"dashd/eventlog/index"
	"dashd/eventlog/store"
	"dashd/internal/appender"
	"dashd/internal/commands"
	"dashd/internal/errs"
	"dashd/internal/kv"
	daemon "dashd/internal/node"
	"dashd/internal/seal"
	"dashd/projections"
)

const noon = int64(1_750_000_000_000)

var (
	sealer = seal.New(seal.Key(bytes.Repeat([]byte{0xa1}, seal.KeySize)))
	socket = projections.Operator("admin-socket")
)

// node is a real node but for raft: what is proposed is applied at once.
type node struct {
	*commands.Commands
	t        *testing.T
	dir      string
	log      *store.Store
	appender *appender.Appender
	access   *projections.Follower
	dash     *projections.DashFollower
	proposer *proposer
	stop     func()
}

// open starts a node in dir, which may hold what an earlier one left.
func open(t *testing.T, dir string) *node {
	t.Helper()
	db, err := kv.Open(dir, kv.Options{MinFree: 1})
	if err != nil {
		t.Fatal(err)
	}
	fatal := func(err error) { t.Errorf("fatal: %v", err) }
	log, err := store.Open(db, store.Options{Log: slog.New(slog.DiscardHandler), Fatal: fatal})
	if err != nil {
		t.Fatal(err)
	}
	x, err := index.Open(log, db, index.Options{Log: slog.New(slog.DiscardHandler), Fatal: fatal})
	if err != nil {
		t.Fatal(err)
	}
	n := &node{
		t: t, dir: dir, log: log, proposer: &proposer{log: log},
		access: projections.NewFollower(log, x), dash: projections.NewDashFollower(log, projections.DashOptions{}),
	}
	n.appender = appender.New(log, n.proposer, appender.Options{
		NodeID: "n1", Log: slog.New(slog.DiscardHandler), Now: now,
	})
	n.Commands = n.with(n.access)
	// Stopped in the reverse order: what is under way ends before what it needs.
	var stops []func()
	for _, run := range []func(context.Context) error{log.Run, x.Run, n.access.Run, n.dash.Run, n.appender.Run} {
		stops = append(stops, start(t, run))
	}
	n.stop = sync.OnceFunc(func() {
		for i := range stops {
			stops[len(stops)-1-i]()
		}
		if err := db.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	t.Cleanup(n.stop)
	return n
}

// start runs a part of a node until the returned function is called.
func start(t *testing.T, run func(context.Context) error) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- run(ctx) }()
	return func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run = %v", err)
		}
	}
}

// reopen stops the node and starts it again.
func (n *node) reopen() *node {
	n.t.Helper()
	n.stop()
	return open(n.t, n.dir)
}

// openReal starts the node that the daemon starts.
func openReal(t *testing.T, dir string) (c *commands.Commands, stop func()) {
	t.Helper()
	n, err := daemon.Open(t.Context(), daemon.Config{Dir: dir, Now: now})
	if err != nil {
		t.Fatal(err)
	}
	access := projections.NewFollower(n.Store, n.Index)
	stopNode, stopAccess := start(t, n.Run), start(t, access.Run)
	stop = sync.OnceFunc(func() { stopAccess(); stopNode() })
	t.Cleanup(stop)
	if err := n.WaitReady(t.Context()); err != nil {
		t.Fatal(err)
	}
	return commands.New(commands.Options{
		Appender: n.Appender, Reports: n.Appender, Access: access, Dash: n.Dash, Log: n.Store, Sealer: sealer, Now: now, Settle: n.Settle,
	}), stop
}

func now() int64 { return noon }

// with returns commands that are decided against another image of the same log.
func (n *node) with(access commands.Access) *commands.Commands {
	return commands.New(commands.Options{
		Appender: n.appender, Reports: n.appender, Access: access, Dash: n.dash, Log: n.log, Sealer: sealer, Now: now,
		Settle: func(context.Context) (uint64, error) { return n.log.Head(), nil },
	})
}

// records returns the whole log.
func (n *node) records() []eventlog.Record {
	n.t.Helper()
	var recs []eventlog.Record
	for seq := uint64(1); seq <= n.log.Head(); seq++ {
		r, err := n.log.Read(seq)
		if err != nil {
			n.t.Fatal(err)
		}
		recs = append(recs, r)
	}
	return recs
}

// proposer is raft of a cluster of one without a disk.
type proposer struct {
	log *store.Store

	mu     sync.Mutex
	index  uint64
	blocks int
	// lose makes the next proposal end with an unknown outcome, written or not.
	lose, written bool
}

func (p *proposer) Term() (uint64, error) { return 1, nil }

var errLost = errs.New(errs.Unavailable, appender.CodeOutcomeUnknown, "the leader was lost")

func (p *proposer) Propose(_ context.Context, term uint64, sealed []byte) (func() (store.Applied, error), error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.index = max(p.index, p.log.Applied().Index) + 1
	lost := p.lose
	p.lose = false
	if lost && !p.written {
		return func() (store.Applied, error) { return store.Applied{}, errLost }, nil
	}
	b, err := block.Open(sealed)
	if err != nil {
		return nil, err
	}
	applied, err := p.log.Append(p.index, term, sealed, b)
	p.blocks++
	if lost {
		err = errLost
	}
	return func() (store.Applied, error) { return applied, err }, nil
}

// loseNext loses the leader during the next proposal.
func (p *proposer) loseNext(written bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lose, p.written = true, written
}
