package cluster_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"dashd/eventlog"
	"dashd/eventlog/block"
	"dashd/eventlog/store"
	"dashd/fsm"
	"dashd/internal/cluster"
	"dashd/internal/kv"
)

// life is one life of a node, up to raft.
type life struct {
	*cluster.Cluster
	t    *testing.T
	dir  string
	db   *kv.DB
	log  *store.Store
	fsm  *fsm.FSM
	stop func() // of what runs

	failed chan struct{}
	mu     sync.Mutex
	fatal  error
}

// begin opens dir. If err is not nil, the life has ended.
func begin(t *testing.T, dir string, change func(*cluster.Config)) (*life, error) {
	t.Helper()
	l := &life{t: t, dir: dir, failed: make(chan struct{})}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	file, err := cluster.OpenNodeFile(dir, false)
	must(err)
	l.db, err = kv.Open(filepath.Join(dir, "events"), kv.Options{MinFree: 1})
	must(err)
	l.log, err = store.Open(l.db, store.Options{Fatal: l.fail})
	must(err)
	cfg := cluster.Config{
		Dir: dir, Node: file, Events: l.log, Snapshots: fsm.NewSnapshots(l.log, "n1"),
		NewFSM: func(between func(first, last uint64) error) cluster.FSM {
			l.fsm = fsm.New(l.log, fsm.Options{Fatal: l.fail, Between: between})
			return l.fsm
		},
		Log: slog.New(slog.DiscardHandler), Fatal: l.fail, Failed: l.failed,
	}
	if change != nil {
		change(&cfg)
	}
	l.Cluster, err = cluster.Open(cfg)
	if err != nil {
		return nil, errors.Join(err, l.db.Close())
	}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		if err := l.Run(ctx); err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	persisting, stopPersisting := context.WithCancel(context.Background())
	var store sync.WaitGroup
	store.Go(func() { _ = l.log.Run(persisting) })
	l.stop = func() {
		cancel()
		running.Wait()
		l.fsm.Close()
		if err := l.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
		stopPersisting()
		store.Wait()
		if err := l.db.Close(); err != nil {
			t.Errorf("close database: %v", err)
		}
	}
	return l, nil
}

// live is begin and waits until the node leads.
func live(t *testing.T, dir string, change func(*cluster.Config)) *life {
	t.Helper()
	l, err := begin(t, dir, change)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if err := l.WaitLead(ctx); err != nil {
		t.Fatal(err)
	}
	return l
}

func (l *life) fail(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.fatal == nil {
		l.fatal = err
		close(l.failed)
	}
}

// sealed is a block of n events of some size.
func sealed(t *testing.T, n, size int) []byte {
	t.Helper()
	events := make([]eventlog.Event, n)
	for i := range events {
		noise := make([]byte, size)
		for k := range noise {
			noise[k] = byte('!' + (i*7919+k*k*31+k*17+k>>3*k)%90)
		}
		events[i] = eventlog.Event{ID: fmt.Sprint("e", i), Project: "p", Type: "user.joined", Key: "u", Personal: eventlog.Personal{
			Metadata: []byte(`{}`), UserAgent: string(noise),
		}}
	}
	group, err := block.AppendGroup(nil, events)
	if err != nil {
		t.Fatal(err)
	}
	b, err := block.Seal(block.Header{Proposer: "n", ReceivedAt: 1}, group)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// append proposes a block and waits for it.
func (l *life) append(b []byte) (store.Applied, error) {
	l.t.Helper()
	term, err := l.Term()
	if err != nil {
		return store.Applied{}, err
	}
	wait, err := l.Propose(context.Background(), term, b)
	if err != nil {
		return store.Applied{}, err
	}
	return wait()
}

func (l *life) mustAppend(b []byte) store.Applied {
	l.t.Helper()
	at, err := l.append(b)
	if err != nil {
		l.t.Fatal(err)
	}
	return at
}
