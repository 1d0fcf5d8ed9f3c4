package node_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.etcd.io/bbolt"
	"go.uber.org/goleak"

	"dashd/eventlog"
	"dashd/eventlog/block"
	"dashd/internal/errs"
	"dashd/internal/kv"
	"dashd/internal/node"
)

// running is a node and its Run.
type running struct {
	*node.Node
	t     testing.TB
	stop  context.CancelFunc
	ended chan error

	closed chan struct{} // of a member of a trio: closed when it has ended
}

func config(dir string) node.Config {
	return node.Config{Dir: dir, Database: kv.Options{MinFree: 1}, Watermarks: noWatermarks}
}

// noWatermarks keep tests independent of the machine's disk.
var noWatermarks = node.Watermarks{Alarm: kv.Watermark{Bytes: 1}}

// start opens and runs a node and waits until it leads.
func start(t testing.TB, cfg node.Config) *running {
	t.Helper()
	n, err := node.Open(context.Background(), cfg)
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	r := &running{Node: n, t: t, stop: cancel, ended: make(chan error, 1)}
	go func() { r.ended <- n.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		select {
		case <-r.ended:
		default:
		}
	})
	patience, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if err := n.WaitReady(patience); err != nil {
		t.Fatalf("WaitReady: %v", err)
	}
	return r
}

// halt stops the node and waits.
func (r *running) halt() {
	r.t.Helper()
	r.stop()
	if err := <-r.ended; err != nil {
		r.t.Errorf("Run: %v", err)
	}
	close(r.ended)
}

func event(id string) eventlog.Event {
	return eventlog.Event{
		ID: id, GivenID: true, Project: "p", Type: "user.signed_in", UserID: "u", Key: "u",
		Time: 1_790_000_000_000, Personal: eventlog.Personal{Metadata: []byte(`{}`), UserAgent: "agent of " + id},
	}
}

// written is what callers were told: seq by id.
type written struct {
	mu   sync.Mutex
	seqs map[string]uint64
}

// fill appends n events from several goroutines, in requests of different sizes.
func (r *running) fill(w *written, prefix string, n int) {
	r.t.Helper()
	const callers = 16
	var wg sync.WaitGroup
	for k := range callers {
		wg.Go(func() {
			for at := 0; at < n/callers; {
				size := min(1+(at*7+k)%90, n/callers-at)
				var events []eventlog.Event
				for i := range size {
					events = append(events, event(fmt.Sprintf("%s-%d-%d", prefix, k, at+i)))
				}
				ids := make([]string, size)
				for i := range ids {
					ids[i] = events[i].ID
				}
				at += size
				results, err := r.Appender.Append(context.Background(), events)
				if err != nil {
					if !errors.Is(err, errStop) {
						r.t.Errorf("Append: %v", err)
					}
					return
				}
				w.mu.Lock()
				for i, got := range results {
					w.seqs[ids[i]] = got.Seq
				}
				w.mu.Unlock()
			}
		})
	}
	wg.Wait()
}

var errStop = errors.New("stop")

// verify checks that the log holds what callers were told, each id once.
func (r *running) verify(w *written) {
	r.t.Helper()
	seen, head := map[string]uint64{}, uint64(0)
	err := r.Store.Blocks(context.Background(), 1, func(first uint64, _ []byte, b block.Block) error {
		if first != head+1 {
			return fmt.Errorf("a block begins at %d, the one before ended at %d", first, head)
		}
		head = first + uint64(b.Len()) - 1
		return b.Each(first, func(rec *eventlog.Record) error {
			if at, twice := seen[rec.ID]; twice {
				return fmt.Errorf("%s is at %d and at %d", rec.ID, at, rec.Seq)
			}
			seen[rec.ID] = rec.Seq
			if want := "agent of " + rec.ID; rec.UserAgent != want {
				return fmt.Errorf("%s has the user agent %q", rec.ID, rec.UserAgent)
			}
			return nil
		})
	})
	if err != nil {
		r.t.Fatal(err)
	}
	if head != r.Store.Head() {
		r.t.Errorf("the blocks end at %d, the log at %d", head, r.Store.Head())
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for id, seq := range w.seqs {
		if seen[id] != seq {
			r.t.Fatalf("%s is at %d; it was acknowledged as %d", id, seen[id], seq)
		}
	}
}

func TestRestartKeepsEverything(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	dir := t.TempDir()
	w := &written{seqs: map[string]uint64{}}
	var id string
	for life := range 3 {
		r := start(t, config(dir))
		if id == "" {
			id = r.Identity().NodeID
		}
		if got := r.Identity().NodeID; got != id {
			t.Errorf("life %d: the node is %s, it was %s", life, got, id)
		}
		r.verify(w)
		r.fill(w, fmt.Sprint("life", life), 10_000)
		r.verify(w)
		if got := r.NotReady(); got != nil {
			t.Errorf("NotReady = %q", got)
		}
		head := r.Store.Head()
		r.halt()
		if got := r.Store.PersistedSeq(); got != head {
			t.Errorf("life %d: stopped with %d of %d events persisted", life, got, head)
		}
	}
}

// A copy of the files of a node at work is what a crash leaves, or worse. The
// node that opens it has everything that was acknowledged before the copy began.
func TestCrash(t *testing.T) {
	dir := t.TempDir()
	r := start(t, config(dir))
	w := &written{seqs: map[string]uint64{}}
	r.fill(w, "before", 5_000)
	for k := range 3 {
		sure := &written{seqs: map[string]uint64{}}
		w.mu.Lock()
		for id, seq := range w.seqs {
			sure.seqs[id] = seq
		}
		w.mu.Unlock()
		var filling sync.WaitGroup
		filling.Go(func() { r.fill(w, fmt.Sprint("during", k), 5_000) })
		image := t.TempDir()
		copyDir(t, dir, image)
		filling.Wait()

		c := start(t, config(image))
		c.verify(sure)
		more := &written{seqs: map[string]uint64{}}
		c.fill(more, "after", 1_000)
		c.verify(more)
		c.verify(sure)
		c.halt()
	}
	r.verify(w)
	r.halt()
}

// copyDir copies the raft log last: what it holds covers what the database,
// copied before, does not. A real crash takes both at one instant, and the raft log at one
// between two commits: so it is copied again if it was committed meanwhile.
func copyDir(t *testing.T, from, to string) {
	t.Helper()
	copyFiles(t, from, to, "events", "node.json")
	raft := filepath.Join(from, "raft.db")
	for heads := []byte(nil); ; {
		copyFiles(t, from, to, "raft.db")
		now := headsOf(t, raft)
		if bytes.Equal(now, heads) {
			return
		}
		heads = now
	}
}

// headsOf are the pages of a bbolt file that each commit writes last.
func headsOf(t *testing.T, path string) []byte {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	heads := make([]byte, 2*os.Getpagesize())
	if _, err := io.ReadFull(f, heads); err != nil {
		t.Fatal(err)
	}
	return heads
}

func copyFiles(t *testing.T, from, to string, names ...string) {
	t.Helper()
	for _, name := range names {
		err := filepath.WalkDir(filepath.Join(from, name), func(path string, d fs.DirEntry, err error) error {
			if errors.Is(err, fs.ErrNotExist) {
				return nil // a table that was compacted away
			}
			if err != nil {
				return err
			}
			rel, err := filepath.Rel(from, path)
			if err != nil {
				return err
			}
			target := filepath.Join(to, rel)
			if d.IsDir() {
				return os.MkdirAll(target, 0o700)
			}
			in, err := os.Open(path)
			if errors.Is(err, fs.ErrNotExist) {
				return nil
			}
			if err != nil {
				return err
			}
			defer in.Close()
			out, err := os.Create(target)
			if err != nil {
				return err
			}
			_, err = io.Copy(out, in)
			return errors.Join(err, out.Close())
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// cutPages takes the last n bytes of a file of bbolt's, and what it may have been given to grow into.
func cutPages(t *testing.T, path string, n int64) {
	t.Helper()
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	var size int64
	err = db.View(func(tx *bbolt.Tx) error {
		size = tx.Size()
		return nil
	})
	if err = errors.Join(err, db.Close(), os.Truncate(path, size-n)); err != nil {
		t.Fatal(err)
	}
}

// A directory that cannot be trusted is refused, with the exit code that tells
// the service manager what to do and a sentence that tells the operator.
func TestOpenRefuses(t *testing.T) {
	tests := []struct {
		name  string
		spoil func(t *testing.T, dir, other string)
		code  int
		says  string
	}{
		{"a raft log of another node", func(t *testing.T, dir, other string) {
			replace(t, filepath.Join(other, "raft.db"), filepath.Join(dir, "raft.db"))
		}, errs.ExitIdentity, "belongs to another node"},
		{"a database of another node", func(t *testing.T, dir, other string) {
			replace(t, filepath.Join(other, "events"), filepath.Join(dir, "events"))
		}, errs.ExitIdentity, "belongs to another node"},
		{"an identity of another node", func(t *testing.T, dir, other string) {
			replace(t, filepath.Join(other, "node.json"), filepath.Join(dir, "node.json"))
		}, errs.ExitIdentity, "belongs to another node"},
		{"no raft log", func(t *testing.T, dir, _ string) {
			remove(t, filepath.Join(dir, "raft.db"))
		}, errs.ExitIdentity, "is empty or missing"},
		{"no database", func(t *testing.T, dir, _ string) {
			remove(t, filepath.Join(dir, "events"))
		}, errs.ExitIdentity, "is empty or missing"},
		{"no identity", func(t *testing.T, dir, _ string) {
			remove(t, filepath.Join(dir, "node.json"))
		}, errs.ExitIdentity, "but no node.json"},
		{"a damaged identity", func(t *testing.T, dir, _ string) {
			write(t, filepath.Join(dir, "node.json"), "{")
		}, errs.ExitIdentity, "is damaged"},
		{"an identity of a later release", func(t *testing.T, dir, _ string) {
			data, err := os.ReadFile(filepath.Join(dir, "node.json"))
			if err != nil {
				t.Fatal(err)
			}
			write(t, filepath.Join(dir, "node.json"), strings.Replace(string(data), `"format": 1`, `"format": 2`, 1))
		}, errs.ExitIdentity, "format 2"},
		{"a raft log cut short", func(t *testing.T, dir, _ string) {
			cutPages(t, filepath.Join(dir, "raft.db"), 100)
		}, errs.ExitIntegrity, "raft.db"},
		{"a raft log of a few pages", func(t *testing.T, dir, _ string) {
			if err := os.Truncate(filepath.Join(dir, "raft.db"), 3*4096); err != nil {
				t.Fatal(err)
			}
		}, errs.ExitIntegrity, "raft.db"},
		{"an empty raft log file", func(t *testing.T, dir, _ string) {
			truncate(t, filepath.Join(dir, "raft.db"), 1<<62)
		}, errs.ExitIdentity, "is empty or missing"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir, other := t.TempDir(), t.TempDir()
			for _, d := range []string{dir, other} {
				r := start(t, config(d))
				r.fill(&written{seqs: map[string]uint64{}}, "e", 3_200)
				r.halt()
			}
			tt.spoil(t, dir, other)
			n, err := node.Open(context.Background(), config(dir))
			if err == nil {
				n.Close()
				t.Fatal("Open succeeded")
			}
			if got := errs.ExitCode(err); got != tt.code || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("Open = %v (exit %d); want exit %d and %q", err, got, tt.code, tt.says)
			}
		})
	}
}

func TestSecondNodeOnADirectory(t *testing.T) {
	dir := t.TempDir()
	r := start(t, config(dir))
	defer r.halt()
	if _, err := node.Open(context.Background(), config(dir)); errs.ExitCode(err) != errs.ExitIdentity {
		t.Errorf("Open of a directory in use = %v, want exit %d", err, errs.ExitIdentity)
	}
	if _, err := node.OpenOffline(dir, nil); errs.ExitCode(err) != errs.ExitIdentity {
		t.Errorf("OpenOffline of a directory in use = %v, want exit %d", err, errs.ExitIdentity)
	}
}

// A first start that was interrupted anywhere is a first start.
func TestInterruptedFirstStart(t *testing.T) {
	check := func(t *testing.T, dir string) {
		t.Helper()
		r := start(t, config(dir))
		w := &written{seqs: map[string]uint64{}}
		r.fill(w, "e", 160)
		r.verify(w)
		r.halt()
	}
	for steps := range 4 {
		t.Run(fmt.Sprintf("after step %d of Open", steps), func(t *testing.T) {
			dir := t.TempDir()
			if _, err := node.Open(&endsAfter{context.Background(), steps}, config(dir)); !errors.Is(err, context.Canceled) {
				t.Fatalf("Open = %v, want it interrupted", err)
			}
			check(t, dir)
		})
	}
	t.Run("before the identity was complete", func(t *testing.T) {
		dir := t.TempDir()
		n, err := node.Open(context.Background(), config(dir))
		if err != nil {
			t.Fatal(err)
		}
		if err := n.Close(); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, "node.json")
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		early := strings.Replace(string(data), `"complete": true`, `"complete": false`, 1)
		if early == string(data) {
			t.Fatalf("node.json does not say that it is complete: %s", data)
		}
		write(t, path, withChecksum(t, early))
		check(t, dir)
	})
}

// withChecksum returns the text of a node.json with the checksum it must have.
func withChecksum(t *testing.T, text string) string {
	t.Helper()
	rest, _, ok := strings.Cut(text, ",\n  \"checksum\"")
	if !ok {
		t.Fatalf("node.json has no checksum: %s", text)
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, []byte(rest+"}")); err != nil {
		t.Fatal(err)
	}
	sum := crc32.Checksum(compact.Bytes(), crc32.MakeTable(crc32.Castagnoli))
	return fmt.Sprintf("%s, \"checksum\": \"%08x\"}", rest, sum)
}

// endsAfter is a context that ends when it has been asked n times.
type endsAfter struct {
	context.Context
	n int
}

func (c *endsAfter) Err() error {
	if c.n--; c.n < 0 {
		return context.Canceled
	}
	return nil
}

func replace(t *testing.T, from, to string) {
	t.Helper()
	remove(t, to)
	if err := os.Rename(from, to); err != nil {
		t.Fatal(err)
	}
}

func remove(t *testing.T, path string) {
	t.Helper()
	if err := os.RemoveAll(path); err != nil {
		t.Fatal(err)
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// truncate leaves 1/n of a file.
func truncate(t *testing.T, path string, n int64) {
	t.Helper()
	fi, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, fi.Size()/n); err != nil {
		t.Fatal(err)
	}
}
