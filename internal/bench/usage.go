package bench

import (
	"bufio"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// Usage is what the kernel says a process has used since it began.
type Usage struct {
	CPU     time.Duration // user and system
	Written int64         // bytes it caused to be sent to the disk
	Own     int64         // bytes of memory of its own, now
	Mapped  int64         // bytes of files that are mapped and in memory, now: the system can take them back
	PeakRSS int64         // bytes, the most that both together were
}

// clockTick is the unit of times in /proc: it is 1/100 s on all of Linux's
// platforms that Go supports.
const clockTick = 10 * time.Millisecond

// UsageOf reads the kernel's counters of a process. It is false where there are
// none: not on Linux, or not allowed.
func UsageOf(pid int) (Usage, bool) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return Usage{}, false
	}
	// The name, in parentheses, may hold anything; the fields count from behind it.
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	if len(fields) < 13 {
		return Usage{}, false
	}
	user, err1 := strconv.ParseInt(fields[11], 10, 64)
	system, err2 := strconv.ParseInt(fields[12], 10, 64)
	written, ok1 := procField(fmt.Sprintf("/proc/%d/io", pid), "write_bytes:")
	peak, ok2 := procField(fmt.Sprintf("/proc/%d/status", pid), "VmHWM:")
	own, ok3 := procField(fmt.Sprintf("/proc/%d/status", pid), "RssAnon:")
	mapped, ok4 := procField(fmt.Sprintf("/proc/%d/status", pid), "RssFile:")
	return Usage{
		CPU: time.Duration(user+system) * clockTick, Written: written,
		Own: own << 10, Mapped: mapped << 10, PeakRSS: peak << 10,
	}, err1 == nil && err2 == nil && ok1 && ok2 && ok3 && ok4
}

// procField reads the number behind a name in a file of lines.
func procField(path, name string) (int64, bool) {
	f, err := os.Open(path)
	if err != nil {
		return 0, false
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if rest, ok := strings.CutPrefix(lines.Text(), name); ok {
			if parts := strings.Fields(rest); len(parts) > 0 {
				n, err := strconv.ParseInt(parts[0], 10, 64)
				return n, err == nil
			}
		}
	}
	return 0, false
}
