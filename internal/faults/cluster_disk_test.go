package faults_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"dashd/internal/dashdtest"
	"dashd/internal/errs"
	"dashd/internal/kv"
)

// disked is a cluster whose nodes have file systems of their own.
type disked struct {
	*cluster
	disks []*image // by node
}

// withDisks returns a running cluster, each node on a file system of its own.
func withDisks(t *testing.T, s *scenario) *disked {
	t.Helper()
	needImages(t, s.Name)
	d := &disked{}
	var dirs []string
	for range members {
		disk := newImage(t)
		d.disks = append(d.disks, disk)
		dirs = append(dirs, filepath.Join(disk.point, "d"))
	}
	d.cluster = prepareCluster(t, s, dirs...)
	for _, disk := range d.disks {
		if err := run("sync", "--file-system", disk.point); err != nil {
			t.Fatal(err) // what the nodes start from would be gone in a power cut
		}
	}
	d.start(d.nodes...)
	d.leader()
	return d
}

// number is the place of n among the nodes.
func (d *disked) number(n *dashdtest.Node) int { return slices.Index(d.nodes, n) }

// cutPower cuts nodes off from power at one moment and mounts what their disks hold
// then.
func (d *disked) cutPower(nodes ...*dashdtest.Node) {
	t := d.t
	t.Helper()
	witnesses := make([]witness, len(nodes))
	for i, n := range nodes {
		witnesses[i] = leaveWitness(t, d.disks[d.number(n)])
	}
	for _, n := range nodes {
		if err := n.Send(syscall.SIGSTOP); err != nil {
			t.Fatal(err)
		}
	}
	for i, n := range nodes {
		at := d.number(n)
		stopAll(t, n.Process)
		next := d.disks[at].afterPowerCut(t)
		n.Signal(t, syscall.SIGKILL)
		d.disks[at].discard(t)
		d.disks[at] = next
		if err := next.mount(); err != nil {
			t.Fatal(err)
		}
		witnesses[i].wantLost(t, next)
		n.Dir = filepath.Join(next.point, "d")
	}
}

// finish is that of the cluster, and gives the disks back.
func (d *disked) finish() {
	d.t.Helper()
	d.cluster.finish()
	for _, disk := range d.disks {
		disk.discard(d.t)
	}
}

// TestF3PowerCutOfOne cuts one node off from power, the leader as often as not.
func TestF3PowerCutOfOne(t *testing.T) {
	const name = "F3 power cut of one of three nodes"
	slow(t, name)
	s := begin(t, name)
	rounds := s.rounds(t, "DASHD_FAULTS_F3", 2, 0)
	d := withDisks(t, s)
	for round := range rounds {
		d.round(fmt.Sprint("p", round), func() {
			n := d.any()
			if d.rng.IntN(2) == 0 {
				n = d.leader()
			}
			d.cutPower(n)
			d.start(n)
		})
	}
	d.finish()
}

// TestF4PowerCutOfAll cuts all nodes off from power at one moment.
func TestF4PowerCutOfAll(t *testing.T) {
	const name = "F4 power cut of all three nodes"
	slow(t, name)
	s := begin(t, name)
	rounds := s.rounds(t, "DASHD_FAULTS_F4", 1, 0)
	d := withDisks(t, s)
	for round := range rounds {
		d.round(fmt.Sprint("p", round), func() {
			d.cutPower(d.nodes...)
			d.start(d.nodes...)
		})
	}
	d.finish()
}

// freeze makes everything hang that writes to the file system, until the thaw.
func (m *image) freeze(t *testing.T) (thaw func()) {
	t.Helper()
	if err := run("fsfreeze", "--freeze", m.point); err != nil {
		t.Fatal(err)
	}
	frozen := true
	thaw = func() {
		if !frozen {
			return
		}
		frozen = false
		if err := run("fsfreeze", "--unfreeze", m.point); err != nil {
			t.Error(err)
		}
	}
	t.Cleanup(thaw) // before the process is waited for, which cannot end while it hangs
	return thaw
}

// TestF12HungDisk lets the leader's disk hang: no write to it returns, with or without
// an error. Another node takes over, and the one with the disk ends by itself when it
// has hung for long.
func TestF12HungDisk(t *testing.T) {
	const name = "F12 hung disk of the leader"
	slow(t, name)
	s := begin(t, name)
	rounds := s.rounds(t, "DASHD_FAULTS_F12", 1, 0)
	d := withDisks(t, s)
	for round := range rounds {
		d.round(fmt.Sprint("h", round), func() {
			n := d.leader()
			thaw := d.disks[d.number(n)].freeze(t)
			time.Sleep(between(d.rng, 12*time.Second, 20*time.Second)) // how long it hangs
			if leader, _ := dashdtest.Leader(t, d.others(n)...); leader == n {
				t.Errorf("a node whose disk hangs leads (seed %d)", seed)
			}
			said := func() bool { return strings.Contains(n.Output(), "level=ERROR") }
			// It counts only the time in which it could look: on a busy machine that may take longer. If all of
			// it waits for the disk, the kernel ends it, half a minute or two minutes after it last looked.
			for began := time.Now(); !said() && !killed(n.PID()); time.Sleep(20 * time.Millisecond) {
				if time.Since(began) > 3*time.Minute {
					t.Fatalf("the disk of node %d hangs, and it goes on (seed %d)", d.number(n), seed)
				}
			}
			thaw()
			code := n.Wait(t)
			if code == -1 && !said() {
				s.Notes["killed by the kernel"]++
			} else if code != errs.ExitIO || !said() { // what hangs cannot say much: the log has the reason
				t.Errorf("a node whose disk hung ended with %s, want exit code %d and a line in its log (seed %d)", exitName(code), errs.ExitIO, seed)
			}
			d.start(n)
		})
	}
	d.finish()
}

// killed reports whether a thread of a process is to be killed, which happens once the disk
// that it waits for goes on; see proc_pid_status(5).
func killed(pid int) bool {
	files, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", pid))
	for _, file := range files {
		status, _ := os.ReadFile(file) // a thread may have ended
		_, pending, _ := strings.Cut(string(status), "\nSigPnd:\t")
		pending, _, _ = strings.Cut(pending, "\n")
		if signals, err := strconv.ParseUint(pending, 16, 64); err == nil && signals&(1<<(syscall.SIGKILL-1)) != 0 {
			return true
		}
	}
	return false
}

// TestF13DiskFull takes the space of one node away, in two steps or at once. It may
// lead no more, stops, and does not start before there is room; the others go on.
func TestF13DiskFull(t *testing.T) {
	const name = "F13 disk full of one of three nodes"
	slow(t, name)
	s := begin(t, name)
	rounds := s.rounds(t, "DASHD_FAULTS_F13", 1, 0)
	d := withDisks(t, s)
	for round := range rounds {
		d.round(fmt.Sprint("d", round), func() {
			n := d.leader()
			disk := d.disks[d.number(n)]
			if d.rng.IntN(2) == 0 {
				disk.leave(t, 3*kv.StopBelow.Bytes/2)
				dashdtest.Await(t, "another leader", func() error {
					if leader := d.leader(); leader == n {
						return fmt.Errorf("a node without space leads (seed %d)", seed)
					}
					return nil
				})
				d.waitAcknowledged(200)
				disk.leave(t, kv.StopBelow.Bytes/2)
				s.Notes["in two steps"]++
			} else {
				disk.leave(t, 0)
				s.Notes["at once"]++
			}
			// Space that is gone in the middle of a write to a memory map is a bus error: as good as a kill.
			if n.Wait(t) == exitCrash && strings.Contains(n.Output(), "SIGBUS") {
				s.Notes["bus error"]++
			} else {
				wantEnd(t, n, errs.ExitDiskLow)
			}
			d.waitAcknowledged(200)
			wantRefusal(t, n, errs.ExitDiskLow)
			disk.makeRoom(t)
			d.start(n)
		})
	}
	d.finish()
}
