package simulation_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"time"

	"dashd/internal/errs"
	"dashd/internal/kv"
	"dashd/projections"
)

// schedule is what fails in a simulation, and when. All of it happens on the simulation's goroutine.
type schedule struct {
	*simulation
	due      []due // in the order of their times
	happened map[string]int
}

// due is something that will happen.
type due struct {
	at time.Time
	do func()
}

// in has fn called after some time.
func (sc *schedule) in(d time.Duration, fn func()) {
	at := time.Now().Add(d)
	i, _ := slices.BinarySearchFunc(sc.due, at, func(e due, at time.Time) int {
		if e.at.After(at) {
			return 1
		}
		return -1
	})
	sc.due = slices.Insert(sc.due, i, due{at, fn})
}

// run does what is due until a time, and after that what ends faults that have begun.
func (sc *schedule) run(until time.Time) {
	for len(sc.due) > 0 {
		next := sc.due[0]
		sc.due = sc.due[1:]
		time.Sleep(time.Until(next.at))
		next.do()
	}
	time.Sleep(time.Until(until))
}

// fault is a way to fail. It returns at once, or when what has to be waited for has happened, and
// leaves its end to sc.in. It may find that it does not fit the moment: then it returns false.
type fault struct {
	name   string
	weight int
	begin  func(sc *schedule) bool
}

var allFaults = []fault{
	{"leader alone", 3, func(sc *schedule) bool { return sc.apart(sc.leading(), both) }},
	{"follower alone", 2, func(sc *schedule) bool { return sc.apart(sc.following(), both) }},
	{"one-way in", 2, func(sc *schedule) bool { return sc.apart(sc.leadingOrAny(), inward) }},
	{"one-way out", 2, func(sc *schedule) bool { return sc.apart(sc.leadingOrAny(), outward) }},
	{"all apart", 1, (*schedule).allApart},
	{"flapping", 2, (*schedule).flap},
	{"power off", 4, func(sc *schedule) bool { return sc.dark(sc.leadingOrAny()) }},
	{"power off of all", 1, func(sc *schedule) bool { return sc.dark(sc.machines...) }},
	{"restart", 2, (*schedule).restart},
	{"transfer", 3, (*schedule).transfer},
	{"pause", 2, (*schedule).pause},
	{"slow disk", 2, (*schedule).slowDisk},
	{"hung disk", 1, (*schedule).hungDisk},
	{"write error", 2, (*schedule).writeError},
	{"slow network", 2, (*schedule).slowNetwork},
	{"clock jump", 2, (*schedule).clockJump},
	{"replacement", 1, (*schedule).replace},
}

// fail lets faults happen, one after the other and sometimes two at a time, for some time. When it
// returns all have ended.
func (sc *schedule) fail(d time.Duration) {
	end := time.Now().Add(d)
	for at := sc.between(0, 3*time.Second); at < d-15*time.Second; at += sc.between(500*time.Millisecond, 12*time.Second) {
		sc.in(at, sc.one)
	}
	sc.run(end)
	for _, m := range sc.machines {
		sc.revive(m)
		m.storage.release()
		m.fast.Store(0)
	}
}

// one begins a fault.
func (sc *schedule) one() {
	for _, m := range sc.machines { // which ended by themselves
		if m.running.Load() == nil && !m.planned {
			sc.revive(m)
		}
	}
	sum := 0
	for _, f := range allFaults {
		sum += f.weight
	}
	for n := sc.rng.IntN(sum); ; n = sc.rng.IntN(sum) {
		for _, f := range allFaults {
			if n -= f.weight; n < 0 {
				sc.note("%s", f.name)
				if f.begin(sc) {
					sc.happened[f.name]++
					return
				}
				break
			}
		}
	}
}

func (sc *schedule) between(low, high time.Duration) time.Duration { return between(sc.rng, low, high) }

func between(rng *rand.Rand, low, high time.Duration) time.Duration {
	return low + time.Duration(rng.Int64N(int64(high-low)))
}

func (sc *schedule) leading() *machine {
	if l := sc.leader(); l != nil {
		return l.m
	}
	return nil
}

// following is a machine that does not lead.
func (sc *schedule) following() *machine {
	leading := sc.leading()
	for {
		if m := sc.any(sc.rng); m != leading {
			return m
		}
	}
}

func (sc *schedule) leadingOrAny() *machine {
	if m := sc.leading(); m != nil && sc.rng.IntN(2) == 0 {
		return m
	}
	return sc.any(sc.rng)
}

func (sc *schedule) others(m *machine) (others []*machine) {
	for _, o := range sc.machines {
		if o != m {
			others = append(others, o)
		}
	}
	return others
}

// Directions of a partition, as a machine that is cut off sees them.
const (
	inward  = 1
	outward = 2
	both    = inward | outward
)

// apart cuts a machine off for some time.
func (sc *schedule) apart(m *machine, way int) bool {
	if m == nil {
		return false
	}
	var ds []direction
	for _, o := range sc.others(m) {
		if way&inward != 0 {
			ds = append(ds, direction{o, m})
		}
		if way&outward != 0 {
			ds = append(ds, direction{m, o})
		}
	}
	sc.note("%s is cut off: %d", m.name, way)
	sc.in(sc.between(300*time.Millisecond, 15*time.Second), sc.net.cut(ds...))
	return true
}

func (sc *schedule) allApart() bool {
	sc.in(sc.between(300*time.Millisecond, 8*time.Second), sc.net.cut(all(sc.machines, sc.machines)...))
	return true
}

// flap cuts a machine off again and again.
func (sc *schedule) flap() bool {
	m := sc.leadingOrAny()
	ds := all([]*machine{m}, sc.others(m))
	at := time.Duration(0)
	for range 3 + sc.rng.IntN(6) {
		lasts := sc.between(100*time.Millisecond, 1500*time.Millisecond)
		sc.in(at, func() { sc.in(lasts, sc.net.cut(ds...)) })
		at += lasts + sc.between(50*time.Millisecond, time.Second)
	}
	return true
}

// dark takes the power from machines at one instant, and gives it back to each after some time.
func (sc *schedule) dark(machines ...*machine) bool {
	// Sometimes while a disk is about to write what it never will.
	if sc.rng.IntN(2) == 0 {
		for _, m := range machines {
			m.storage.hold(map[string]time.Duration{raftLog: time.Second, applying: time.Second})
		}
		time.Sleep(sc.between(10*time.Millisecond, 900*time.Millisecond))
	}
	sc.powerOff(machines...)
	for _, m := range machines {
		m.planned = true
		sc.in(sc.between(0, 10*time.Second), func() { sc.revive(m) })
	}
	return true
}

// restart stops a node in order and starts it again.
func (sc *schedule) restart() bool {
	m := sc.leadingOrAny()
	m.shutDown()
	m.planned = true
	sc.in(sc.between(0, 4*time.Second), func() { sc.revive(m) })
	return true
}

// revive starts a node on a machine, if there is none. One that ended by itself had a reason to.
func (sc *schedule) revive(m *machine) {
	m.planned = false
	if m.running.Load() != nil || m.wiped {
		return
	}
	if l := m.last; l != nil {
		<-l.ended
		if code := l.exitCode(); code != 0 && code != m.mayEnd {
			sc.problem("%s ended with %d: %v", m.name, code, l.err)
		}
		if l.exitCode() != 0 { // the locks of its files would go with its process
			// Nobody has closed its database, and Badger goes on compacting: the copy must be of one instant.
			sc.quiet()
			from := m.dir
			m.newDir()
			if err := copyTree(from, m.dir); err != nil {
				sc.t.Fatalf("copy the directory of %s: %v", m.name, err)
			}
		}
	}
	if !m.replacing {
		m.mayEnd = 0
	}
	m.storage.release()
	if err := m.boot(); err != nil {
		sc.problem("%s does not start: %v", m.name, err)
		return
	}
	sc.note("%s is on", m.name)
}

func (sc *schedule) transfer() bool {
	l := sc.leader()
	if l == nil {
		return false
	}
	to := ""
	if m := sc.any(sc.rng); m.running.Load() != nil && m != l.m {
		to = m.running.Load().node.Identity().NodeID
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	go func() { // ends with the transfer
		defer cancel()
		err := l.node.Cluster.Transfer(ctx, to)
		sc.note("transfer to %q: %v", to, err)
	}()
	return true
}

// Names of work of storage, as nodes say them.
const (
	raftLog    = "a write of the raft log"
	applying   = "applying an entry"
	probing    = "a write to try the disk"
	committing = "a write of the database"
)

// installing reports whether the calling goroutine installs the log of another node.
func installing() bool {
	stack := make([]byte, 8<<10)
	return strings.Contains(string(stack[:runtime.Stack(stack, false)]), "store.(*Store).Install")
}

// pause holds a node, as far as that shows: it says nothing, and does nothing with what it has heard.
func (sc *schedule) pause() bool {
	m := sc.leadingOrAny()
	lasts := sc.between(500*time.Millisecond, 4500*time.Millisecond)
	m.storage.hold(map[string]time.Duration{raftLog: lasts, applying: lasts})
	mend := sc.net.cut(all([]*machine{m}, sc.others(m))...)
	sc.in(lasts, func() { mend(); m.storage.release() })
	return true
}

// slowDisk makes each write of a node's raft log take long.
func (sc *schedule) slowDisk() bool {
	m := sc.leadingOrAny()
	each := sc.between(10*time.Millisecond, 400*time.Millisecond)
	m.storage.hold(map[string]time.Duration{raftLog: each, applying: each / 4, probing: each})
	sc.in(sc.between(time.Second, 15*time.Second), m.storage.release)
	return true
}

// hungDisk hangs for so long that the node gives up.
func (sc *schedule) hungDisk() bool {
	m := sc.leadingOrAny()
	l := m.running.Load()
	if l == nil || m.mayEnd != 0 {
		return false
	}
	m.mayEnd = errs.ExitIO
	m.storage.hold(map[string]time.Duration{raftLog: time.Hour, probing: time.Hour})
	sc.in(sc.between(3*time.Second, 20*time.Second), func() {
		m.storage.release()
		sc.in(time.Second, func() {
			if m.running.Load() == l {
				m.mayEnd = 0
			}
			sc.revive(m)
		})
	})
	return true
}

// writeError fails a commit of a node's database, which ends it.
func (sc *schedule) writeError() bool {
	m := sc.leadingOrAny()
	l := m.running.Load()
	if l == nil || m.mayEnd != 0 {
		return false
	}
	kind := kv.FailBeforeCommit
	if sc.rng.IntN(2) == 0 {
		kind = kv.FailAfterCommit
	}
	m.mayEnd = errs.ExitIO
	l.node.KV.InjectFault(kind)
	sc.in(sc.between(time.Second, 10*time.Second), func() {
		if m.running.Load() == l { // nothing was written
			l.node.KV.InjectFault(kv.NoFault)
		}
		sc.in(5*time.Second, func() {
			if m.running.Load() == l {
				m.mayEnd = 0
			}
			sc.revive(m)
		})
	})
	return true
}

func (sc *schedule) slowNetwork() bool {
	ds := all(sc.machines, sc.machines)
	if sc.rng.IntN(2) == 0 {
		m := sc.leadingOrAny()
		ds = all([]*machine{m}, sc.others(m))
	}
	mend := sc.net.slow(sc.between(5*time.Millisecond, 300*time.Millisecond), 0.3*sc.rng.Float64(), ds...)
	sc.in(sc.between(time.Second, 12*time.Second), mend)
	return true
}

// clockJump sets a machine's clock wrong, by something that shows or by years.
func (sc *schedule) clockJump() bool {
	m := sc.leadingOrAny()
	by := sc.between(-time.Minute, time.Minute)
	switch sc.rng.IntN(4) {
	case 0:
		by *= 60
	case 1:
		by *= 5_000_000
	}
	m.fast.Store(by.Milliseconds())
	sc.note("the clock of %s is off by %v", m.name, by)
	sc.in(sc.between(time.Second, 20*time.Second), func() { m.fast.Store(0) })
	return true
}

// replace removes a node from the cluster, for good, and lets a new one in on its machine. Both
// are tried until they are done.
func (sc *schedule) replace() bool {
	m := sc.any(sc.rng)
	l := m.running.Load()
	if l == nil || m.mayEnd != 0 || m.replacing || slices.ContainsFunc(sc.machines, func(o *machine) bool { return o.replacing }) {
		return false
	}
	m.replacing, m.mayEnd = true, errs.ExitIdentity
	sc.remove(m, l.node.Identity().NodeID, 0)
	return true
}

// mostTries bounds what is tried again. Each try takes longer than any fault.
const mostTries = 20

func (sc *schedule) remove(m *machine, id string, tries int) {
	err := sc.atLeader(m, func(ctx context.Context, lead *life) error {
		_, err := lead.commands.RemoveNode(ctx, projections.Operator("simulation"), id, nil)
		return err
	})
	sc.note("%s is removed: %v", m.name, err)
	switch {
	case err != nil && tries > mostTries:
		sc.problem("%s cannot be removed: %v", m.name, err)
		return
	case err != nil:
		sc.in(time.Second, func() { sc.remove(m, id, tries+1) })
		return
	}
	sc.in(sc.between(time.Second, 10*time.Second), func() { sc.wipe(m, id, 0) })
}

// wipe empties a machine whose node was removed, once raft counts on that no more: to wipe a voter
// would be to lose a disk.
func (sc *schedule) wipe(m *machine, id string, tries int) {
	err := sc.atLeader(m, func(_ context.Context, lead *life) error {
		for _, member := range lead.node.Cluster.Members() {
			if member.ID == id {
				return errStillMember
			}
		}
		return nil
	})
	switch {
	case err != nil && tries > mostTries:
		sc.problem("%s was removed and remains a member: %v", m.name, err)
		return
	case err != nil:
		sc.in(time.Second, func() { sc.wipe(m, id, tries+1) })
		return
	}
	m.wiped = true
	m.shutDown()
	sc.rejoin(m, 0)
}

func (sc *schedule) rejoin(m *machine, tries int) {
	err := sc.atLeader(m, func(ctx context.Context, lead *life) error { return sc.letIn(ctx, m, lead) })
	sc.note("%s is let in: %v", m.name, err)
	switch {
	case err != nil && tries > mostTries:
		sc.problem("%s cannot join again: %v", m.name, err)
		return
	case err != nil:
		sc.in(time.Second, func() { sc.rejoin(m, tries+1) })
		return
	}
	m.replacing, m.wiped, m.planned, m.mayEnd, m.last = false, false, false, 0, nil
	if err := m.boot(); err != nil {
		sc.problem("%s does not start after it has joined: %v", m.name, err)
	}
}

// atLeader does something on the node that leads, and tries again for some time. A node on m leads no
// more then: who removes a node makes another one lead first.
func (sc *schedule) atLeader(m *machine, do func(context.Context, *life) error) (err error) {
	giveUp := time.Now().Add(10 * time.Second)
	for err = errNoLeader; time.Now().Before(giveUp); time.Sleep(100 * time.Millisecond) {
		l := sc.leader()
		if l == nil {
			continue
		}
		ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
		if l.m == m {
			err = errors.Join(errNoLeader, l.node.Cluster.Transfer(ctx, ""))
		} else {
			err = do(ctx, l)
		}
		cancel()
		if err == nil {
			return nil
		}
	}
	return err
}

var (
	errNoLeader    = errors.New("there is no leader")
	errStillMember = errors.New("raft has yet to remove it")
)
