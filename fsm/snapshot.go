package fsm

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"

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
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() { // ends with Persist
		select {
		case <-p.fsm.closed:
			cancel()
		case <-ctx.Done():
		}
	}()
	if err := p.fsm.log.WaitPersisted(ctx, index); err != nil {
		return fmt.Errorf("wait for raft index %d on disk: %w", index, err)
	}
	return nil
}

// Release does nothing: a position holds nothing.
func (*position) Release() {}

// Snapshots implements raft.SnapshotStore. It holds nothing: the one snapshot it
// lists is the position that the log on disk has reached.
type Snapshots struct{ log Log }

// NewSnapshots returns the snapshot store of log.
func NewSnapshots(log Log) *Snapshots { return &Snapshots{log} }

// manifest is what Open gives.
type manifest struct {
	Format int    `json:"format"`
	Index  uint64 `json:"index"`
	Term   uint64 `json:"term"`
	Seq    uint64 `json:"seq"` // of the last event
}

const manifestFormat = 1

// List returns the persisted position, or nothing if nothing was applied yet.
func (s *Snapshots) List() ([]*raft.SnapshotMeta, error) {
	p := s.log.Persisted()
	if p.Index == 0 {
		return nil, nil
	}
	meta, _, err := describe(p)
	if err != nil {
		return nil, err
	}
	return []*raft.SnapshotMeta{meta}, nil
}

// Open returns the persisted position. It may be beyond the one that id was
// listed for; what it returns agrees with itself.
func (s *Snapshots) Open(id string) (*raft.SnapshotMeta, io.ReadCloser, error) {
	p := s.log.Persisted()
	var term, index uint64
	if n, err := fmt.Sscanf(id, idFormat, &term, &index); n != 2 || err != nil || index > p.Index || index == 0 {
		return nil, nil, fmt.Errorf("there is no snapshot %q", id)
	}
	meta, body, err := describe(p)
	if err != nil {
		return nil, nil, err
	}
	return meta, io.NopCloser(bytes.NewReader(body)), nil
}

const idFormat = "%d-%d" // term, index

func describe(p store.Position) (*raft.SnapshotMeta, []byte, error) {
	body, err := json.Marshal(manifest{Format: manifestFormat, Index: p.Index, Term: p.Term, Seq: p.Seq})
	if err != nil {
		return nil, nil, err
	}
	meta := &raft.SnapshotMeta{
		Version:            raft.SnapshotVersionMax,
		ID:                 fmt.Sprintf(idFormat, p.Term, p.Index),
		Index:              p.Index,
		Term:               p.Term,
		ConfigurationIndex: p.ConfigurationIndex,
		Size:               int64(len(body)),
	}
	if len(p.Configuration) > 0 {
		meta.Configuration = raft.DecodeConfiguration(p.Configuration)
	}
	return meta, body, nil
}

// Create begins a snapshot. Nothing is stored for it.
func (s *Snapshots) Create(_ raft.SnapshotVersion, index, term uint64, _ raft.Configuration, _ uint64, _ raft.Transport) (raft.SnapshotSink, error) {
	return &sink{log: s.log, index: index, term: term}, nil
}

// sink is a snapshot as raft sees it being written.
type sink struct {
	log         Log
	index, term uint64
}

func (s *sink) ID() string { return fmt.Sprintf(idFormat, s.term, s.index) }

// Write is called only with what another node has sent.
func (s *sink) Write([]byte) (int, error) { return 0, errRestore }

// Close succeeds only if the position is on disk.
func (s *sink) Close() error {
	if have := s.log.Persisted().Index; have < s.index {
		return fmt.Errorf("snapshot at raft index %d: the log on disk reaches %d", s.index, have)
	}
	return nil
}

// Cancel does nothing: nothing was stored.
func (*sink) Cancel() error { return nil }
