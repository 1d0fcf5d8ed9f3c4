package relay

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"time"

	"dashd/eventlog"
	"dashd/internal/appender"
	"dashd/internal/errs"
	"dashd/projections"
)

// FromNode are the types of the events that a node may report by itself, whoever leads. Everything else of
// the reserved project is decided by the leader.
var FromNode = []eventlog.Type{
	eventlog.DashdTokenUsed,
	eventlog.DashdRequestRefused,
	eventlog.DashdRequestRefusals,
	eventlog.DashdGeoLoaded,
	eventlog.DashdGeoRejected,
	eventlog.DashdProjectionRebuild,
}

// scopeWrite is what a key needs that events are sent with.
const scopeWrite = "events:write"

// foldPatience is how long the leader waits for its image of the keys to hold what the sender's does.
const foldPatience = 2 * time.Second

// ServeAppend serves POST [Path] to members: another node's AppendFor or Append. It takes the request's events
// only while this node leads, and never passes them on.
func (r *Relay) ServeAppend(w http.ResponseWriter, req *http.Request) {
	results, err := r.receive(w, req)
	if err != nil {
		r.refuse(w, req, err)
		return
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	_, _ = w.Write(appendResults(nil, results)) // if that fails, the sender does not know the outcome
}

// receive appends what another node has sent.
func (r *Relay) receive(w http.ResponseWriter, req *http.Request) ([]appender.Result, error) {
	if req.Method != http.MethodPost {
		return nil, errs.New(errs.Invalid, CodeMalformed, "an append is a POST")
	}
	if !r.leader.Leads() {
		return nil, errs.New(errs.Unavailable, appender.CodeNotLeader, "this node does not lead the cluster")
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, req.Body, int64(MaxRequest)))
	if err != nil {
		return nil, malformed(err)
	}
	from, events, err := decodeRequest(body)
	if err != nil {
		return nil, err
	}
	if err := r.admit(req.Context(), from, events); err != nil {
		return nil, err
	}
	return r.local.Append(req.Context(), events)
}

// admit checks again what the other node has checked, as far as that may have changed since, or could do
// harm: a node speaks for others, not for the leader.
func (r *Relay) admit(ctx context.Context, from sender, events []eventlog.Event) error {
	if from.kind == byNode {
		return onlyReports(events)
	}
	ctx, cancel := context.WithTimeout(ctx, foldPatience)
	defer cancel()
	if err := r.o.Access.Wait(ctx, from.access); err != nil {
		return errs.Wrap(err, errs.Unavailable, appender.CodeNotLeader, "this node has yet to see the keys that the other one knows")
	}
	image := r.o.Access.Image()
	project := ""
	if from.kind == byKey {
		p, err := image.AuthenticateHash(from.key, r.o.Now())
		if err != nil {
			return err
		}
		if !p.Can(scopeWrite) {
			return lacksScope()
		}
		project = p.Project
	}
	return fromProducers(image, project, events)
}

func lacksScope() error {
	return errs.New(errs.Forbidden, "FORBIDDEN", "this key lacks the scope %s", scopeWrite)
}

// onlyReports refuses a node's events that are no reports of its own.
func onlyReports(events []eventlog.Event) error {
	for i := range events {
		e := &events[i]
		if e.Project != eventlog.ReservedProject || !slices.Contains(FromNode, e.Type) || e.Origin.Vocabulary != eventlog.VocabularyDashd || !plain(e) {
			return errs.New(errs.Forbidden, "FORBIDDEN", "a node may not report %s of the project %q", e.Type, e.Project)
		}
	}
	return nil
}

// fromProducers refuses events that no producer may send, or not to this project ("": any there is).
func fromProducers(image *projections.AccessImage, project string, events []eventlog.Event) error {
	known := project
	for i := range events {
		e := &events[i]
		switch {
		case e.Project == eventlog.ReservedProject || e.Type.Reserved() || e.Origin.Vocabulary == eventlog.VocabularyDashd || !plain(e):
			return errs.New(errs.Forbidden, "FORBIDDEN", "no producer may send this event (%s of the project %q)", e.Type, e.Project)
		case project != "" && e.Project != project:
			return errs.New(errs.Forbidden, "FORBIDDEN", "this key may not act on another project")
		case e.Project == known:
			continue
		}
		if _, exists := image.Project(e.Project); !exists {
			return errs.New(errs.NotFound, "PROJECT_NOT_FOUND", "no project %q", e.Project)
		}
		known = e.Project
	}
	return nil
}

// plain reports whether an event is whole and holds no secrets of dashd's, as those that are new and come from outside.
func plain(e *eventlog.Event) bool { return !e.Erased && len(e.Sealed) == 0 && e.ID != "" }

// refusal is the form of an error between nodes.
type refusal struct {
	Kind    string `json:"kind"`
	Code    string `json:"code,omitempty"`
	Message string `json:"message"`
}

// refuse answers a request with an error. Its cause stays here.
func (r *Relay) refuse(w http.ResponseWriter, req *http.Request, err error) {
	kind := errs.KindOf(err)
	if kind == errs.Internal && req.Context().Err() == nil {
		r.log.ErrorContext(req.Context(), "append for another node failed", "err", err)
	}
	text, _ := json.Marshal(refusal{Kind: kind.String(), Code: errs.CodeOf(err), Message: errs.Message(err)}) // strings
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusServiceUnavailable) // the kind says the rest
	_, _ = w.Write(text)
}

// decodeRefusal reads the answer of refuse.
func decodeRefusal(text []byte) (error, error) {
	var f refusal
	if err := json.Unmarshal(text, &f); err != nil {
		return nil, fmt.Errorf("relay: a refusal that cannot be read: %w", err)
	}
	kind, ok := errs.ParseKind(f.Kind)
	if !ok {
		return nil, errors.New("relay: a refusal of no kind")
	}
	return errs.New(kind, f.Code, "%s", f.Message), nil
}
