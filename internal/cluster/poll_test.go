package cluster_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hashicorp/raft"

	"dashd/internal/cluster"
)

// Only voters count, and only those that know of no newer term.
func TestP10_WhoConfirmsALeader(t *testing.T) {
	const term = 5
	servers := func(voters, nonvoters string) (list []raft.Server) {
		for _, id := range voters {
			list = append(list, raft.Server{ID: raft.ServerID(id), Suffrage: raft.Voter})
		}
		for _, id := range nonvoters {
			list = append(list, raft.Server{ID: raft.ServerID(id), Suffrage: raft.Nonvoter})
		}
		return list
	}
	type answers = map[string]uint64 // the terms that others answer
	for _, tt := range []struct {
		name              string
		voters, nonvoters string
		answers           answers
		want              bool
	}{
		{"alone", "a", "", nil, true},
		{"nobody answers", "abc", "", nil, false},
		{"a majority", "abc", "", answers{"b": term}, true},
		{"a voter in a newer term", "abc", "", answers{"b": term + 1}, false},
		{"one in this term and one in a newer one", "abc", "", answers{"b": term + 1, "c": term}, true},
		{"members without a vote", "abc", "de", answers{"d": term, "e": term}, false},
		{"one of two", "ab", "", nil, false},
		{"half of four", "abcd", "", answers{"b": term}, false},
		{"a leader without a vote", "bc", "a", answers{"b": term}, false},
		{"somebody who is no member", "abc", "", answers{"x": term}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := cluster.Confirmed(term, tt.answers, servers(tt.voters, tt.nonvoters), "a"); got != tt.want {
				t.Errorf("confirmed: %v, want %v", got, tt.want)
			}
		})
	}
}

// A voter that is removed before it answered is not waited for, and nothing waits after it.
func TestP10_AVoterIsRemovedThatDidNotAnswer(t *testing.T) {
	_, own := raft.NewInmemTransport("n1")
	l := live(t, t.TempDir(), func(c *cluster.Config) { c.Transport = own })
	defer l.stop()
	var silent atomic.Bool
	answers(own, "n2", &silent)
	answers(own, "n3", new(atomic.Bool))
	term, err := l.Term()
	if err != nil {
		t.Fatal(err)
	}
	verify := func() error {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		return l.Verify(ctx, term)
	}
	if err := l.AddVoter(term, "n2", "n2"); err != nil {
		t.Fatal(err)
	}
	if err := verify(); err != nil {
		t.Fatalf("Verify with n2 = %v", err)
	}
	silent.Store(true)
	unanswered := make(chan error, 1)
	go func() { unanswered <- verify() }()
	time.Sleep(20 * time.Millisecond) // less than a lease: n1 still leads, and waits for n2
	if err := l.Remove(term, "n2"); err != nil {
		t.Fatal(err)
	}
	if err := <-unanswered; err != nil {
		t.Errorf("Verify while n2 was removed = %v", err)
	}
	if err := l.AddVoter(term, "n3", "n3"); err != nil {
		t.Fatal(err)
	}
	if err := verify(); err != nil {
		t.Errorf("Verify with n3 = %v", err)
	}
}

// answers makes a voter that takes every entry and votes for everybody, until it is silent. It ends with the process.
func answers(peer *raft.InmemTransport, id string, silent *atomic.Bool) {
	address, transport := raft.NewInmemTransport(raft.ServerAddress(id))
	peer.Connect(address, transport)
	go func() {
		var last uint64
		for m := range transport.Consumer() {
			if silent.Load() {
				continue
			}
			switch r := m.Command.(type) {
			case *raft.RequestPreVoteRequest:
				m.Respond(&raft.RequestPreVoteResponse{Term: r.Term, Granted: true}, nil)
			case *raft.RequestVoteRequest:
				m.Respond(&raft.RequestVoteResponse{Term: r.Term, Granted: true}, nil)
			case *raft.AppendEntriesRequest:
				if n := len(r.Entries); n > 0 {
					last = r.Entries[n-1].Index
				}
				m.Respond(&raft.AppendEntriesResponse{Term: r.Term, LastLog: last, Success: true}, nil)
			default:
				m.Respond(nil, raft.ErrTransportShutdown)
			}
		}
	}()
}
