package fsm

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"

	"github.com/hashicorp/raft"

	"dashd/eventlog/block"
	"dashd/eventlog/store"
	"dashd/internal/errs"
)

// Log is the event log of this node.
type Log interface {
	Append(index, term uint64, raw []byte, b block.Block) (store.Applied, error)
	SetConfiguration(index, term uint64, conf []byte)
	Advance(index, term uint64)
	Applied() store.Position
	Persisted() store.Position
	Pending() int64
	WaitPersisted(ctx context.Context, index uint64) error
	Install(ctx context.Context, p *store.Part) error
}

// Options of New.
type Options struct {
	// Fatal is called once if an entry cannot be applied. Nothing is applied after.
	Fatal func(error)
	// MaxPending is how many bytes of the log may be in memory that are not on this node's disk;
	// 0: 256 MiB. A leader proposes no more long before; a follower whose disk is slower than the
	// leader's has no other bound.
	MaxPending int64
	// Between is asked, if not nil, when raft delivers an entry that does not
	// follow on the applied one. It returns an error unless the entries from first
	// to last are raft's own, which never reach an FSM.
	Between func(first, last uint64) error
	// Working, if not nil, is told when an entry is about to be applied, and calls back when
	// it is.
	Working func() (ended func())
	// Fetch asks the node with that id for what a log that ends at after lacks of its own
	// up to the position to, and calls part for each part, in order (Store.Parts there). It
	// returns the error of part as it is, and gives up by itself if nothing comes for long. nil: there
	// is no way to other nodes, and Restore refuses.
	Fetch func(ctx context.Context, node string, after uint64, to store.Position, part func(*store.Part) error) error
}

// FSM implements raft.BatchingFSM. Raft calls it from one goroutine; Close may be
// called from any.
type FSM struct {
	log Log
	Options

	failed error // why nothing is applied any more; only raft's goroutine

	closing sync.Once
	closed  chan struct{}
}

// New returns the FSM of log.
func New(log Log, o Options) *FSM {
	if o.MaxPending <= 0 {
		o.MaxPending = 256 << 20
	}
	return &FSM{log: log, Options: o, closed: make(chan struct{})}
}

// Close ends the waiting of snapshots that are being taken, and Restore. It is called
// before raft is shut down, which waits for them.
func (f *FSM) Close() { f.closing.Do(func() { close(f.closed) }) }

// untilClosed is a context that ends with Close.
func (f *FSM) untilClosed() (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(context.Background())
	go func() { // ends with ctx
		select {
		case <-f.closed:
			cancel()
		case <-ctx.Done():
		}
	}()
	return ctx, cancel
}

// ErrVoid is the answer to an entry that reached the log in another term than
// the one it was proposed for. Its block is not in the log and never will be.
var ErrVoid = errs.New(errs.Unavailable, "NOT_LEADER", "this node has lost the lead; nothing was written")

// ApplyBatch applies entries in order and returns one answer for each: a
// store.Applied (the zero one for entries applied before and for
// configurations), or an error.
//
// A command's Extensions, if any, are the term it was proposed for, big-endian.
// What was looked up before proposing (duplicate ids) holds in that term only, so
// in any other the entry is void, on every node alike.
func (f *FSM) ApplyBatch(logs []*raft.Log) []any {
	answers := make([]any, len(logs))
	for i, l := range logs {
		answer, err := f.apply(l)
		answers[i] = answer
		if err != nil {
			answers[i] = err
		}
	}
	return answers
}

// Apply is ApplyBatch of one entry.
func (f *FSM) Apply(l *raft.Log) any { return f.ApplyBatch([]*raft.Log{l})[0] }

func (f *FSM) apply(l *raft.Log) (store.Applied, error) {
	if f.failed != nil {
		return store.Applied{}, f.failed
	}
	applied := f.log.Applied().Index
	if l.Index <= applied {
		return store.Applied{}, nil
	}
	if l.Index > applied+1 && f.Between != nil {
		if err := f.Between(applied+1, l.Index-1); err != nil {
			return store.Applied{}, f.fail(l, fmt.Errorf("entries %d to %d were not delivered: %w", applied+1, l.Index-1, err))
		}
	}
	switch l.Type {
	case raft.LogConfiguration:
		f.log.SetConfiguration(l.Index, l.Term, l.Data)
		return store.Applied{}, nil
	case raft.LogCommand:
		return f.append(l)
	default:
		return store.Applied{}, f.fail(l, fmt.Errorf("an FSM does not get entries of type %v", l.Type))
	}
}

func (f *FSM) append(l *raft.Log) (store.Applied, error) {
	switch {
	case len(l.Extensions) == 0:
	case len(l.Extensions) != 8:
		return store.Applied{}, f.fail(l, errors.New("its extensions are not a term"))
	case binary.BigEndian.Uint64(l.Extensions) != l.Term:
		f.log.Advance(l.Index, l.Term)
		return store.Applied{}, ErrVoid
	}
	b, err := block.Open(l.Data)
	if err != nil {
		return store.Applied{}, f.fail(l, err)
	}
	f.waitForRoom() // which the disk may take long for, and still be sound
	if f.Working != nil {
		defer f.Working()()
	}
	at, err := f.log.Append(l.Index, l.Term, l.Data, b)
	if err != nil {
		return store.Applied{}, f.fail(l, err)
	}
	return at, nil
}

// waitForRoom waits, if there is too much in memory, for the next part of it to be persisted.
func (f *FSM) waitForRoom() {
	if f.log.Pending() <= f.MaxPending {
		return
	}
	ctx, cancel := f.untilClosed()
	defer cancel()
	for f.log.Pending() > f.MaxPending {
		if err := f.log.WaitPersisted(ctx, f.log.Persisted().Index+1); err != nil {
			return // the node stops, or its disk has failed: the next one to ask is told
		}
	}
}

// fail ends the node's work: the cluster has an entry that this node cannot
// apply. It returns err with an exit code.
func (f *FSM) fail(l *raft.Log, err error) error {
	err = fmt.Errorf("apply raft index %d: %w", l.Index, err)
	var stop *errs.Fatal
	if !errors.As(err, &stop) {
		err = errs.Stop(errs.ExitIntegrity, err)
	}
	f.failed = err
	if f.Fatal != nil {
		f.Fatal(err)
	}
	return err
}

// Snapshot is the position that the applied entries have reached.
func (f *FSM) Snapshot() (raft.FSMSnapshot, error) {
	if f.failed != nil {
		return nil, f.failed
	}
	return &position{fsm: f, index: f.log.Applied().Index}, nil
}
