package projections

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"dashd/internal/errs"
	"dashd/internal/kv"
)

// HistoryLog is the part of eventlog/store.Store that History reads.
type HistoryLog interface {
	DashLog
	// ReceivedSince is the first seq received at or after t, or one beyond the head.
	ReceivedSince(t int64) (seq uint64, err error)
}

// HistoryOptions are those of NewHistory. The zero value is the recommended setting.
type HistoryOptions struct {
	// Folds is how many folds are kept between requests, and Bytes how much memory they and
	// their images may take, by an estimate; 0: 2, and 1 GiB. The one used last is kept whatever
	// it takes. One more is in memory while it is made.
	Folds int
	Bytes int64
	// Idle is for how long one is kept that nobody asks for; 0: 5 minutes.
	Idle time.Duration
	// Patience is how long a request waits for a fold; 0: 10 seconds.
	Patience time.Duration
}

func (o HistoryOptions) withDefaults() HistoryOptions {
	if o.Folds == 0 {
		o.Folds = 2
	}
	if o.Bytes == 0 {
		o.Bytes = 1 << 30
	}
	if o.Idle == 0 {
		o.Idle = 5 * time.Minute
	}
	if o.Patience == 0 {
		o.Patience = 10 * time.Second
	}
	return o
}

// History makes the tables of a project as of any seq: it takes up the nearest checkpoint
// before, of that project alone, and folds on, by the rules that made the image that serves.
//
// One fold is made at a time. It goes on when the request that began it has gone, so that
// whoever asks again finds it made. What was made is kept for a while: the same
// moment is answered at once, a later one from where the fold stands.
//
// It is safe for concurrent use.
type History struct {
	// Immutable.
	log  HistoryLog
	live *DashFollower
	db   *kv.DB
	o    HistoryOptions
	slog *slog.Logger

	making chan struct{}   // holds a token while a fold is made
	work   context.Context //nolint:containedctx // ends with Run: folds outlive the requests they are made for
	stop   context.CancelFunc
	makers sync.WaitGroup

	mu     sync.Mutex
	closed bool               // no maker begins any more
	makes  map[moment]*making // under way, and waiting for their turn
	past   []*past            // that used last first
	seqs   map[int64]uint64   // of moments, by ms

	diffs diffs
}

// moment is a state of a project.
type moment struct {
	project string
	seq     uint64
}

// NewHistory returns a history of what live follows. It has what it keeps until Run has
// returned.
func NewHistory(log HistoryLog, live *DashFollower, o HistoryOptions) *History {
	h := &History{
		log: log, live: live, db: live.o.DB, o: o.withDefaults(), slog: live.slog,
		making: make(chan struct{}, 1), makes: map[moment]*making{}, seqs: map[int64]uint64{},
		diffs: diffs{making: make(chan struct{}, 1)},
	}
	h.work, h.stop = context.WithCancel(context.Background())
	return h
}

// Run forgets what nobody asks for any more, until ctx ends. Then it ends the folds that are
// being made, and returns nil when they have ended.
func (h *History) Run(ctx context.Context) error {
	tick := time.NewTicker(h.o.Idle / 4)
	defer tick.Stop()
	for {
		select {
		case now := <-tick.C:
			h.forget(now.Add(-h.o.Idle))
		case <-ctx.Done():
			h.mu.Lock()
			h.closed, h.past = true, nil
			h.mu.Unlock()
			h.stop()
			h.makers.Wait()
			return nil
		}
	}
}

// SeqAt is the last event received at or before a moment, 0 if there is none.
func (h *History) SeqAt(_ context.Context, ms int64) (seq uint64, err error) {
	h.mu.Lock()
	seq, known := h.seqs[ms]
	h.mu.Unlock()
	if known {
		return seq, nil
	}
	head := h.log.Head()
	next, err := h.log.ReceivedSince(ms + 1)
	if err != nil {
		return 0, fmt.Errorf("find the events received by %d: %w", ms, err)
	}
	if next <= head { // something was received later: nothing will be by then
		h.mu.Lock()
		if len(h.seqs) >= maxSeqs {
			clear(h.seqs)
		}
		h.seqs[ms] = next - 1
		h.mu.Unlock()
	}
	return next - 1, nil
}

// maxSeqs bounds the moments whose seqs are remembered.
const maxSeqs = 1 << 10

// At are the tables of a project as of a seq of the log. They are immutable.
//
// If they are not at hand, they are made; it waits for that only so long. Then the error
// is of kind Unavailable: AS_OF_BUILDING if they are being made, with how far that is, or
// AS_OF_BUSY if others are.
func (h *History) At(ctx context.Context, project string, seq uint64) (*Tables, error) {
	if seq == 0 {
		return noTables, nil
	}
	image, err := h.liveAt(ctx, seq)
	if err != nil {
		return nil, err
	}
	if image.Seq() == seq {
		return image.Tables(project), nil
	}
	m, tables, err := h.find(moment{project, seq})
	if tables != nil || err != nil {
		return tables, err
	}
	return h.await(ctx, m)
}

// liveAt is the image that serves, once it is at seq or beyond.
func (h *History) liveAt(ctx context.Context, seq uint64) (*DashImage, error) {
	if head := h.log.Head(); seq > head {
		return nil, errs.New(errs.Invalid, "SEQ_BEYOND_HEAD", "the log ends at seq %d", head)
	}
	ctx, cancel := context.WithTimeout(ctx, h.o.Patience)
	defer cancel()
	if err := h.live.Wait(ctx, seq); err != nil {
		return nil, errs.Wrap(err, errs.Unavailable, "NOT_FOLDED_YET", "this node has not come to seq %d; try again", seq)
	}
	return h.live.Image(), nil
}

// foldAt is a fold of one project, as of exactly seq and not published, that is the caller's own.
func (h *History) foldAt(ctx context.Context, project string, seq uint64) (*dashFold, error) {
	wait, cancel := context.WithTimeout(ctx, h.o.Patience)
	defer cancel()
	select {
	case h.making <- struct{}{}:
	case <-wait.Done():
		return nil, errBusy(wait.Err())
	}
	defer func() { <-h.making }()
	d, err := h.start(ctx, moment{project, seq})
	if err != nil {
		return nil, err
	}
	if err := d.to(ctx, h.log, seq); err != nil {
		return nil, err
	}
	return d, nil
}

func errBusy(cause error) error {
	return errs.Wrap(cause, errs.Unavailable, "AS_OF_BUSY", "this node is making the tables of another moment; try again")
}
