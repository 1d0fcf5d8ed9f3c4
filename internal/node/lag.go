package node

// maxLag is how many events behind its head the log is followed at most: index and
// dashboard need a few seconds for them.
const maxLag = 4 << 20

// lag bounds how far behind the log those may be who follow it.
type lag struct {
	opened uint64 // head of the log when the node began
	most   uint64
}

// tooLong reports whether the log must not grow while it is followed up to seq only. What was
// in it before the node began is not held against it: only what comes while that is
// caught up with.
func (l lag) tooLong(seq, head uint64) bool { return head > max(seq, l.opened)+l.most }
