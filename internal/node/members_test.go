package node_test

import (
	"context"
	"fmt"
	"testing"

	"dashd/eventlog"
)

// What is appended while the status is made does not make this node's lag negative.
func TestTheStatusOfANodeThatTakesEvents(t *testing.T) {
	n := start(t, config(t.TempDir()))
	done := make(chan error, 1)
	go func() {
		for i := range 300 {
			if _, err := n.Appender.Append(context.Background(), []eventlog.Event{event(fmt.Sprint(i))}); err != nil {
				done <- err
				return
			}
		}
		done <- nil
	}()
	defer n.halt()
	for {
		if lag := n.ClusterStatus(t.Context()).Nodes[0].Lag; lag != 0 {
			t.Fatalf("the only node is %d events behind itself", lag)
		}
		select {
		case err := <-done:
			if err != nil {
				t.Fatal(err)
			}
			return
		default:
		}
	}
}
