package node

import "context"

// CheckDisk is what the node does each few seconds.
func (n *Node) CheckDisk() error { return n.checkDisk() }

// Fail is what a part does whose storage has failed.
func (n *Node) Fail(err error) { n.fail(err) }

// ScrubOnce is what the node does each day.
func (n *Node) ScrubOnce(ctx context.Context) error { return n.scrubOnce(ctx) }

// LagTooLong reports whether a log that was opened at a seq is followed too far behind.
func LagTooLong(opened, most, seq, head uint64) bool { return lag{opened, most}.tooLong(seq, head) }
