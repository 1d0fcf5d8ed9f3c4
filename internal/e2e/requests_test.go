package e2e_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"dashd/internal/dashdtest"
)

// Each of three nodes takes commands and events. Who goes on talking to the node he wrote to reads what he wrote, at
// whatever level; at the level of the dashboard he reads it from any node.
func TestG5_AnyNodeTakesAnyRequest(t *testing.T) {
	if testing.Short() {
		t.Skip("NOT RUN with -short: this test starts three nodes")
	}
	binary := dashdtest.Binary(t)
	nodes := make([]*dashdtest.Node, 3)
	for i := range nodes {
		nodes[i] = &dashdtest.Node{Binary: binary, Dir: t.TempDir(), Addr: dashdtest.FreeAddr(t), Cluster: dashdtest.FreeAddr(t)}
	}
	dashdtest.Form(t, nodes...)
	for i, n := range nodes {
		for round := range 5 {
			email := fmt.Sprintf("u%d-%d@example.com", i, round)
			asked(t, n, "POST", "/dash/user", `{"name":"Ada","email":"`+email+`"}`)
			if got := asked(t, n, "GET", "/dash/users?consistency=stale&limit=100", ""); !strings.Contains(got, email) {
				t.Errorf("node %d does not know whom it has made: %s", i, email)
			}
			for j, other := range nodes {
				if got := asked(t, other, "GET", "/dash/users?limit=100", ""); !strings.Contains(got, email) {
					t.Errorf("node %d does not know whom node %d has made: %s", j, i, email)
				}
			}
			id := fmt.Sprintf("event-%d-%d", i, round)
			asked(t, n, "POST", "/ingest/events", `{"id":"`+id+`","type":"user.logged_in","userId":"u"}`)
			for j, other := range nodes {
				if got := asked(t, other, "GET", "/v1/events?consistency=strong&limit=100", ""); !strings.Contains(got, id) {
					t.Errorf("node %d does not know the event that node %d has taken: %s", j, i, id)
				}
			}
		}
	}
}

// asked sends a request with the first key and returns the answer, which must be a success.
func asked(t *testing.T, n *dashdtest.Node, method, path, body string) string {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, n.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-Api-Key", apiKey)
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		t.Fatalf("%s %s: %d %s, %v", method, path, answer.StatusCode, text, err)
	}
	return string(text)
}
