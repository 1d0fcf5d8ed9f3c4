package node_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"

	"dashd/eventlog"
	"dashd/internal/errs"
	"dashd/internal/kv"
	"dashd/internal/node"
)

// disk is a file system whose free space a test decides.
type disk struct {
	mu   sync.Mutex
	free uint64
	err  error
}

func (d *disk) space(string) (kv.Space, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return kv.Space{Free: d.free, Total: 1000}, d.err
}

func (d *disk) set(free uint64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.free = free
}

func TestFreeSpace(t *testing.T) {
	d := &disk{free: 500}
	cfg := config(t.TempDir())
	cfg.Space = d.space
	cfg.Watermarks = node.Watermarks{Alarm: kv.Watermark{Bytes: 300}, Refuse: kv.Watermark{Bytes: 200}, Stop: kv.Watermark{Bytes: 100}}
	r := start(t, cfg)
	one := func(id string) error {
		_, err := r.Appender.Append(context.Background(), []eventlog.Event{event(id)})
		return err
	}
	for _, tt := range []struct {
		name string
		free uint64
		code string // of a write
		why  []string
	}{
		{"plenty", 500, "", nil},
		{"an alarm changes nothing", 250, "", nil},
		{"too little for writes", 150, node.CodeDiskLow, []string{"the disk is nearly full"}},
		{"room again", 200, "", nil},
	} {
		d.set(tt.free)
		if err := r.CheckDisk(); err != nil {
			t.Fatalf("%s: %v", tt.name, err)
		}
		if err := one(tt.name); errs.CodeOf(err) != tt.code {
			t.Errorf("%s: Append = %v, want code %q", tt.name, err, tt.code)
		}
		if got := r.NotReady(); !slices.Equal(got, tt.why) {
			t.Errorf("%s: NotReady = %q, want %q", tt.name, got, tt.why)
		}
	}
	d.set(99)
	if err := r.CheckDisk(); errs.ExitCode(err) != errs.ExitDiskLow {
		t.Errorf("below the last watermark: %v, want exit %d", err, errs.ExitDiskLow)
	}
	r.halt()
	if _, err := node.Open(context.Background(), cfg); errs.ExitCode(err) != errs.ExitDiskLow {
		t.Errorf("Open below the last watermark = %v, want exit %d", err, errs.ExitDiskLow)
	}
}

// After a failure of storage nothing is acknowledged, and Run says why.
func TestFailureStopsTheNode(t *testing.T) {
	dir := t.TempDir()
	r := start(t, config(dir))
	w := &written{seqs: map[string]uint64{}}
	r.fill(w, "before", 320)
	broken := errs.Stop(errs.ExitIO, errors.New("the disk is gone"))
	r.Fail(broken)
	_, err := r.Appender.Append(context.Background(), []eventlog.Event{event("after")})
	if errs.KindOf(err) != errs.Unavailable {
		t.Errorf("Append after a failure = %v, want kind Unavailable", err)
	}
	<-r.Failed()
	if err := <-r.ended; !errors.Is(err, broken) || errs.ExitCode(err) != errs.ExitIO {
		t.Errorf("Run = %v, want %v", err, broken)
	}
	close(r.ended)
}

// A commit of the database that fails stops the node with its exit code; the
// next start finds what was acknowledged in the raft log.
func TestFailedCommit(t *testing.T) {
	for _, tt := range []struct {
		name  string
		fault kv.Fault
	}{
		{"nothing was written", kv.FailBeforeCommit},
		{"written, then an error", kv.FailAfterCommit},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			r := start(t, config(dir))
			w := &written{seqs: map[string]uint64{}}
			r.fill(w, "before", 320)
			r.KV.InjectFault(tt.fault)
			for r.Failure() == nil {
				events := []eventlog.Event{event("one"), event("two")}
				if got, err := r.Appender.Append(context.Background(), events); err == nil {
					w.seqs["one"], w.seqs["two"] = got[0].Seq, got[1].Seq
				}
			}
			if err := <-r.ended; errs.ExitCode(err) != errs.ExitCode(r.Failure()) || errs.ExitCode(err) < errs.ExitIntegrity {
				t.Errorf("Run = %v (exit %d), want the failure %v", err, errs.ExitCode(err), r.Failure())
			}
			close(r.ended)
			image := t.TempDir()
			copyDir(t, dir, image) // the locks of a failed node go with its process
			again := start(t, config(image))
			again.verify(w)
			again.halt()
		})
	}
}
