package bench

import "time"

// Stored is what a write makes of its answer.
var Stored = stored

// What is read from the kernel's texts.
var (
	ParseFlushes  = parseFlushes
	ParsePressure = parsePressure
)

// ParseProcess is the parent, whether it is a thread of the kernel, and the processor time of a line of /proc/PID/stat.
func ParseProcess(stat string) (parent int, kernel bool, cpu time.Duration, ok bool) {
	p, ok := parseProcess(stat)
	return p.parent, p.kernel, p.cpu, ok
}

// OthersShare is the share of others between two texts of /proc/stat, if this much was ours and the kernel's.
func OthersShare(before, after string, ours, kernel time.Duration) (float64, bool) {
	b, ok1 := parseProcessors(before)
	a, ok2 := parseProcessors(after)
	a.ours, a.kernel = ours, kernel
	return othersShare(b, a), ok1 && ok2
}
