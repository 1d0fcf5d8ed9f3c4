package main

import (
	"bytes"
	"context"
	"flag"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"
	"testing/synctest"

	"dashd/internal/node"
)

var updateCluster = flag.Bool("update-cluster", false, "write the golden files of dashd cluster")

func threeNodes() node.ClusterStatus {
	return node.ClusterStatus{
		ClusterID: "9cba73cc-ed00-4db0-b53c-81c521f7de5a", Leader: "n1", Term: 7, AskedOf: "n2",
		Nodes: []node.NodeStatus{
			{ID: "n1", Address: "10.0.0.1:8788", Role: "leader", State: "ok", Version: "1.2.3", Head: 1200, Applied: 90, LastContactMs: 312, SkewMs: -4},
			{ID: "n2", Address: "10.0.0.2:8788", Role: "voter", State: "ok", Version: "1.2.3", Head: 1199, Applied: 89, Lag: 1},
			{ID: "n3", Address: "10.0.0.3:8788", Role: "voter", State: "unreachable", Version: "1.2.2", Head: 800, Applied: 61, Lag: 400, LastContactMs: 125_400, SkewMs: 1200},
			{ID: "n\x1b[31m4", Address: "10.0.0.4:8788", Role: "non-voter", State: "unreachable", LastContactMs: -1},
		},
	}
}

// What dashd cluster prints is read by people, and by scripts all the same.
func TestGoldenClusterStatus(t *testing.T) {
	alone := threeNodes()
	alone.Leader, alone.Nodes = "", alone.Nodes[1:2]
	for file, s := range map[string]node.ClusterStatus{
		"testdata/cluster.status": threeNodes(), "testdata/cluster.status.alone": alone,
	} {
		var got bytes.Buffer
		if err := printCluster(&got, s); err != nil {
			t.Fatal(err)
		}
		if *updateCluster {
			if err := os.WriteFile(file, got.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil || !bytes.Equal(got.Bytes(), want) {
			t.Errorf("%s, %v\nwant\n%s\ngot\n%s", file, err, want, &got)
		}
	}
}

func TestTransferIsToldAsItWent(t *testing.T) {
	for _, tt := range []struct{ from, leader, want string }{
		{"n1", "n2", "Node n2 leads now; node n1 does no more.\n"},
		{"n1", "n1", "Node n1 leads already.\n"},
		{"n1", "", "Node n1 leads no more; who does is not known yet.\n"},
	} {
		var got bytes.Buffer
		if err := printTransfer(&got, tt.from, tt.leader); err != nil || got.String() != tt.want {
			t.Errorf("from %q to %q: %q, %v; want %q", tt.from, tt.leader, &got, err, tt.want)
		}
	}
}

func TestNodeIsNamedInOneWay(t *testing.T) {
	nodes := []node.NodeStatus{
		{ID: "1f0c52a8-a", Address: "10.0.0.1:8788"}, {ID: "1f0c9999-b", Address: "10.0.0.2:8788"}, {ID: "77aa", Address: "10.0.0.3:8788"}, {ID: "77aabb", Address: "10.0.0.4:8788"},
	}
	for _, tt := range []struct{ name, want string }{
		{"1f0c52a8-a", "1f0c52a8-a"},
		{"1f0c5", "1f0c52a8-a"},
		{"10.0.0.2:8788", "1f0c9999-b"},
		{"77aa", "77aa"}, // also the beginning of another
		{"1f0c", ""},
		{"10.0.0.2", ""},
		{"x", ""},
		{"", ""},
	} {
		if got, err := pickNode(nodes, tt.name); got.ID != tt.want || (err == nil) != (tt.want != "") {
			t.Errorf("%q is %q, %v; want %q", tt.name, got.ID, err, tt.want)
		}
	}
}

// A disk is wiped once remove has ended, so it must not end before the others do without the node:
// that the one that is asked does not answer for a while says nothing of them.
func TestRemovalIsAwaited(t *testing.T) {
	const there, gone, down = `{"nodes":[{"nodeId":"n1"},{"nodeId":"n3"}]}`, `{"nodes":[{"nodeId":"n1"}]}`, ""
	for _, tt := range []struct {
		name    string
		itself  bool
		answers []string // the last one is given again and again
		asked   int      // 0: until the end
	}{
		{"the others do it", false, []string{there, there, gone}, 3},
		{"the node that is asked restarts meanwhile", false, []string{there, down, down, there, gone}, 5},
		{"it answers no more", false, []string{there, down}, 0},
		{"they never do it", false, []string{there}, 0},
		{"the node itself is asked, and ends", true, []string{there, there, down}, 3},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				asked := 0
				cl := &client{base: "http://dashd", http: &http.Client{Transport: answering(func(*http.Request) string {
					asked++
					return tt.answers[min(asked, len(tt.answers))-1]
				})}}
				err := awaitRemoval(context.Background(), cl, "n3", tt.itself)
				if (err == nil) != (tt.asked > 0) || err == nil && asked != tt.asked {
					t.Errorf("it ends with %v when it has asked %d times", err, asked)
				}
			})
		})
	}
}

// answering answers requests with a text; "": with an error.
type answering func(*http.Request) string

func (a answering) RoundTrip(r *http.Request) (*http.Response, error) {
	text := a(r)
	if text == "" {
		return nil, context.DeadlineExceeded
	}
	w := httptest.NewRecorder()
	_, err := w.WriteString(text)
	return w.Result(), err
}
