package bench

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Usage is what the kernel says processes have used since they began.
type Usage struct {
	CPU     time.Duration // user and system
	Written int64         // bytes they caused to be sent to the disk
	Own     int64         // bytes of memory of their own, now
	Mapped  int64         // bytes of files that are mapped and in memory, now: the system can take them back
	PeakRSS int64         // bytes, the most that both together were: of several processes, the sum of what each was at its own time
}

// clockTick is the unit of times in /proc: it is 1/100 s on all of Linux's
// platforms that Go supports.
const clockTick = 10 * time.Millisecond

// UsageOf reads the kernel's counters of processes, and adds them up. CPU and Written of a process
// include those of its children that have ended. It is false where there are none: not on Linux, not allowed, or
// one of the processes is gone. Memory that processes share is in it for each of them.
func UsageOf(pids ...int) (sum Usage, ok bool) {
	for _, pid := range pids {
		u, ok := usageOf(pid)
		if !ok {
			return Usage{}, false
		}
		sum = sum.Add(u)
	}
	return sum, len(pids) > 0
}

// Add is what both have used.
func (u Usage) Add(v Usage) Usage {
	return Usage{u.CPU + v.CPU, u.Written + v.Written, u.Own + v.Own, u.Mapped + v.Mapped, u.PeakRSS + v.PeakRSS}
}

func usageOf(pid int) (u Usage, ok bool) {
	p, ok := readProcess(pid)
	if !ok {
		return u, false
	}
	u.CPU = p.cpu
	ok = procFields(fmt.Sprintf("/proc/%d/io", pid), map[string]*int64{"write_bytes:": &u.Written}) &&
		procFields(fmt.Sprintf("/proc/%d/status", pid), map[string]*int64{"VmHWM:": &u.PeakRSS, "RssAnon:": &u.Own, "RssFile:": &u.Mapped})
	u.Own, u.Mapped, u.PeakRSS = u.Own<<10, u.Mapped<<10, u.PeakRSS<<10
	return u, ok
}

// procFields reads the numbers behind names in a file of lines.
func procFields(path string, want map[string]*int64) bool {
	text, err := os.ReadFile(path)
	if err != nil {
		return false
	}
	found := 0
	for line := range strings.Lines(string(text)) {
		parts := strings.Fields(line)
		if len(parts) < 2 || want[parts[0]] == nil {
			continue
		}
		if *want[parts[0]], err = strconv.ParseInt(parts[1], 10, 64); err != nil {
			return false
		}
		found++
	}
	return found == len(want)
}

// process is a line of /proc/PID/stat.
type process struct {
	parent int
	kernel bool          // a thread of the kernel
	cpu    time.Duration // with that of children that have ended
}

// kernelThread is PF_KTHREAD of the kernel's flags of a process.
const kernelThread = 0x00200000

func readProcess(pid int) (process, bool) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return process{}, false
	}
	return parseProcess(string(text))
}

func parseProcess(stat string) (p process, ok bool) {
	// The name, in parentheses, may hold anything; the fields count from behind it.
	fields := strings.Fields(stat[strings.LastIndexByte(stat, ')')+1:])
	const parent, flags, user, childrenSystem = 1, 6, 11, 14
	if len(fields) <= childrenSystem {
		return p, false
	}
	numbers := make([]int64, childrenSystem+1)
	for i := parent; i <= childrenSystem; i++ {
		n, err := strconv.ParseInt(fields[i], 10, 64)
		if err != nil {
			return p, false
		}
		numbers[i] = n
	}
	p.parent, p.kernel = int(numbers[parent]), numbers[flags]&kernelThread != 0
	for _, ticks := range numbers[user : childrenSystem+1] { // own user, own system, children's user, children's system
		p.cpu += time.Duration(ticks) * clockTick
	}
	return p, true
}

// Processes are a process and all that descend from it, as far as they run now: what a server is
// that works in several processes.
func Processes(root int) []int {
	children := map[int][]int{}
	for _, pid := range running() {
		if p, ok := readProcess(pid); ok {
			children[p.parent] = append(children[p.parent], pid)
		}
	}
	all := []int{root}
	for i := 0; i < len(all); i++ {
		all = append(all, children[all[i]]...)
	}
	return all
}

// running are the numbers of all processes that can be seen.
func running() (pids []int) {
	dir, err := os.Open("/proc")
	if err != nil {
		return nil
	}
	defer dir.Close()
	names, _ := dir.Readdirnames(-1) // what can be read
	for _, name := range names {
		if pid, err := strconv.Atoi(name); err == nil {
			pids = append(pids, pid)
		}
	}
	slices.Sort(pids)
	return pids
}
