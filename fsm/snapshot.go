package fsm

import (
	"bytes"
	"fmt"
	"io"
	"sync"

	"github.com/hashicorp/raft"

	"dashd/eventlog/store"
)

// position is a snapshot that is being taken.
type position struct {
	fsm   *FSM
	index uint64 // of the last entry the FSM got
}

// Persist waits until this node's disk has everything up to the snapshot. Raft
// truncates its log up to there afterwards.
func (p *position) Persist(to raft.SnapshotSink) error {
	index := p.index
	if s, ok := to.(*sink); ok {
		// Raft has applied up to s.index, and what lies between it and the FSM's last
		// entry are barriers. The log must say so, or it would begin behind what
		// the position says after a truncation.
		p.fsm.log.Advance(s.index, s.term)
		index = s.index
	}
	ctx, cancel := p.fsm.untilClosed()
	defer cancel()
	if err := p.fsm.log.WaitPersisted(ctx, index); err != nil {
		return fmt.Errorf("wait for raft index %d on disk: %w", index, err)
	}
	return nil
}

// Release does nothing: a position holds nothing.
func (*position) Release() {}

// Snapshots implements raft.SnapshotStore. The one snapshot it ever lists is the
// position that the log on disk has reached. A manifest that another node has sent
// is kept in memory, unlisted, from the end of its transfer until raft opens it for
// Restore: were it listed, a crash before the end of Restore would leave raft with a
// snapshot that is not in the log.
type Snapshots struct {
	log  Log
	node string

	mu       sync.Mutex // guards received
	received *sink      // nil: none
}

// NewSnapshots returns the snapshot store of log. node is this node's id, from which
// others will fetch.
func NewSnapshots(log Log, node string) *Snapshots { return &Snapshots{log: log, node: node} }

// List returns the persisted position, or nothing if nothing was applied yet.
func (s *Snapshots) List() ([]*raft.SnapshotMeta, error) {
	p := s.log.Persisted()
	if p.Index == 0 {
		return nil, nil
	}
	meta, _, err := s.describe(p)
	if err != nil {
		return nil, err
	}
	return []*raft.SnapshotMeta{meta}, nil
}

// Open returns the manifest that was received under id, once. Any other id is of a
// listed snapshot: then it returns the persisted position, which may be beyond the one
// that was listed; what it returns agrees with itself.
func (s *Snapshots) Open(id string) (*raft.SnapshotMeta, io.ReadCloser, error) {
	s.mu.Lock()
	r := s.received
	if r != nil && r.ID() == id {
		s.received = nil
		s.mu.Unlock()
		return metaOf(id, r.manifest.position(), r.body.Len()), io.NopCloser(&r.body), nil
	}
	s.mu.Unlock()
	p := s.log.Persisted()
	var term, index uint64
	if n, err := fmt.Sscanf(id, idFormat, &term, &index); n != 2 || err != nil || index > p.Index || index == 0 {
		return nil, nil, fmt.Errorf("there is no snapshot %q", id)
	}
	meta, body, err := s.describe(p)
	if err != nil {
		return nil, nil, err
	}
	return meta, io.NopCloser(bytes.NewReader(body)), nil
}

const (
	idFormat       = "%d-%d" // term, index
	receivedFormat = "received-" + idFormat
)

func (s *Snapshots) describe(p store.Position) (*raft.SnapshotMeta, []byte, error) {
	body, err := manifestOf(p, s.node).encode()
	if err != nil {
		return nil, nil, err
	}
	return metaOf(fmt.Sprintf(idFormat, p.Term, p.Index), p, len(body)), body, nil
}

func metaOf(id string, p store.Position, size int) *raft.SnapshotMeta {
	meta := &raft.SnapshotMeta{
		Version:            raft.SnapshotVersionMax,
		ID:                 id,
		Index:              p.Index,
		Term:               p.Term,
		ConfigurationIndex: p.ConfigurationIndex,
		Size:               int64(size),
	}
	if len(p.Configuration) > 0 {
		meta.Configuration = raft.DecodeConfiguration(p.Configuration)
	}
	return meta
}

// Create begins a snapshot: one of this node, for which nothing is stored, or one that
// another node sends.
func (s *Snapshots) Create(_ raft.SnapshotVersion, index, term uint64, _ raft.Configuration, _ uint64, _ raft.Transport) (raft.SnapshotSink, error) {
	return &sink{of: s, index: index, term: term}, nil
}

// sink is a snapshot as raft sees it being written. Only what another node has sent
// is written to it.
type sink struct {
	of          *Snapshots
	index, term uint64
	received    bool         // it is another node's
	body        bytes.Buffer // its manifest
	manifest    manifest     // of body, after Close
}

func (s *sink) ID() string {
	if s.received {
		return fmt.Sprintf(receivedFormat, s.term, s.index)
	}
	return fmt.Sprintf(idFormat, s.term, s.index)
}

func (s *sink) Write(b []byte) (int, error) {
	if s.body.Len()+len(b) > maxManifest {
		return 0, errManifestSize
	}
	s.received = true
	return s.body.Write(b)
}

// Close keeps a manifest that was received for Restore. A snapshot of this node is
// there only if the position is on disk.
func (s *sink) Close() error {
	if !s.received {
		if have := s.of.log.Persisted().Index; have < s.index {
			return fmt.Errorf("snapshot at raft index %d: the log on disk reaches %d", s.index, have)
		}
		return nil
	}
	m, err := decodeManifest(s.body.Bytes())
	if err != nil {
		return err
	}
	if m.Index != s.index || m.Term != s.term {
		return fmt.Errorf("the manifest of raft index %d, term %d, came as that of index %d, term %d", m.Index, m.Term, s.index, s.term)
	}
	s.manifest = m
	s.of.mu.Lock()
	s.of.received = s
	s.of.mu.Unlock()
	return nil
}

// Cancel does nothing: nothing was stored.
func (*sink) Cancel() error { return nil }
