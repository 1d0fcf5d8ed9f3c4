package dashdtest

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// Status is some of what a node says of itself.
type Status struct {
	NodeID   string
	NotReady []string
	Head     uint64
	Raft     struct {
		State      string
		Term       uint64
		Ready      bool
		Leader     string
		FirstIndex uint64
		LastIndex  uint64
		Servers    []Server
	}
}

// Server is a member of a cluster.
type Server struct {
	NodeID  string
	Address string
	Voter   bool
}

// Status asks the node how it is. A process that hangs is one that does not answer.
func (n *Node) Status() (s Status, err error) {
	client := n.Client()
	client.Timeout = 5 * time.Second
	resp, err := client.Get("http://dashd/v1/status")
	if err != nil {
		return s, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return s, err
	}
	if resp.StatusCode != http.StatusOK {
		return s, fmt.Errorf("GET /v1/status: %s %s", resp.Status, text)
	}
	return s, json.Unmarshal(text, &s)
}

// Voters are the ids of the nodes that vote, as far as the node knows, in order.
func (s *Status) Voters() (ids []string) {
	for _, m := range s.Raft.Servers {
		if m.Voter {
			ids = append(ids, m.NodeID)
		}
	}
	slices.Sort(ids)
	return ids
}

// Form makes a cluster of nodes that have never run: the first one by itself, the
// others by joining it. It returns when all are voters.
func Form(t testing.TB, nodes ...*Node) {
	t.Helper()
	nodes[0].Start(t)
	for _, n := range nodes[1:] {
		n.Join(t, nodes[0])
	}
	WaitVoters(t, nodes...)
}

// Join starts a node that has never run as a new member of the cluster that member
// belongs to, and returns when it is ready and the others know it. It may not vote yet.
func (n *Node) Join(t testing.TB, member *Node) {
	t.Helper()
	n.Token = member.JoinToken(t)
	n.Start(t)
	n.Token = "" // it has been used up, and later starts need none
	Await(t, "the new node among the members", func() error {
		mine, err := n.Status()
		if err != nil {
			return err
		}
		s, err := member.Status()
		if err == nil && !slices.ContainsFunc(s.Raft.Servers, func(m Server) bool { return m.NodeID == mine.NodeID }) {
			err = fmt.Errorf("members are %+v", s.Raft.Servers)
		}
		return err
	})
}

// JoinToken makes a token with which a node may join.
func (n *Node) JoinToken(t testing.TB) string {
	t.Helper()
	lines := strings.Fields(n.Command(t, "join-token"))
	return lines[len(lines)-1]
}

// Remove takes a node out of the cluster for ever, by the word of a member. It asks again if it
// is not known whether that took effect: the lead has changed.
func (n *Node) Remove(t testing.TB, member *Node) {
	t.Helper()
	unknown := false
	Await(t, "the removal of "+n.Cluster, func() error {
		_, err := member.TryCommand("cluster", "remove", n.Cluster, "--yes")
		switch {
		case err == nil || unknown && strings.Contains(err.Error(), "no node"):
			return nil
		case !strings.Contains(err.Error(), "OUTCOME_UNKNOWN"):
			t.Fatal(err)
		}
		unknown = true
		return err
	})
}

// WaitVoters waits until these nodes vote, and no others, as all of them know.
func WaitVoters(t testing.TB, nodes ...*Node) {
	t.Helper()
	Await(t, fmt.Sprintf("%d voters", len(nodes)), func() error {
		var ids []string
		views := make([]Status, len(nodes))
		for i, n := range nodes {
			var err error
			if views[i], err = n.Status(); err != nil {
				return err
			}
			ids = append(ids, views[i].NodeID)
		}
		slices.Sort(ids)
		for _, s := range views {
			if !slices.Equal(s.Voters(), ids) || len(s.Raft.Servers) != len(ids) {
				return fmt.Errorf("node %s knows of %+v", s.NodeID, s.Raft.Servers)
			}
		}
		return nil
	})
}

// Leader waits until one of the nodes leads and has applied everything before its
// term, and returns it with its place.
func Leader(t testing.TB, nodes ...*Node) (leader *Node, at int) {
	t.Helper()
	Await(t, "a leader", func() error {
		leader = nil
		var term uint64
		for i, n := range nodes {
			// A node that cannot be asked does not lead; one that was cut off may believe it does.
			if s, err := n.Status(); err == nil && s.Raft.Ready && s.Raft.Term > term {
				leader, at, term = n, i, s.Raft.Term
			}
		}
		if leader == nil {
			return fmt.Errorf("none of %d nodes leads", len(nodes))
		}
		return nil
	})
	return leader, at
}

// Await asks again and again until there is no error, and fails the test when that
// takes too long.
func Await(t testing.TB, what string, ask func() error) {
	t.Helper()
	giveUp := time.Now().Add(Patience)
	for {
		err := ask()
		if err == nil {
			return
		}
		if time.Now().After(giveUp) {
			t.Fatalf("no sign of %s: %v", what, err)
		}
		time.Sleep(20 * time.Millisecond)
	}
}
