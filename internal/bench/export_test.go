package bench

import (
	"context"
	"time"
)

// Stored is what a write makes of its answer.
var Stored = stored

// SettlePatience is how long nodes may take to get any further.
const SettlePatience = settlePatience

// Follow is follow of one node that says how far it is.
func Follow(ctx context.Context, ask func() (head, at uint64), following func(behind uint64)) (time.Duration, error) {
	return follow(ctx, func(context.Context) ([]position, error) {
		head, at := ask()
		p := position{Head: head, Persisted: head, Indexed: head, Access: head}
		p.Dash.Seq = at
		return []position{p}, nil
	}, following)
}

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
