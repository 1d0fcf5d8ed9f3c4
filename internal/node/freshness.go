package node

import (
	"slices"
	"time"
)

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
	alone := n.Leads() && !n.HasOthers()
	if alone && seq >= n.Store.Head() {
		return 0, true
	}
	n.contacts.mu.Lock()
	defer n.contacts.mu.Unlock()
	at, known := n.contacts.fresh.since(seq)
	if alone && !known {
		return 0, true // it has just begun to lead, and there is nobody else
	}
	return time.Since(at), known
}

// markOwn notes what a node that leads can say by itself and by what the others have said.
func (n *Node) markOwn() {
	n.contacts.mu.Lock()
	defer n.contacts.mu.Unlock()
	n.confirm()
}

// confirm makes a mark of what the leader of the newest term said, if no other can have taken the
// lead by then: a majority of the voters, asked at that moment or after it, had not heard of a newer
// term. That a leader believes in itself is not enough. It may have been cut off, and raft's lease
// counts from when an answer came, not from when the follower gave it. contacts.mu is held.
func (n *Node) confirm() {
	now, own := time.Now(), n.ownContact()
	lead, at := own, now
	for _, p := range n.contacts.peers {
		if p.Leads && (!lead.Leads || p.Term > lead.Term) {
			lead, at = p.contact, p.asked
		}
	}
	if !lead.Leads {
		return
	}
	var heard []time.Time // when each voter had not heard of a newer term, newest last
	voters := 0
	for _, m := range n.Cluster.Members() {
		if !m.Voter {
			continue
		}
		voters++
		if p := n.contacts.peers[m.ID]; m.ID == own.Node && own.Term <= lead.Term {
			heard = append(heard, now)
		} else if m.ID != own.Node && p != nil && !p.asked.IsZero() && p.Term <= lead.Term {
			heard = append(heard, p.asked)
		}
	}
	if majority := voters/2 + 1; voters > 0 && len(heard) >= majority {
		slices.SortFunc(heard, time.Time.Compare)
		if by := heard[len(heard)-majority]; by.Before(at) {
			at = by
		}
		n.contacts.fresh.add(mark{at, lead.Head})
	}
}
