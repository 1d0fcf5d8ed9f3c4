package node_test

import (
	"context"
	"encoding/binary"
	"testing"

	"dashd/eventlog"
	"dashd/eventlog/block"
	"dashd/internal/errs"
	"dashd/internal/kv"
)

// A given id that leads elsewhere would let its event in a second time.
func TestScrubFindsWhatAQueryWouldNot(t *testing.T) {
	ctx := context.Background()
	n := start(t, config(t.TempDir()))
	if _, err := n.Appender.Append(ctx, []eventlog.Event{event("a"), event("b")}); err != nil {
		t.Fatal(err)
	}
	if err := n.Store.WaitPersisted(ctx, n.Store.Applied().Index); err != nil {
		t.Fatal(err)
	}
	if err := n.ScrubOnce(ctx); err != nil {
		t.Fatalf("scrub of a sound log: %v", err)
	}
	err := n.KV.Write(func(put func(key, val []byte) error) error {
		return put(kv.IDKey(block.IDHash("p", "b")), binary.BigEndian.AppendUint64(nil, 1))
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := n.ScrubOnce(ctx); errs.ExitCode(err) != errs.ExitIntegrity {
		t.Errorf("scrub with a wrong id row: %v (exit code %d), want %d", err, errs.ExitCode(err), errs.ExitIntegrity)
	}
	if err := <-n.ended; errs.ExitCode(err) != errs.ExitIntegrity {
		t.Errorf("Run ended with %v (exit code %d), want %d", err, errs.ExitCode(err), errs.ExitIntegrity)
	}
}
