package node

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"dashd/internal/errs"
)

// storageWork is a kind of work of storage that can hang, with how long it may take. A hung disk
// does not keep raft's heartbeats from going out: nobody else would ever take the lead. So the
// node falls silent first, which makes the others elect, and then ends.
type storageWork struct {
	name          string
	silent, ended time.Duration
}

// Kinds of storageWork, as indexes of storageWorks.
const (
	workRaftLog = iota
	workApply
	workDatabase
	workProbe
	workDirectory
)

var storageWorks = [...]storageWork{
	workRaftLog: {"a write of the raft log", silentAfter, endAfter},
	workApply:   {"applying an entry", silentAfter, endAfter},
	// Nobody waits for the database, which may wait for its own compaction. A disk that hangs
	// is found by the others long before.
	workDatabase:  {"a write of the database", 3 * silentAfter, 3 * endAfter},
	workProbe:     {"a write to try the disk", silentAfter, endAfter},
	workDirectory: {"a sync of a directory", silentAfter, endAfter},
}

const (
	silentAfter = 5 * time.Second
	endAfter    = 10 * time.Second
	// After aliveWhileWorking, or aliveWhileIdle, in which the watchdog could not look, the process is to be killed: the
	// whole of it waits for the disk. Storage can have begun to work since the last look, so idle nodes end too;
	// they get longer, for who stops a process may have a reason to.
	aliveWhileWorking, aliveWhileIdle = 30 * time.Second, 2 * time.Minute
	// leastSilence is how long a silence lasts at least: until the others have elected.
	leastSilence = 3 * time.Second
	// watchInterval is how often the watchdog looks.
	watchInterval = 250 * time.Millisecond
	// mostWorks is how much work is watched at a time: raft, its FSM, the database and the
	// probes have one goroutine each, or a lock.
	mostWorks = 32
)

// works is what storage is doing now. A slot holds a number that no other work has, with its kind
// in the low byte, or 0. It takes no lock and reads no clock.
type works struct {
	slots [mostWorks]atomic.Uint64
	last  atomic.Uint64
	// hook, if not nil, is called when work of that name begins, within it.
	hook func(name string)
}

// begin notes that work begins; end, that it has ended.
func (w *works) begin(kind int) (end func()) {
	work := w.last.Add(1)<<8 | uint64(kind)
	for i := range w.slots {
		if w.slots[i].CompareAndSwap(0, work) {
			if w.hook != nil {
				w.hook(storageWorks[kind].name)
			}
			return func() { w.slots[i].Store(0) }
		}
	}
	return func() {} // so much work is not done at a time
}

// watching returns begin for one kind.
func (w *works) watching(kind int) func() (end func()) {
	return func() (end func()) { return w.begin(kind) }
}

// watchdog finds work that takes too long. It counts how often it has looked while the same work
// was under way, and not the time since that began: a process that was paused, or a machine
// that gave it no time, is not held against the disk.
type watchdog struct {
	works *works
	seen  [mostWorks]seenWork

	silent bool
	quiet  time.Duration // since it became silent, or late work was last seen
}

type seenWork struct {
	work uint64
	took time.Duration
}

// look is called each watchInterval. It returns the name of work that takes so long that
// the node should be silent, and why it must end.
func (d *watchdog) look() (late, hung string) {
	for i := range d.seen {
		s, work := &d.seen[i], d.works.slots[i].Load()
		if work != s.work || work == 0 {
			*s = seenWork{work: work}
			continue
		}
		s.took += watchInterval
		of := &storageWorks[work&0xff]
		if s.took > of.silent {
			late = of.name
		}
		if s.took > of.ended {
			hung = fmt.Sprintf("%s has not ended in %v", of.name, of.ended)
		}
	}
	return late, hung
}

// working reports whether storage was working at the last look.
func (d *watchdog) working() bool {
	for i := range d.seen {
		if d.seen[i].work != 0 {
			return true
		}
	}
	return false
}

// speak says whether the node should be silent, given that work is late or not.
func (d *watchdog) speak(late bool) (silent bool) {
	d.quiet += watchInterval
	switch {
	case late:
		d.silent, d.quiet = true, 0
	case d.silent && d.quiet >= leastSilence:
		d.silent = false
	}
	return d.silent
}

// watchStorage looks after what storage is doing until ctx ends.
func (n *Node) watchStorage(ctx context.Context) error {
	tick := time.NewTicker(watchInterval)
	defer tick.Stop()
	return n.watchStorageAt(ctx, tick.C)
}

func (n *Node) watchStorageAt(ctx context.Context, tick <-chan time.Time) error {
	d := watchdog{works: &n.works}
	for {
		select {
		case <-tick:
		case <-ctx.Done():
			n.alive(0)
			return nil
		}
		late, hung := d.look()
		if d.working() {
			n.alive(aliveWhileWorking)
		} else {
			n.alive(aliveWhileIdle)
		}
		if hung != "" {
			err := errs.Stop(errs.ExitIO, errors.New("the disk hangs: "+hung))
			n.fail(err)
			return err
		}
		silent := d.speak(late != "")
		if n.late.Swap(late != "") != (late != "") {
			// The log may be on the disk that hangs: nothing waits for it.
			go n.log.Warn("the disk answers late, or again", "late", late != "", "work", late)
		}
		n.silence(silent)
	}
}

// alive says that the process is to be killed unless the watchdog looks again within some time; 0: never.
func (n *Node) alive(within time.Duration) {
	if n.cfg.Alive != nil {
		n.cfg.Alive(within)
	}
}

// silence takes the node out of the cluster's sight, or back. A node that is alone has nobody who
// could take its place.
func (n *Node) silence(on bool) {
	if on && !n.silent.Load() && !n.HasOthers() {
		return
	}
	if n.silent.Swap(on) == on {
		return
	}
	if n.cfg.Silence != nil {
		n.cfg.Silence(on)
	}
	go n.log.Warn("other nodes are kept away while the disk does not answer", "silent", on)
}

// HasOthers reports whether there is another voter.
func (n *Node) HasOthers() bool {
	self := n.Identity().NodeID
	for _, m := range n.Cluster.Members() {
		if m.Voter && m.ID != self {
			return true
		}
	}
	return false
}
