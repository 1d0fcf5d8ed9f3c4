package bench

import (
	"context"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// OthersLimit is the largest share of all processors' time that others may take while something is
// measured: with more, the machine was not quiet.
const OthersLimit = 0.05

// processors is what the machine's processors did since it was started.
type processors struct {
	all    time.Duration // of all processors together, idle time included
	busy   time.Duration // all but idle and waiting for disks: stolen time too
	kernel time.Duration // in threads of the kernel, as far as they can be seen: mostly what the disk needs
	ours   time.Duration // in this process, its children that have ended, and the measured processes
}

// watch compares what the processors do with what is ours.
type watch struct {
	usage  func() (Usage, bool)
	before processors
	known  bool
}

func startWatch(usage func() (Usage, bool)) *watch {
	w := &watch{usage: usage}
	w.before, w.known = readProcessors(usage)
	return w
}

// judge says in r whether others left the processors alone since startWatch.
func (w *watch) judge(r *Result) {
	after, ok := readProcessors(w.usage)
	if !w.known || !ok {
		return
	}
	r.Others = othersShare(w.before, after)
	r.Quiet = r.Others >= 0 && r.Others <= OthersLimit
}

// othersShare is the share of the processors' time that others took in between; -1: none has passed.
// Interrupts count as theirs unless the kernel bills them to the process they interrupt. Its figures are
// counts of ticks, so a share of less than a hundredth means nothing.
func othersShare(before, after processors) float64 {
	all := after.all - before.all
	if all <= 0 {
		return -1
	}
	others := (after.busy - before.busy) - (after.ours - before.ours) - (after.kernel - before.kernel)
	return max(0, float64(others)/float64(all))
}

// Others measures for d what share of the processors' time others than this process take; -1: unknown.
// It returns early when ctx ends.
func Others(ctx context.Context, d time.Duration) float64 {
	w := startWatch(func() (Usage, bool) { return Usage{}, true })
	wait(ctx, time.Now().Add(d))
	r := Unknown()
	w.judge(&r)
	return r.Others
}

func readProcessors(usage func() (Usage, bool)) (p processors, ok bool) {
	if usage == nil {
		return p, false
	}
	measured, ok := usage()
	text, err := os.ReadFile("/proc/stat")
	if !ok || err != nil {
		return p, false
	}
	if p, ok = parseProcessors(string(text)); !ok {
		return p, false
	}
	p.ours = measured.CPU + cpuOf(syscall.RUSAGE_SELF) + cpuOf(syscall.RUSAGE_CHILDREN)
	for _, pid := range running() {
		if one, ok := readProcess(pid); ok && one.kernel {
			p.kernel += one.cpu
		}
	}
	return p, true
}

// parseProcessors reads the first line of /proc/stat: user nice system idle iowait irq softirq steal. What follows,
// the time of guests, is in user and nice already.
func parseProcessors(stat string) (p processors, ok bool) {
	line, _, _ := strings.Cut(stat, "\n")
	fields := strings.Fields(line)
	const idle, iowait, columns = 3, 4, 8
	if len(fields) < 1+columns || fields[0] != "cpu" {
		return p, false
	}
	for i, field := range fields[1 : 1+columns] {
		ticks, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return p, false
		}
		p.all += time.Duration(ticks) * clockTick
		if i != idle && i != iowait {
			p.busy += time.Duration(ticks) * clockTick
		}
	}
	return p, true
}

func cpuOf(who int) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(who, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// IOPressure is the share of the last ten seconds in which something waited for a disk, as the kernel
// says; -1: unknown.
func IOPressure() float64 {
	text, err := os.ReadFile("/proc/pressure/io")
	if err != nil {
		return -1
	}
	return parsePressure(string(text))
}

// parsePressure reads "some avg10=53.09 avg60=…", in percent.
func parsePressure(text string) float64 {
	line, _, _ := strings.Cut(text, "\n")
	fields := strings.Fields(line)
	if len(fields) < 2 || fields[0] != "some" {
		return -1
	}
	value, ok := strings.CutPrefix(fields[1], "avg10=")
	percent, err := strconv.ParseFloat(value, 64)
	if !ok || err != nil {
		return -1
	}
	return percent / 100
}
