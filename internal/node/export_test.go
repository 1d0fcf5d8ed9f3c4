package node

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"dashd/eventlog/store"
)

// CheckDisk is what the node does each few seconds.
func (n *Node) CheckDisk() error { return n.checkDisk() }

// Fail is what a part does whose storage has failed.
func (n *Node) Fail(err error) { n.fail(err) }

// ScrubOnce is what the node does each day.
func (n *Node) ScrubOnce(ctx context.Context) error { return n.scrubOnce(ctx) }

// LagTooLong reports whether a log that was opened at a seq is followed too far behind.
func LagTooLong(opened, most, seq, head uint64) bool { return lag{opened, most}.tooLong(seq, head) }

// WatchStorage is a watchdog of the node that looks at each tick.
func (n *Node) WatchStorage(ctx context.Context, tick <-chan time.Time) error {
	return n.watchStorageAt(ctx, tick)
}

// SyncDirs is what the node does each few seconds. It returns how many directories it has synced.
func (n *Node) SyncDirs(t testing.TB) (synced int) {
	t.Helper()
	for _, dir := range []string{n.cfg.Dir, filepath.Join(n.cfg.Dir, databaseDir)} {
		done, err := n.syncDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		if done {
			synced++
		}
	}
	return synced
}

// TrySyncDirs is that, with the error the node ends with.
func (n *Node) TrySyncDirs() error { return n.syncDirs() }

// Watchdog is a watchdog that looks when a test says so.
type Watchdog struct {
	works works
	dog   watchdog
}

// NewWatchdog returns one.
func NewWatchdog() *Watchdog {
	w := &Watchdog{}
	w.dog.works = &w.works
	return w
}

// Begin begins a write of the raft log.
func (w *Watchdog) Begin() (end func()) { return w.works.begin(workRaftLog) }

// Look is what happens each quarter of a second.
func (w *Watchdog) Look() (late, hung bool) {
	l, h := w.dog.look()
	return l != "", h != ""
}

// Speak reports whether the node is silent after another quarter of a second.
func (w *Watchdog) Speak(late bool) (silent bool) { return w.dog.speak(late) }

// Verdict is what a node concludes from the chains that others have at a seq: whose log its own
// differs from, "" if it may go on.
func Verdict(own string, others map[string]string, members int, leader string) string {
	d := divergence{seq: 1, chain: own, others: others}
	return d.verdict(members, leader)
}

// Freshness remembers what was all that had been acknowledged at some moments.
type Freshness struct{ f freshness }

// Add notes that at a moment it was everything up to seq.
func (f *Freshness) Add(at time.Time, seq uint64) { f.f.add(mark{at, seq}) }

// Since is the last moment at which nothing behind seq had been acknowledged.
func (f *Freshness) Since(seq uint64) (time.Time, bool) { return f.f.since(seq) }

// MaxMarks is how many moments are remembered.
const MaxMarks = maxMarks

// SkewOf is how far a node's clock is off, by how far others are before it.
func SkewOf(offsets ...time.Duration) time.Duration {
	c := contacts{peers: map[string]*peer{}}
	for i, o := range offsets {
		c.peers[string(rune('a'+i))] = &peer{at: time.Now(), offset: o}
	}
	return c.skew()
}

// OffsetOf is how far another clock is before this one, at least.
func OffsetOf(ahead, delay time.Duration) time.Duration { return offsetOf(ahead, delay) }

// Fetch is what the node does when raft sends it the manifest of another one's log.
func (n *Node) Fetch(ctx context.Context, node string, after uint64, to store.Position, part func(*store.Part) error) error {
	return n.fetch(ctx, node, after, to, part)
}
