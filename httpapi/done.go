package httpapi

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"net/http"
	"slices"
	"time"

	"dashd/internal/commands"
	"dashd/internal/errs"
	"dashd/projections"
)

// maxIdempotencyKey is the length of an Idempotency-Key, in bytes.
const maxIdempotencyKey = 255

// call is what a command of this request carries. The input must have been read.
func (r *request) call() commands.Call {
	return commands.Call{
		By:             r.principal,
		Project:        r.principal.Project,
		Actor:          r.actor,
		IdempotencyKey: r.Header.Get("Idempotency-Key"),
		Request:        r.digest(),
	}
}

// digest stands for all that was asked: whoever repeats a request repeats its method,
// its target, its claims and its body, byte for byte.
func (r *request) digest() string {
	h := sha256.New()
	add := func(texts ...string) {
		for _, text := range texts {
			sum := sha256.Sum256([]byte(text)) // so that no two lists of texts run together to the same bytes
			h.Write(sum[:])
		}
	}
	add(r.route.method, r.route.pattern)
	for _, p := range r.params {
		add(p.Key, p.Value)
	}
	query := maps.Clone(r.query)
	for _, param := range []string{"after", consistencyParam, maxStaleParam, afterSeqParam} {
		delete(query, param) // of reads
	}
	add(query.Encode())
	for _, name := range slices.Sorted(maps.Keys(r.claims)) {
		add(name, string(r.claims[name]))
	}
	add(string(r.body))
	return hex.EncodeToString(h.Sum(nil))
}

// tables returns the tables of the request's project, as of the moment it asks for with asOf=, or
// of at least the seq it asks for with after=, and says in the answer's Dashd-Seq what they
// are as of.
func (s *Server) tables(w http.ResponseWriter, r *request) (*projections.Tables, error) {
	if r.moment != nil {
		return s.tablesOf(r)
	}
	after, err := strict(r.query, "after", 0, 0, maxOffset)
	if err != nil {
		return nil, err
	}
	r.fresh.after = max(r.fresh.after, uint64(after))
	if err := s.folded(r); err != nil {
		return nil, err
	}
	image := s.Dash.Image()
	if err := s.tellAge(w, r, image.Seq()); err != nil {
		return nil, err
	}
	setSeq(w, image.Seq())
	return image.Tables(r.principal.Project), nil
}

// tablesNow returns the tables of the request's project as they are, whatever moment is asked for:
// they tell who may see what.
func (s *Server) tablesNow(r *request) (*projections.Tables, error) {
	if err := s.folded(r); err != nil {
		return nil, err
	}
	return s.Dash.Image().Tables(r.principal.Project), nil
}

// folded waits, for a moment, until the image holds everything that the read asks for.
func (s *Server) folded(r *request) error {
	if err := s.started(); err != nil {
		return err
	}
	f := &r.fresh
	if err := s.fold(r.Context(), f.after, s.patience.fold); err != nil || f.seq <= f.after {
		return err
	}
	if f.chosen {
		return s.fold(r.Context(), f.seq, s.patience.fold)
	}
	err := s.fold(r.Context(), f.seq, s.patience.settle)
	if errs.CodeOf(err) == codeNotFolded && r.Context().Err() == nil {
		f.settle()
		return nil
	}
	return err
}

// started says that the image does not hold what was there at the start yet.
func (s *Server) started() error {
	return errs.Wrap(s.Dash.Ready(), errs.Unavailable, "STARTING", "this node is starting; try again")
}

// fold waits until the image holds everything up to seq.
func (s *Server) fold(ctx context.Context, seq uint64, patience time.Duration) error {
	if seq == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return notFolded(s.Dash.Wait(ctx, seq), seq)
}

// done answers a command: v as JSON, with the seq that after= takes to see what it did.
func (s *Server) done(w http.ResponseWriter, d commands.Done, v any) error {
	setSeq(w, d.Seq)
	if d.Repeat {
		w.Header().Set("Idempotency-Replayed", "true")
	}
	return writeJSON(w, http.StatusOK, v)
}

// success is the answer to a command that makes nothing to show.
var success = struct {
	Success bool `json:"success"`
}{true}
