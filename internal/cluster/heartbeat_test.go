package cluster_test

import (
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/raft"

	"dashd/internal/cluster"
)

var currentTerm = []byte("CurrentTerm")

// Raft writes its term from two goroutines. Whichever is the last one, a term that the node has been in
// is not forgotten: it would take entries again from a leader that another one has replaced.
func TestP10_TheTermOnDiskNeverFalls(t *testing.T) {
	logs, err := cluster.BareLogs(filepath.Join(t.TempDir(), cluster.LogFileName), 0)
	if err != nil {
		t.Fatal(err)
	}
	stable := logs.(raft.StableStore)
	begun, goOn := make(chan struct{}), make(chan struct{})
	var first sync.Once
	cluster.Hold(logs, func() {
		first.Do(func() {
			close(begun)
			<-goOn
		})
	})
	var writers sync.WaitGroup
	set := func(term uint64) {
		if err := stable.SetUint64(currentTerm, term); err != nil {
			t.Error(err)
		}
	}
	writers.Go(func() { set(10) })
	<-begun
	writers.Go(func() { set(11) })
	time.Sleep(50 * time.Millisecond) // for the second one to be written first, if it can be
	close(goOn)
	writers.Wait()
	set(9)
	if term, err := stable.GetUint64(currentTerm); err != nil || term != 11 {
		t.Errorf("term %d, %v; want 11", term, err)
	}
}

// heartbeats is a transport that gets heartbeats, and nothing else.
type heartbeats struct {
	raft.Transport
	take func(raft.RPC)
}

func (h *heartbeats) Consumer() <-chan raft.RPC              { return nil }
func (h *heartbeats) SetHeartbeatHandler(f func(m raft.RPC)) { h.take = f }

// Only what neither raises the term nor makes raft a follower is handled at once.
func TestP10_HeartbeatsThatChangeRaftWaitTheirTurn(t *testing.T) {
	address, own := raft.NewInmemTransport("n1")
	l := live(t, t.TempDir(), func(c *cluster.Config) { c.Transport = own })
	defer l.stop()
	inner := &heartbeats{}
	outer := cluster.Orderly(inner, l.Cluster)
	atOnce := make(chan raft.RPC, 1)
	outer.SetHeartbeatHandler(func(m raft.RPC) { atOnce <- m })
	try := func(what string, term uint64, want bool) {
		t.Helper()
		go inner.take(raft.RPC{Command: &raft.AppendEntriesRequest{Term: term}})
		got := false
		select {
		case <-atOnce:
			got = true
		case <-outer.Consumer():
		}
		if got != want {
			t.Errorf("%s: handled at once: %v, want %v", what, got, want)
		}
	}
	term := l.Raft().CurrentTerm()
	try("a leader, the same term", term, false)
	try("a leader, a newer term", term+1, false)

	_, other := raft.NewInmemTransport("n2")
	other.Connect(address, own)
	for settled := false; !settled; { // it stands for election when it hears nothing for a second
		term += 100
		var answer raft.AppendEntriesResponse
		if err := other.AppendEntries("n1", address, &raft.AppendEntriesRequest{RPCHeader: raft.RPCHeader{ProtocolVersion: raft.ProtocolVersionMax, ID: []byte("n2"), Addr: []byte("n2")}, Term: term}, &answer); err != nil {
			t.Fatal(err)
		}
		follows := func() bool { return l.Raft().State() == raft.Follower && l.Raft().CurrentTerm() == term }
		if !follows() {
			continue
		}
		try("a follower, a newer term", term+1, false)
		try("a follower, an older term", term-1, false)
		go inner.take(raft.RPC{Command: &raft.AppendEntriesRequest{Term: term}})
		select {
		case <-atOnce:
			settled = true
		case <-outer.Consumer():
			if follows() {
				t.Fatal("a follower, the same term: it had to wait")
			}
		}
	}
}

// A leader that has been replaced can send what the next one has put into its log. Who takes that has entries
// of a term in which it has not been.
func TestP10_WhatIsNewerThanItsTermIsRefused(t *testing.T) {
	address, own := raft.NewInmemTransport("n1")
	l := live(t, t.TempDir(), func(c *cluster.Config) { c.Transport = own })
	defer l.stop()
	_, other := raft.NewInmemTransport("n2")
	other.Connect(address, own)
	term, err := l.Term()
	if err != nil {
		t.Fatal(err)
	}
	const far = 1 << 40 // nobody has what comes before it
	term++
	entries := func(terms ...uint64) (list []*raft.Log) {
		for i, term := range terms {
			list = append(list, &raft.Log{Index: far + uint64(i) + 1, Term: term, Type: raft.LogNoop})
		}
		return list
	}
	for _, tt := range []struct {
		name    string
		before  uint64 // term of the entry before
		entries []*raft.Log
		refused bool
	}{
		{"entries of its own term and before", term - 1, entries(term-1, term), false},
		{"no entries", term, nil, false},
		{"an entry of the next term", term, entries(term, term+1), true},
		{"after an entry of the next term", term + 1, nil, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var answer raft.AppendEntriesResponse
			err := other.AppendEntries("n1", address, &raft.AppendEntriesRequest{
				RPCHeader: raft.RPCHeader{ProtocolVersion: raft.ProtocolVersionMax, ID: []byte("n2"), Addr: []byte("n2")},
				Term:      term, PrevLogEntry: far, PrevLogTerm: tt.before, Entries: tt.entries,
			}, &answer)
			if refused := err != nil; refused != tt.refused || answer.Success {
				t.Errorf("AppendEntries = %v, %+v; want refused: %v", err, answer, tt.refused)
			}
		})
	}
	var answer raft.InstallSnapshotResponse
	const manifest = "a position"
	err = other.InstallSnapshot("n1", address, &raft.InstallSnapshotRequest{
		RPCHeader:       raft.RPCHeader{ProtocolVersion: raft.ProtocolVersionMax, ID: []byte("n2"), Addr: []byte("n2")},
		SnapshotVersion: raft.SnapshotVersionMax, Term: term, LastLogIndex: far, LastLogTerm: term + 1, Size: int64(len(manifest)),
	}, &answer, strings.NewReader(manifest))
	if err == nil || answer.Success {
		t.Errorf("InstallSnapshot = %v, %+v; want it refused", err, answer)
	}
}
