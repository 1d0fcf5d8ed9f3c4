package e2e_test

import (
	"fmt"
	"net/http"
	"syscall"
	"testing"

	"dashd/internal/dashdtest"
)

// TestBetterAuthOnAFollower plays the users of the application while it talks to a node that
// does not lead, and the node that does is killed again and again. The plugin sends each
// event once, and waits three seconds for the answer: the node it talks to waits longer for
// the next leader, and loses none.
func TestBetterAuthOnAFollower(t *testing.T) {
	if testing.Short() {
		t.Skip("NOT RUN with -short: this test starts Node.js and three nodes, and takes half a minute")
	}
	binary := dashdtest.Binary(t)
	nodes := make([]*dashdtest.Node, 3)
	for i := range nodes {
		nodes[i] = &dashdtest.Node{Binary: binary, Dir: t.TempDir(), Addr: dashdtest.FreeAddr(t), Cluster: dashdtest.FreeAddr(t)}
	}
	dashdtest.Form(t, nodes...)
	ours, others := nodes[0], nodes[1:]
	proxy := newRecorder(t, ours.URL)
	proxy.mayGo = true // the plugin waits for three seconds
	app := startApp(t, proxy.URL)

	var down *dashdtest.Node // killed, to be started again
	kills, steps := 0, 0
	events, _ := play(t, app, proxy, func(string, []sent) {
		steps++
		if down != nil {
			down.Start(t)
			dashdtest.WaitVoters(t, nodes...)
			down = nil
		}
		if steps%4 != 1 {
			return
		}
		down = others[kills%len(others)]
		kills++
		lead(t, down, nodes)
		down.Signal(t, syscall.SIGKILL) // what comes next finds no leader
	})
	if kills < 4 {
		t.Fatalf("%d nodes were killed: the play is too short: %d steps", kills, steps)
	}
	if down != nil {
		down.Start(t)
	}
	for i, n := range nodes {
		backend := reader{base: n.URL, header: http.Header{"X-Api-Key": {apiKey}}, anyTime: true}
		for _, key := range keys(events) {
			want := only(events, func(e event) bool { return e.Key == key })
			dashdtest.Await(t, fmt.Sprintf("all events of key %s on node %d", key, i), func() error {
				return sameHistory(backend.events(t, "/events/user", query("userId", key, "consistency", "strong")), want)
			})
		}
	}
	t.Logf("%d events; %d times the leading node was killed", len(events), kills)
}

// lead makes a node lead.
func lead(t *testing.T, n *dashdtest.Node, all []*dashdtest.Node) {
	t.Helper()
	want, err := n.Status()
	if err != nil {
		t.Fatal(err)
	}
	dashdtest.Await(t, "the lead on the chosen node", func() error {
		if now, _ := dashdtest.Leader(t, all...); now == n {
			return nil
		}
		_, err := n.TryCommand("cluster", "transfer", "--to", want.NodeID)
		return err
	})
}
