package httpapi

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"time"

	"dashd/internal/errs"
)

// level says how new a read is, at least.
type level string

// The levels of the reliability design (G5). Any node answers any of them from its own state.
const (
	strong level = "strong" // linearizable, by an entry of the log
	leader level = "leader" // linearizable, by the word of a majority that nobody else leads
	stale  level = "stale"  // of bounded age
)

const (
	consistencyParam = "consistency"
	maxStaleParam    = "max_stale_ms"
	afterSeqParam    = "after_seq"

	defaultStale = 5_000     // ms
	mostStale    = 3_600_000 // ms
)

// freshness is how new what a read is answered from has to be.
type freshness struct {
	level    level
	maxStale time.Duration // of stale
	asked    time.Time     // when the state that the read shows was the newest there is; of strong and leader
	after    uint64        // it holds everything up to here, or is refused
	seq      uint64        // the same, because of the level
	chosen   bool          // the request names the level: it is answered so, or not at all
}

// settle makes a read that has not named its level one of whatever age this node can give it, because
// its tables are behind the log: an older answer, which says so, is better than none.
func (f *freshness) settle() {
	f.level, f.maxStale, f.seq = stale, mostStale*time.Millisecond, f.after
}

// hasLevels reports whether a row answers from the state that the nodes share, and so takes the parameters
// of levels; else it is about this node, or does not answer from any state.
func (rt *route) hasLevels() bool {
	return !rt.mutates() && rt.scope != public && !rt.endless &&
		rt.present != takesEvents && rt.present != nodeIsNow && rt.present != settingsAreNow
}

// defaultLevel is that of a read that names none.
func (rt *route) defaultLevel() level {
	if rt.ofDashboard() {
		return leader
	}
	return stale
}

// readLevel reads the level that the request names.
func readLevel(r *request) (level, error) {
	text, given := first(r.query, consistencyParam)
	switch l := level(text); {
	case !given:
		return r.route.defaultLevel(), nil
	case l == strong || l == leader || l == stale:
		return l, nil
	}
	return "", invalid(consistencyParam, `Invalid option: expected one of "%s"|"%s"|"%s"`, strong, leader, stale)
}

// readFreshness reads what the request asks for.
func readFreshness(r *request) (f freshness, err error) {
	if f.level, err = readLevel(r); err != nil {
		return f, err
	}
	f.chosen = r.query.Has(consistencyParam)
	ms, err := strict(r.query, maxStaleParam, defaultStale, 0, mostStale)
	if err != nil {
		return f, err
	}
	if r.query.Has(maxStaleParam) && f.level != stale {
		return f, invalid(maxStaleParam, "it goes with consistency=stale")
	}
	f.maxStale = time.Duration(ms) * time.Millisecond
	seq, err := strict(r.query, afterSeqParam, 0, 0, maxOffset)
	f.after = uint64(seq)
	return f, err
}

// refusesLevels is the refusal of a level where it has no meaning.
func (r *request) refusesLevels() error {
	for _, param := range []string{consistencyParam, maxStaleParam, afterSeqParam} {
		if r.query.Has(param) {
			return errs.New(errs.Invalid, "CONSISTENCY_NOT_SUPPORTED", "%s has no meaning here: it is for reads of what all nodes share", param)
		}
	}
	return nil
}

// when finds out of when a request is answered, and brings this node so far.
func (s *Server) when(w http.ResponseWriter, r *request) (err error) {
	past := r.query.Has(asOfParam)
	switch {
	case past && r.route.refusesAsOf() != nil:
		return r.route.refusesAsOf()
	case r.route.mutates():
		return nil // by the leader, as of everything
	case !r.route.hasLevels():
		if err := r.refusesLevels(); err != nil {
			return err
		}
		return s.resolveMoment(w, r)
	}
	if r.fresh, err = readFreshness(r); err != nil {
		return err
	}
	if past && s.passed(r.query.Get(asOfParam)) {
		r.fresh = freshness{}
		return s.resolveMoment(w, r)
	}
	if err := s.reach(r); err != nil {
		return err
	}
	if past {
		r.fresh = freshness{}
		return s.resolveMoment(w, r)
	}
	return s.tellAge(w, r, s.Store.Head())
}

// reach brings this node as far as a read asks for: its log and its keys. The images that a read is answered
// from follow when they are asked. The key is checked again, as of then.
func (s *Server) reach(r *request) error {
	f := &r.fresh
	if f.level != stale {
		f.asked = time.Now()
		seq, err := s.readIndex(r.Context(), f.level == strong)
		if err != nil {
			return err
		}
		f.seq = seq
	}
	if seq := max(f.seq, f.after); seq > 0 {
		if err := s.catchUp(r.Context(), seq); err != nil {
			return err
		}
		if err := s.Access.Image().Recheck(r.principal, s.Now()); err != nil {
			return err
		}
	}
	return nil
}

// readIndex asks the leader, as long as it is worth while.
func (s *Server) readIndex(ctx context.Context, strong bool) (uint64, error) {
	if s.Cluster == nil {
		return s.Store.Head(), nil
	}
	ctx, cancel := context.WithTimeout(ctx, s.patience.lead)
	defer cancel()
	seq, err := s.Cluster.ReadIndex(ctx, strong)
	if err != nil {
		return 0, errs.Wrap(err, errs.Unavailable, "NO_READ_INDEX", "the leader did not confirm how far the log goes; try again, or with consistency=stale")
	}
	return seq, nil
}

// catchUp waits, for a moment, until the log and the keys of this node reach seq.
func (s *Server) catchUp(ctx context.Context, seq uint64) error {
	if s.Store.Head() >= seq && s.Access.Seq() >= seq {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, s.patience.fold)
	defer cancel()
	err := s.Store.Wait(ctx, seq)
	if err == nil {
		err = s.Access.Wait(ctx, seq)
	}
	return notFolded(err, seq)
}

// codeNotFolded is the code of reads that this node has not come far enough for.
const codeNotFolded = "NOT_FOLDED_YET"

// notFolded is the error of who has waited too long for seq.
func notFolded(err error, seq uint64) error {
	if errors.Is(err, context.DeadlineExceeded) {
		return errs.Wrap(err, errs.Unavailable, codeNotFolded, "this node has not come to seq %d; try again", seq)
	}
	return err
}

// tellAge says in the answer how new what is shown is, which holds everything up to seq. It refuses what is older than the
// read accepts.
func (s *Server) tellAge(w http.ResponseWriter, r *request, seq uint64) error {
	f := &r.fresh
	var age time.Duration
	switch {
	case f.level == "":
		return nil // a read of the past, or of what has no levels
	case f.level != stale:
		age = time.Since(f.asked)
	case s.Cluster != nil:
		known := false
		if age, known = s.Cluster.Age(seq); !known || age > f.maxStale {
			return errs.New(errs.Unavailable, "TOO_STALE", "this node has not heard for more than %d ms that it knows everything; try again, or ask another node", f.maxStale.Milliseconds())
		}
	}
	h := w.Header()
	h.Set("Dashd-Consistency", string(f.level))
	h.Set("Dashd-Age-Ms", strconv.FormatInt(age.Milliseconds(), 10))
	return nil
}
