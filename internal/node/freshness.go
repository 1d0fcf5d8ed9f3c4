package node

import "time"

// mark says that all events that had been acknowledged anywhere at a moment are those up
// to a seq.
type mark struct {
	at  time.Time
	seq uint64
}

// maxMarks is how many marks are kept: half a minute of them.
const maxMarks = 64

// freshness tells how old the state up to a seq is. The zero value knows nothing.
type freshness struct {
	marks []mark // oldest first; neither at nor seq falls
}

func (f *freshness) add(m mark) {
	if n := len(f.marks); n > 0 && (m.at.Before(f.marks[n-1].at) || m.seq < f.marks[n-1].seq) {
		return // answers that have passed one another
	}
	if len(f.marks) == maxMarks {
		f.marks = f.marks[:copy(f.marks, f.marks[1:])]
	}
	f.marks = append(f.marks, m)
}

// since is the last moment at which nothing behind seq had been acknowledged, as far as is known.
func (f *freshness) since(seq uint64) (time.Time, bool) {
	for i := len(f.marks) - 1; i >= 0; i-- {
		if f.marks[i].seq <= seq {
			return f.marks[i].at, true
		}
	}
	return time.Time{}, false
}

// Age is how long ago the log up to seq was all that had been acknowledged anywhere, at
// most; known is false if this node has not heard of a leader since its start.
func (n *Node) Age(seq uint64) (age time.Duration, known bool) {
	if head := n.Store.Head(); seq >= head && n.Leads() {
		return 0, true
	}
	n.contacts.mu.Lock()
	defer n.contacts.mu.Unlock()
	at, known := n.contacts.fresh.since(seq)
	return time.Since(at), known
}

// markOwn notes what a node that leads knows by itself.
func (n *Node) markOwn() {
	now, head := time.Now(), n.Store.Head()
	if n.Leads() {
		n.contacts.mu.Lock()
		n.contacts.fresh.add(mark{now, head})
		n.contacts.mu.Unlock()
	}
}
