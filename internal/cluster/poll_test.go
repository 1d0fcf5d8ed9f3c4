package cluster_test

import (
	"testing"

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
