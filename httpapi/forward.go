package httpapi

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/textproto"
	"strconv"
	"strings"
	"time"

	"dashd/internal/appender"
	"dashd/internal/errs"
)

// Cluster is where this node stands among the others: a *node.Node.
type Cluster interface {
	// Leads reports whether this node takes commands.
	Leads() bool
	// WaitLeader returns once a leader is known, and whether it is this node.
	WaitLeader(ctx context.Context) (here bool, err error)
	// Do sends a request to the cluster port of the node that leads. An error with code NOT_LEADER means that
	// it was never sent.
	Do(r *http.Request) (*http.Response, error)
	// ReadIndex returns a seq that covers everything acknowledged anywhere before the call: with strong, by an entry
	// of the log behind that.
	ReadIndex(ctx context.Context, strong bool) (seq uint64, err error)
	// Age is how long ago, at most, the log up to seq was all that had been acknowledged anywhere. known is false
	// if this node cannot tell.
	Age(seq uint64) (age time.Duration, known bool)
}

// peerPrefix is where a leader takes the commands that came to another node.
const peerPrefix = "/peer/api"

// Headers between nodes. Those that a client sends are dropped.
const (
	forwardedPrefix   = "Dashd-Forwarded-"
	forwardedClient   = forwardedPrefix + "Client"   // the other end of the client's connection
	forwardedOperator = forwardedPrefix + "Operator" // it came over the admin socket
	forwardedSeq      = forwardedPrefix + "Seq"      // of an answer: a seq that covers what was done
)

const (
	// The time between two tries to reach a leader doubles from leadPause to maxLeadPause.
	leadPause    = 5 * time.Millisecond
	maxLeadPause = 250 * time.Millisecond
	// maxForwardedAnswer bounds the answer to a command.
	maxForwardedAnswer = 16 << 20
)

// execute has a command executed where it may be decided: here, if this node leads, else by the node that does.
// A failure that leaves nothing behind (NOT_LEADER) is tried again while there is time: so the client sees
// nothing of it that another node takes the lead.
func (s *Server) execute(w *response, r *request) error {
	rt := r.route
	if s.Cluster == nil || rt.here {
		return rt.handle(w, r)
	}
	if r.from == otherNode {
		if !s.Cluster.Leads() {
			return errNotLeader
		}
		return rt.handle(w, r)
	}
	body := keepBody(r)
	if s.Cluster.Leads() {
		if err := rt.handle(w, r); errs.CodeOf(err) != appender.CodeNotLeader || w.began {
			return err
		}
	}
	ctx, cancel := context.WithTimeout(r.Context(), s.patience.lead)
	defer cancel()
	for pause := leadPause; ; pause = min(2*pause, maxLeadPause) {
		here, err := s.Cluster.WaitLeader(ctx)
		if err != nil {
			return noLeader(err)
		}
		if here {
			body.rewind(r)
			err = rt.handle(w, r)
		} else {
			err = s.forward(w, r, body)
		}
		if errs.CodeOf(err) != appender.CodeNotLeader || w.began {
			return err
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return noLeader(err)
		}
	}
}

var errNotLeader = errs.New(errs.Unavailable, appender.CodeNotLeader, "this node does not lead the cluster")

func noLeader(err error) error {
	if errs.CodeOf(err) == appender.CodeShuttingDown {
		return err
	}
	return errs.Wrap(err, errs.Unavailable, appender.CodeNotLeader, "the cluster has no leader; nothing was changed: try again")
}

// keptBody is a request's body, of which what was read is kept, so that it can be read again.
type keptBody struct {
	src  io.ReadCloser
	kept bytes.Buffer
}

// keepBody makes r keep its body.
func keepBody(r *request) *keptBody {
	b := &keptBody{src: r.Body}
	r.Body = b
	return b
}

func (b *keptBody) Read(p []byte) (int, error) {
	n, err := b.src.Read(p)
	b.kept.Write(p[:n])
	return n, err
}

func (b *keptBody) Close() error { return b.src.Close() }

// rewind lets r read its body from the beginning.
func (b *keptBody) rewind(r *request) {
	r.Body = struct {
		io.Reader
		io.Closer
	}{io.MultiReader(bytes.NewReader(bytes.Clone(b.kept.Bytes())), b), b}
}

// forward sends a command to the leader, and its answer to the client. An error with code NOT_LEADER means that
// nothing was done.
func (s *Server) forward(w http.ResponseWriter, r *request, body *keptBody) error {
	body.rewind(r)
	text, err := io.ReadAll(s.arriving(w, r, maxAdminBody))
	if err != nil {
		return err
	}
	answer, content, err := s.askLeader(r, text)
	if err != nil {
		return err
	}
	if answer.StatusCode == http.StatusServiceUnavailable {
		var refusal errorBody
		if json.Unmarshal(content, &refusal) == nil && refusal.Code == appender.CodeNotLeader {
			return errNotLeader
		}
	}
	s.follow(r.Context(), answer.Header)
	copyHeader(w.Header(), answer.Header)
	w.Header().Set("Content-Length", strconv.Itoa(len(content)))
	w.WriteHeader(answer.StatusCode)
	_, _ = w.Write(content) // if that fails the client is gone
	return nil
}

// askLeader sends a request to the leader and reads its answer.
func (s *Server) askLeader(r *request, body []byte) (*http.Response, []byte, error) {
	ctx, cancel := context.WithTimeout(r.Context(), s.patience.answer)
	defer cancel()
	target := peerPrefix + r.URL.EscapedPath()
	if r.URL.RawQuery != "" {
		target += "?" + r.URL.RawQuery
	}
	out, err := http.NewRequestWithContext(ctx, r.Method, target, bytes.NewReader(body))
	if err != nil {
		return nil, nil, errs.Wrap(err, errs.Invalid, "INVALID_PATH", "the path cannot be sent to another node")
	}
	copyHeader(out.Header, r.Header)
	out.Header.Set(forwardedClient, r.RemoteAddr)
	if r.from == adminSocket {
		out.Header.Set(forwardedOperator, "1")
	}
	answer, err := s.Cluster.Do(out)
	if err != nil {
		if errs.CodeOf(err) == appender.CodeNotLeader {
			return nil, nil, err
		}
		return nil, nil, unknownOutcome(err)
	}
	defer answer.Body.Close()
	content, err := io.ReadAll(io.LimitReader(answer.Body, maxForwardedAnswer+1))
	if err == nil && len(content) > maxForwardedAnswer {
		err = errors.New("the answer is too long")
	}
	if err != nil {
		return nil, nil, unknownOutcome(err)
	}
	return answer, content, nil
}

// unknownOutcome is the error of a command that was sent and has no answer.
func unknownOutcome(err error) error {
	return errs.Wrap(err, errs.Unavailable, appender.CodeOutcomeUnknown,
		"the leading node did not answer; the command may have been executed: send it again with the same Idempotency-Key")
}

// follow waits, for a moment, until this node has folded what the answer of another one is as of: who goes on talking to
// this node then reads what he wrote. If that takes longer, the answer is what it is.
func (s *Server) follow(ctx context.Context, answer http.Header) {
	text := answer.Get("Dashd-Seq")
	if text == "" {
		text = answer.Get(forwardedSeq)
	}
	seq, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, s.patience.fold)
	defer cancel()
	if err := errors.Join(s.Dash.Wait(ctx, seq), s.Access.Wait(ctx, seq)); err != nil {
		s.log.Debug("a command was executed elsewhere and is not folded here yet", "seq", seq, "err", err)
	}
}

// hopByHop are the headers that are about a connection.
var hopByHop = map[string]bool{
	"Connection": true, "Keep-Alive": true, "Proxy-Authenticate": true, "Proxy-Authorization": true, "Proxy-Connection": true,
	"Te": true, "Trailer": true, "Transfer-Encoding": true, "Upgrade": true, "Expect": true, "Content-Length": true,
}

// copyHeader adds to dst the headers of src that are about the message.
func copyHeader(dst, src http.Header) {
	named := make(map[string]bool)
	for _, line := range src["Connection"] {
		for name := range strings.SplitSeq(line, ",") {
			named[textproto.CanonicalMIMEHeaderKey(strings.TrimSpace(name))] = true
		}
	}
	for name, values := range src {
		if !hopByHop[name] && !named[name] && !strings.HasPrefix(name, forwardedPrefix) {
			dst[name] = values
		}
	}
}
