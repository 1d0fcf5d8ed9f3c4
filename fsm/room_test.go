package fsm_test

import (
	"testing"

	"github.com/hashicorp/raft"
)

// A node whose disk is slow does not keep more and more of the log in memory.
func TestApplyWaitsForTheDiskWhenTooMuchIsInMemory(t *testing.T) {
	n := newNode(t, nil)
	n.MaxPending = 1
	n.Apply(command(1, 2, sealed(t, "a")))
	if n.Persisted().Index != 0 {
		t.Fatal("nothing runs that could have persisted the first block")
	}
	applied := make(chan uint64)
	go func() {
		n.Apply(command(2, 2, sealed(t, "b")))
		applied <- n.Persisted().Index
	}()
	n.run()
	if persisted := <-applied; persisted < 1 {
		t.Errorf("the second block was applied with the disk at raft index %d", persisted)
	}
}

// A node that stops does not wait: raft could not be stopped else.
func TestApplyDoesNotWaitForTheDiskOfANodeThatStops(t *testing.T) {
	n := newNode(t, nil)
	n.MaxPending = 1
	n.Apply(command(1, 2, sealed(t, "a")))
	n.FSM.Close()
	n.ApplyBatch([]*raft.Log{command(2, 2, sealed(t, "b"))})
	if got := n.Applied().Index; got != 2 || len(n.fatal) > 0 {
		t.Errorf("applied up to raft index %d (%v)", got, n.fatal)
	}
}
