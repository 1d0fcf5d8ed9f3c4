package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"dashd/eventlog/block"
	"dashd/internal/errs"
	"dashd/internal/kv"
)

// Store is the event log of one node: a durable prefix in Badger and the newest
// blocks in memory. It is safe for concurrent use, but one goroutine at a time
// calls Append, SetConfiguration and Install.
//
// Invariants, under mu:
//
//	head holds exactly the seqs persisted.Seq+1 ... applied.Seq, in order, no gaps
//	persisted is what m/position says, and every block up to persisted.Seq is synced
//	persisted.Index <= applied.Index
//	ids holds the given ids of the blocks of head, and no other
//	filter, once ready, holds the given ids of the whole log
type Store struct {
	// immutable after Open
	db    *kv.DB
	log   *slog.Logger
	fatal func(error)
	cache cache

	checked extents
	asked   askedChains

	// persisting is held while persisted moves, over the transaction that makes it so: by the
	// persister, or by Install. It guards chainer, which is at persisted.
	persisting sync.Mutex
	chainer    chainer

	work  chan struct{} // holds a token if applied is beyond persisted
	hurry chan struct{} // holds a token if that should be persisted at once

	mu        sync.RWMutex
	head      []headBlock
	ids       map[[16]byte]uint64
	filter    idFilter
	pending   int64 // bytes of head
	applied   Position
	persisted Position
	failed    error         // why the disk cannot be trusted
	grown     chan struct{} // closed when applied moves; nil if nobody waits
	synced    chan struct{} // closed when persisted moves or failed is set; nil if nobody waits
}

// headBlock is a block that is not persisted yet. It is immutable.
type headBlock struct {
	stored
	after Position // the log's position with this block as its last
	ids   []givenID
}

// stored is a block with its place and its bytes.
type stored struct {
	first uint64
	raw   []byte
	block block.Block
}

func (b *stored) last() uint64 { return b.first + uint64(b.block.Len()) - 1 }

// givenID is an id that a producer chose.
type givenID struct {
	hash [16]byte
	seq  uint64
}

// Options of Open.
type Options struct {
	Log *slog.Logger
	// Fatal is called once, when the log on disk cannot be trusted or written.
	// It must not return to normal work: the process stops.
	Fatal func(error)
}

// Open reads the persisted position and checks the tail of the log against it.
// An error that wraps an errs.Fatal of errs.ExitIntegrity says that what is
// stored contradicts itself.
func Open(db *kv.DB, o Options) (*Store, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Fatal == nil {
		o.Fatal = func(error) {}
	}
	var once sync.Once
	s := &Store{
		db:    db,
		log:   o.Log.With("component", "store"),
		fatal: func(err error) { once.Do(func() { o.Fatal(err) }) },
		work:  make(chan struct{}, 1),
		hurry: make(chan struct{}, 1),
		ids:   make(map[[16]byte]uint64),
	}
	p, version, err := readPosition(db)
	if err != nil {
		return nil, fmt.Errorf("open the log: %w", err)
	}
	s.applied, s.persisted = p, p
	if err := s.checkTail(); err != nil {
		return nil, fmt.Errorf("open the log: %w", err)
	}
	if err := s.openChain(version); err != nil {
		return nil, fmt.Errorf("open the log: %w", err)
	}
	return s, nil
}

var positionKey = kv.MetaKey("position")

// readPosition returns the zero Position if none is stored, and the version of its format.
func readPosition(db *kv.DB) (p Position, version byte, err error) {
	version = positionVersion
	_, err = db.Get(positionKey, func(val []byte) (err error) {
		p, version, err = decodePosition(val)
		return errs.Stop(errs.ExitIntegrity, err)
	})
	return p, version, err
}

// Append gives the events of a checked block the next positions and makes it the
// head of the log, in memory. Only the FSM calls it, from one goroutine. An index
// at or below the applied one is skipped and answers the zero Applied. b is the parse of raw;
// the store keeps both.
//
// When it returns, readers see the block. It is durable because raft's log is;
// WaitPersisted tells when it is durable here also.
//
// If events are ahead of the index (Position.Ahead), the block must be the one that is
// there: then the log does not change, and the index moves.
func (s *Store) Append(index, term uint64, raw []byte, b block.Block) (Applied, error) {
	s.mu.RLock()
	before, err := s.applied, s.failed
	s.mu.RUnlock()
	if err != nil {
		return Applied{}, err
	}
	if index <= before.Index {
		return Applied{}, nil
	}
	if b.Len() == 0 {
		return Applied{}, errs.Stop(errs.ExitIntegrity, fmt.Errorf("append at raft index %d: a block without events", index))
	}
	if before.Ahead > 0 {
		return s.again(index, term, raw, b)
	}
	h := headBlock{stored: stored{first: before.Seq + 1, raw: raw, block: b}, after: before}
	h.ids = givenIDs(&h.stored)
	h.after.Index, h.after.Term = index, term
	h.after.Seq = h.last()
	h.after.ReceivedAt = max(before.ReceivedAt, b.ReceivedAt)
	h.after.Chain = Link(before.Chain, raw)

	s.mu.Lock()
	s.head = append(s.head, h)
	for _, id := range h.ids {
		s.ids[id.hash] = id.seq
		s.filter.add(id.hash)
	}
	s.pending += int64(len(raw))
	if s.pending >= batchBytes {
		token(s.hurry)
	}
	s.move(h.after)
	s.mu.Unlock()
	return Applied{First: h.first, Last: h.last(), ReceivedAt: b.ReceivedAt}, nil
}

// givenIDs lists the ids of b that producers chose.
func givenIDs(b *stored) (ids []givenID) {
	seq := b.first
	groups := b.block.Groups()
	for g := range groups {
		g := &groups[g]
		for i := range g.Len() {
			if g.GivenID(i) {
				ids = append(ids, givenID{block.IDHash(project(g, i), g.ID(i)), seq})
			}
			seq++
		}
	}
	return ids
}

func project(g *block.Group, i int) string {
	return string(g.Dict(g.Ref(block.ColProject, i)))
}

// SetConfiguration records raft's configuration entry.
func (s *Store) SetConfiguration(index, term uint64, conf []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if index <= s.applied.Index {
		return
	}
	p := s.applied
	p.Index, p.Term = index, term
	p.Configuration, p.ConfigurationIndex = conf, index
	s.move(p)
}

// Advance records that raft has applied everything up to index. The entries
// between the applied index and it are raft's own and hold no events. An index
// at or below the applied one changes nothing. Any goroutine may call it.
func (s *Store) Advance(index, term uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if index <= s.applied.Index {
		return
	}
	p := s.applied
	p.Index, p.Term = index, term
	s.move(p)
}

// move publishes a new applied position. Called with mu held.
func (s *Store) move(p Position) {
	s.applied = p
	wake(&s.grown)
	token(s.work)
}

// token puts a token into ch, unless there is one.
func token(ch chan<- struct{}) {
	select {
	case ch <- struct{}{}:
	default:
	}
}

// Applied is the position of the log with its head.
func (s *Store) Applied() Position {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.applied
}

// Persisted is the position up to which the log is synced on this node's disk.
func (s *Store) Persisted() Position {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.persisted
}

// PersistedSeq is Persisted().Seq.
func (s *Store) PersistedSeq() uint64 { return s.Persisted().Seq }

// Head is the last seq of the log, 0 if empty.
func (s *Store) Head() uint64 { return s.Applied().Seq }

// LastReceived is the time of receipt of the last event, ms; 0 if there is none.
func (s *Store) LastReceived() int64 { return s.Applied().ReceivedAt }

// Pending is the number of bytes in memory that are not persisted yet.
func (s *Store) Pending() int64 {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.pending
}

// Wait waits until Head is at least seq.
func (s *Store) Wait(ctx context.Context, seq uint64) error {
	return s.wait(ctx, &s.grown, func() (bool, error) { return s.applied.Seq >= seq, nil })
}

// WaitApplied waits until the applied index is at least index.
func (s *Store) WaitApplied(ctx context.Context, index uint64) error {
	return s.wait(ctx, &s.grown, func() (bool, error) { return s.applied.Index >= index, nil })
}

// WaitPersisted waits until the persisted index is at least index. It returns
// the reason if the log cannot be persisted any more.
func (s *Store) WaitPersisted(ctx context.Context, index uint64) error {
	return s.wait(ctx, &s.synced, func() (bool, error) {
		if s.persisted.Index >= index {
			return true, nil
		}
		token(s.hurry)
		return false, s.failed
	})
}

// WaitPersistedSeq is WaitPersisted for the log up to seq.
func (s *Store) WaitPersistedSeq(ctx context.Context, seq uint64) error {
	return s.wait(ctx, &s.synced, func() (bool, error) {
		if s.persisted.Seq >= seq {
			return true, nil
		}
		token(s.hurry)
		return false, s.failed
	})
}

// wait waits for done, which is asked with mu held each time *moved is closed.
func (s *Store) wait(ctx context.Context, moved *chan struct{}, done func() (bool, error)) error {
	for {
		s.mu.Lock()
		ok, err := done()
		if ok || err != nil {
			s.mu.Unlock()
			if ok {
				return nil
			}
			return err
		}
		if *moved == nil {
			*moved = make(chan struct{})
		}
		ch := *moved
		s.mu.Unlock()
		select {
		case <-ch:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// wake wakes who waits on ch. Called with mu held.
func wake(ch *chan struct{}) {
	if *ch != nil {
		close(*ch)
		*ch = nil
	}
}

// fail ends the node's work: err is about its own disk. It returns err, with an
// exit code.
func (s *Store) fail(err error) error {
	var f *errs.Fatal
	if !errors.As(err, &f) {
		err = errs.Stop(errs.ExitBug, err)
	}
	s.mu.Lock()
	if s.failed == nil {
		s.failed = err
	}
	wake(&s.synced)
	s.mu.Unlock()
	s.fatal(err)
	return err
}

// damaged is fail for bytes that are not what was stored.
func (s *Store) damaged(format string, args ...any) error {
	return s.fail(damage(format, args...))
}

func damage(format string, args ...any) error {
	return errs.Stop(errs.ExitIntegrity, fmt.Errorf("event log: "+format+
		"; restore a backup, or wipe this node and let it join again", args...))
}
