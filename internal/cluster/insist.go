package cluster

import (
	"bytes"
	"io"
	"time"

	"github.com/hashicorp/raft"
)

// insistent sends entries, and snapshots, to a follower until they arrive, for as long as this node
// leads and the follower is a member. Told of a failure, raft waits before it sends again: after a
// dozen failures for ten seconds, whether the follower is there again or not, and for as long the
// cluster could not do without another node.
type insistent struct {
	*orderly
}

// How soon entries, and a snapshot, are sent again to a follower that did not take them. It
// may have had a reason not to take the snapshot.
const (
	insistEvery         = 100 * time.Millisecond
	insistSnapshotEvery = time.Second
)

// AppendEntries sends entries, and tells a poll of the answers, and how far the follower has come. Heartbeats are sent once: raft has its own
// pace for them.
func (t insistent) AppendEntries(id raft.ServerID, target raft.ServerAddress, args *raft.AppendEntriesRequest, answer *raft.AppendEntriesResponse) error {
	send := func() error {
		asked := t.c.poll.Load() // before the message is sent
		err := t.Transport.AppendEntries(id, target, args, answer)
		if err == nil {
			asked.heard(id, args.Term, answer.Term)
			if answer.Success && !isHeartbeat(args) {
				t.c.reached.note(id, args.Term, args.PrevLogEntry+uint64(len(args.Entries)))
			}
		}
		return err
	}
	if isHeartbeat(args) {
		return send()
	}
	return t.c.insist(id, target, args.Term, insistEvery, send)
}

// InstallSnapshot sends the manifest that is a snapshot.
func (t insistent) InstallSnapshot(id raft.ServerID, target raft.ServerAddress, args *raft.InstallSnapshotRequest, answer *raft.InstallSnapshotResponse, data io.Reader) error {
	manifest, err := io.ReadAll(data)
	if err != nil {
		return err
	}
	return t.c.insist(id, target, args.Term, insistSnapshotEvery, func() error {
		return t.Transport.InstallSnapshot(id, target, args, answer, bytes.NewReader(manifest))
	})
}

// insist sends until that succeeds or is not for this node to do any more.
func (c *Cluster) insist(id raft.ServerID, target raft.ServerAddress, term uint64, pause time.Duration, send func() error) error {
	for {
		err := send()
		if err == nil || !c.sendsTo(id, target, term) {
			return err
		}
		select {
		case <-time.After(pause):
		case <-c.down:
			return err
		}
	}
}

// isHeartbeat tells heartbeats from messages of the goroutine that sends entries, as raft's own
// transport does.
func isHeartbeat(a *raft.AppendEntriesRequest) bool {
	return len(a.Entries) == 0 && a.PrevLogEntry == 0 && a.PrevLogTerm == 0 && a.LeaderCommitIndex == 0
}

// sendsTo reports whether this node leads in a term, and a node at an address is one of its followers.
func (c *Cluster) sendsTo(id raft.ServerID, address raft.ServerAddress, term uint64) bool {
	r := c.running.Load()
	if r == nil || r.State() != raft.Leader || r.CurrentTerm() != term {
		return false
	}
	for _, m := range r.GetConfiguration().Configuration().Servers {
		if m.ID == id {
			return m.Address == address
		}
	}
	return false
}

// Close closes the transport, if it can be.
func (t insistent) Close() error {
	if closer, can := t.Transport.(io.Closer); can {
		return closer.Close()
	}
	return nil
}
