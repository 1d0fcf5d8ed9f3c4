package fsm_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/raft"

	"dashd/eventlog/store"
	"dashd/fsm"
	"dashd/internal/errs"
	"dashd/internal/kv"
)

// fetcher is fsm.Options.Fetch.
type fetcher = func(ctx context.Context, node string, after uint64, to store.Position, part func(*store.Part) error) error

// from fetches from a log in this process, a block at a time, and the position alone at
// the end.
func from(log *store.Store) fetcher {
	return func(ctx context.Context, _ string, after uint64, to store.Position, part func(*store.Part) error) error {
		return log.Parts(ctx, after, to, func(p *store.Part) error {
			end := after
			for i := range p.Blocks {
				b, first, err := log.Block(end + 1)
				if err != nil {
					return err
				}
				one := store.Part{First: first, Blocks: p.Blocks[i : i+1]}
				end += uint64(b.Len())
				chain, _ := log.ChainAt(end)
				one.At = store.Position{Seq: end, ReceivedAt: b.ReceivedAt, Chain: chain}
				if err := part(&one); err != nil {
					return err
				}
			}
			after = end
			if p.At.Index == 0 {
				return nil
			}
			return part(&store.Part{First: end + 1, At: p.At})
		})
	}
}

// full returns a node with some blocks on its disk, and their ids.
func full(t *testing.T) (n *node, ids []string) {
	n = newNode(t, nil)
	n.Apply(&raft.Log{Index: 1, Term: 1, Type: raft.LogConfiguration, Data: raft.EncodeConfiguration(threeServers)})
	for i := range 5 {
		ids = append(ids, fmt.Sprint("a", i), fmt.Sprint("b", i))
		n.Apply(command(uint64(i)+3, 2, sealed(t, ids[2*i:]...)))
	}
	n.run()
	if err := n.WaitPersisted(context.Background(), 7); err != nil {
		t.Fatal(err)
	}
	return n, ids
}

// manifest is the snapshot of a node, as raft reads it.
func (n *node) manifest() (*raft.SnapshotMeta, []byte) {
	n.t.Helper()
	meta, body, err := n.snaps.Open(n.list().ID)
	if err != nil {
		n.t.Fatal(err)
	}
	text, err := io.ReadAll(body)
	if err != nil {
		n.t.Fatal(err)
	}
	return meta, text
}

// receive does what raft does with a snapshot of another node, up to its last step.
func (n *node) receive(meta *raft.SnapshotMeta, body []byte) (io.ReadCloser, error) {
	n.t.Helper()
	to := n.create(meta.Index, meta.Term)
	if _, err := io.Copy(to, bytes.NewReader(body)); err != nil {
		return nil, errors.Join(err, to.Cancel())
	}
	if err := to.Close(); err != nil {
		return nil, err
	}
	got, source, err := n.snaps.Open(to.ID())
	if err != nil {
		return nil, err
	}
	want := *meta
	want.ID = to.ID()
	if !reflect.DeepEqual(*got, want) {
		n.t.Errorf("received as %+v, sent as %+v", got, want)
	}
	return source, nil
}

// restore is receive, and Restore.
func (n *node) restore(meta *raft.SnapshotMeta, body []byte) error {
	n.t.Helper()
	source, err := n.receive(meta, body)
	if err != nil {
		return err
	}
	return n.Restore(source)
}

func TestP1_ASnapshotIsListedOnlyWhenItsEventsAreThere(t *testing.T) {
	sender, ids := full(t)
	meta, body := sender.manifest()
	n := newNode(t, nil)
	n.FSM = fsm.New(n.Store, fsm.Options{Fetch: func(ctx context.Context, node string, after uint64, to store.Position, part func(*store.Part) error) error {
		if node != "n1" || after != 0 || !reflect.DeepEqual(to, sender.Persisted()) {
			t.Errorf("fetch from %s behind %d up to %+v", node, after, to)
		}
		return from(sender.Store)(ctx, node, after, to, func(p *store.Part) error {
			if m := n.list(); m != nil {
				t.Errorf("before the part of event %d there is snapshot %+v", p.First, m)
			}
			return part(p)
		})
	}})
	n.run()
	source, err := n.receive(meta, body)
	if err != nil {
		t.Fatal(err)
	}
	if m := n.list(); m != nil {
		t.Errorf("what was received is listed before it is restored: %+v", m)
	}
	if err := n.Restore(source); err != nil {
		t.Fatal(err)
	}
	if m := n.list(); m == nil || !reflect.DeepEqual(m, meta) {
		t.Errorf("snapshot %+v, want %+v", m, meta)
	}
	if got := n.ids(); !slices.Equal(got, ids) || !reflect.DeepEqual(n.Persisted(), sender.Persisted()) {
		t.Errorf("events %q at %+v", got, n.Persisted())
	}
	if _, _, err := n.snaps.Open(fmt.Sprintf("received-%d-%d", meta.Term, meta.Index)); err == nil {
		t.Error("what was restored can be opened again")
	}
	n.Apply(command(8, 2, sealed(t, "next")))
	if got := n.ids(); !slices.Equal(got, append(ids, "next")) {
		t.Errorf("events %q", got)
	}
}

// A crash after any part leaves an honest shorter log, and the same snapshot brings the
// rest, or raft's entries do.
func TestP1_RestoreIsCutByACrash(t *testing.T) {
	sender, ids := full(t)
	meta, body := sender.manifest()
	const parts = 6 // five blocks, and the position
	for cut := range parts {
		for _, fault := range []kv.Fault{kv.NoFault, kv.FailBeforeCommit, kv.FailAfterCommit} {
			t.Run(fmt.Sprintf("at part %d, fault %d", cut, fault), func(t *testing.T) {
				n := newNode(t, nil)
				errKilled := errors.New("killed")
				came := 0
				n.FSM = fsm.New(n.Store, fsm.Options{Fetch: func(ctx context.Context, node string, after uint64, to store.Position, part func(*store.Part) error) error {
					return from(sender.Store)(ctx, node, after, to, func(p *store.Part) error {
						if came++; came > cut {
							if fault == kv.NoFault {
								return errKilled
							}
							n.db.InjectFault(fault)
						}
						return part(p)
					})
				}})
				err := n.restore(meta, body)
				if fault == kv.NoFault && !errors.Is(err, errKilled) || fault != kv.NoFault && errs.ExitCode(err) != errs.ExitIO {
					t.Fatalf("Restore = %v", err)
				}
				n.close()
				n.open(nil)
				n.FSM = fsm.New(n.Store, fsm.Options{Fetch: from(sender.Store)})
				there := cut
				if fault == kv.FailAfterCommit {
					there++
				}
				if m := n.list(); there < parts && m != nil || there == parts && !reflect.DeepEqual(m, meta) {
					t.Errorf("snapshot %+v after %d parts", m, there)
				}
				if got, want := n.ids(), ids[:min(2*there, len(ids))]; !slices.Equal(got, want) {
					t.Errorf("events %q, want %q", got, want)
				}
				n.run()
				if cut%2 == 0 {
					err = n.restore(meta, body)
				} else {
					n.again(ids)
					err = n.WaitPersisted(context.Background(), 7)
				}
				if err != nil {
					t.Fatal(err)
				}
				if got := n.ids(); !slices.Equal(got, ids) || !reflect.DeepEqual(n.Persisted(), sender.Persisted()) {
					t.Errorf("events %q at %+v, want those at %+v", got, n.Persisted(), sender.Persisted())
				}
				if err := n.Check(context.Background(), nil); err != nil {
					t.Error(err)
				}
			})
		}
	}
}

// again has raft deliver what full has.
func (n *node) again(ids []string) {
	n.t.Helper()
	n.Apply(&raft.Log{Index: 1, Term: 1, Type: raft.LogConfiguration, Data: raft.EncodeConfiguration(threeServers)})
	for i := range len(ids) / 2 {
		if err, ok := n.Apply(command(uint64(i)+3, 2, sealed(n.t, ids[2*i:2*i+2]...))).(error); ok {
			n.t.Fatal(err)
		}
	}
}

// A log that reaches the manifest, or further, has nothing to fetch. Restore still waits
// until the disk has it: raft lists nothing else.
func TestRestoreOfWhatIsThere(t *testing.T) {
	sender, ids := full(t)
	meta, body := sender.manifest()
	for _, more := range []bool{false, true} {
		t.Run(fmt.Sprint("the log is longer: ", more), func(t *testing.T) {
			n := newNode(t, nil) // its Fetch is nil
			n.again(ids)
			want := ids
			if more {
				n.Apply(command(20, 3, sealed(t, "more")))
				want = append(slices.Clone(ids), "more")
			}
			before := n.Applied()
			source, err := n.receive(meta, body)
			if err != nil {
				t.Fatal(err)
			}
			ended := make(chan error)
			go func() { ended <- n.Restore(source) }()
			if m := n.list(); m != nil {
				t.Errorf("snapshot %+v of what is not on disk", m)
			}
			n.run()
			if err := <-ended; err != nil {
				t.Fatal(err)
			}
			if m := n.list(); m == nil || m.Index < meta.Index {
				t.Errorf("snapshot %+v", m)
			}
			if got := n.ids(); !slices.Equal(got, want) || !reflect.DeepEqual(n.Applied(), before) {
				t.Errorf("events %q at %+v", got, n.Applied())
			}
		})
	}
}

func TestWhatIsNotTheManifestsIsRefused(t *testing.T) {
	sender, _ := full(t)
	meta, body := sender.manifest()
	other, _ := full(t)
	other.Apply(command(20, 2, sealed(t, "more")))
	if err := other.WaitPersisted(context.Background(), 20); err != nil {
		t.Fatal(err)
	}
	last := func(change func(at *store.Position)) fetcher {
		return func(ctx context.Context, node string, after uint64, to store.Position, part func(*store.Part) error) error {
			return from(sender.Store)(ctx, node, after, to, func(p *store.Part) error {
				if p.At.Index != 0 {
					change(&p.At)
				}
				return part(p)
			})
		}
	}
	errFetch := errors.New("no way")
	for _, tt := range []struct {
		name  string
		fetch fetcher
		want  func(error) bool
	}{
		{"there is no way to fetch", nil, func(err error) bool { return strings.Contains(err.Error(), "no way to fetch") }},
		{
			"the fetch fails", func(context.Context, string, uint64, store.Position, func(*store.Part) error) error { return errFetch },
			func(err error) bool { return errors.Is(err, errFetch) },
		},
		{"nothing comes", func(context.Context, string, uint64, store.Position, func(*store.Part) error) error { return nil }, unexpectedEOF},
		{"no last part comes", last(func(at *store.Position) { *at = store.Position{} }), isConflict},
		{"the last part is of another index", last(func(at *store.Position) { at.Index++ }), isConflict},
		{"the last part is of another term", last(func(at *store.Position) { at.Term++ }), isConflict},
		{"the last part is of another event", last(func(at *store.Position) { at.Seq-- }), isConflict},
		{"the last part has another chain", last(func(at *store.Position) { at.Chain[0]++ }), isConflict},
		{"a part follows the last one", func(ctx context.Context, node string, after uint64, to store.Position, part func(*store.Part) error) error {
			err := from(sender.Store)(ctx, node, after, to, part)
			return errors.Join(err, part(&store.Part{At: to}))
		}, isConflict},
		{"it is another log's", func(ctx context.Context, node string, after uint64, _ store.Position, part func(*store.Part) error) error {
			return from(other.Store)(ctx, node, after, other.Persisted(), part)
		}, isConflict},
	} {
		t.Run(tt.name, func(t *testing.T) {
			n := newNode(t, nil)
			n.FSM = fsm.New(n.Store, fsm.Options{Fetch: tt.fetch, Fatal: func(err error) { t.Errorf("fatal: %v", err) }})
			if err := n.restore(meta, body); err == nil || !tt.want(err) {
				t.Errorf("Restore = %v", err)
			}
			if p := n.Persisted(); p.Index != 0 && tt.name != "a part follows the last one" {
				t.Errorf("the log claims %+v", p)
			}
		})
	}
}

func isConflict(err error) bool    { return errs.KindOf(err) == errs.Conflict }
func unexpectedEOF(err error) bool { return errors.Is(err, io.ErrUnexpectedEOF) }

func TestAManifestThatIsNoneIsRefused(t *testing.T) {
	sender, _ := full(t)
	meta, body := sender.manifest()
	with := func(key string, value any) []byte {
		var m map[string]any
		if err := json.Unmarshal(body, &m); err != nil {
			t.Fatal(err)
		}
		m[key] = value
		b, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	for name, text := range map[string][]byte{
		"no JSON":                                []byte("x"),
		"cut off":                                body[:len(body)-1],
		"more follows":                           append(bytes.Clone(body), '{'),
		"format 1":                               with("format", 1),
		"a later format":                         with("format", 3),
		"no node":                                with("node", ""),
		"another index than raft says":           with("index", 8),
		"another term than raft says":            with("term", 1),
		"a chain that is short":                  with("chain", "00"),
		"a chain that is no hex":                 with("chain", strings.Repeat("x", 64)),
		"a configuration that is none":           with("configuration", "AAAA"),
		"a configuration of the future":          with("configurationIndex", 8),
		"more events ahead than there are":       with("ahead", 11),
		"a negative seq":                         with("seq", -1),
		"a manifest that is longer than any one": append(bytes.Clone(body), bytes.Repeat([]byte(" "), 1<<20)...),
	} {
		t.Run(name, func(t *testing.T) {
			n := newNode(t, nil)
			if _, err := n.receive(meta, text); err == nil {
				t.Error("received")
			}
			if m := n.list(); m != nil || n.Applied().Index != 0 {
				t.Errorf("snapshot %+v", m)
			}
		})
	}
}

func TestCloseEndsRestore(t *testing.T) {
	sender, _ := full(t)
	meta, body := sender.manifest()
	n := newNode(t, nil)
	begun := make(chan struct{})
	n.FSM = fsm.New(n.Store, fsm.Options{Fetch: func(ctx context.Context, _ string, _ uint64, _ store.Position, _ func(*store.Part) error) error {
		close(begun)
		<-ctx.Done()
		return ctx.Err()
	}})
	go func() {
		<-begun
		n.Close()
	}()
	if err := n.restore(meta, body); !errors.Is(err, context.Canceled) {
		t.Errorf("Restore = %v", err)
	}
}

func TestRestoreOnANodeThatHasFailed(t *testing.T) {
	sender, _ := full(t)
	meta, body := sender.manifest()
	n := newNode(t, nil)
	n.Apply(command(1, 1, []byte("no block")))
	if err := n.restore(meta, body); errs.ExitCode(err) != errs.ExitIntegrity {
		t.Errorf("Restore = %v", err)
	}
}

// FuzzManifest feeds what a node may send.
func FuzzManifest(f *testing.F) {
	f.Add([]byte(`{"format":2,"node":"n1","index":2,"term":2,"seq":2,"chain":"` + strings.Repeat("0", 64) + `"}`))
	f.Add([]byte(`{"format":2,"node":"n1","index":2,"configuration":"gaE="}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := fsm.DecodeManifest(b)
		if err != nil {
			return
		}
		again, err := fsm.DecodeManifest(fsm.EncodeManifest(m.Node, m.Position()))
		if err != nil || !reflect.DeepEqual(again, m) {
			t.Errorf("%+v became %+v, %v", m, again, err)
		}
	})
}

// A node whose install was ended may come to lead before the rest is in: what it sends
// says which events are ahead of its raft index.
func TestALogThatIsAheadIsGivenOn(t *testing.T) {
	sender, ids := full(t)
	meta, body := sender.manifest()
	errKilled := errors.New("killed")
	middle := newNode(t, nil)
	middle.Apply(&raft.Log{Index: 1, Term: 1, Type: raft.LogConfiguration, Data: raft.EncodeConfiguration(threeServers)})
	middle.Apply(command(3, 2, sealed(t, ids[:2]...)))
	middle.FSM = fsm.New(middle.Store, fsm.Options{Fetch: func(ctx context.Context, node string, after uint64, to store.Position, part func(*store.Part) error) error {
		return from(sender.Store)(ctx, node, after, to, func(p *store.Part) error {
			if p.First > 6 {
				return errKilled
			}
			return part(p)
		})
	}})
	middle.run()
	if err := middle.restore(meta, body); !errors.Is(err, errKilled) {
		t.Fatalf("Restore = %v", err)
	}
	if p := middle.Persisted(); p.Index != 3 || p.Seq != 6 || p.Ahead != 4 {
		t.Fatalf("position %+v", p)
	}
	meta, body = middle.manifest()
	last := newNode(t, nil)
	last.FSM = fsm.New(last.Store, fsm.Options{Fetch: from(middle.Store)})
	last.run()
	if err := last.restore(meta, body); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(last.Persisted(), middle.Persisted()) || !slices.Equal(last.ids(), ids[:6]) {
		t.Errorf("events %q at %+v, want those at %+v", last.ids(), last.Persisted(), middle.Persisted())
	}
	for _, n := range []*node{middle, last} {
		n.again(ids)
		if err := n.WaitPersisted(context.Background(), 7); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(n.Persisted(), sender.Persisted()) || !slices.Equal(n.ids(), ids) {
			t.Errorf("events %q at %+v, want those at %+v", n.ids(), n.Persisted(), sender.Persisted())
		}
	}
}
