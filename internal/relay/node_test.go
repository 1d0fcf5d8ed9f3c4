package relay_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"testing"
	"time"

	"dashd/eventlog"
	"dashd/eventlog/store"
	"dashd/internal/appender"
	"dashd/internal/commands"
	"dashd/internal/errs"
	"dashd/internal/kv"
	"dashd/internal/node"
	"dashd/internal/relay"
	"dashd/internal/seal"
	"dashd/projections"
)

// world is a real node that leads, and the relay of another node, of which only the network and raft are not real: its
// appender writes to the same log when its script lets it lead.
type world struct {
	t        testing.TB
	node     *node.Node
	access   *projections.Follower
	sealer   *seal.Sealer
	commands *commands.Commands
	leader   *relay.Relay // of the real node
	other    *relay.Relay
	net      *network
	key      projections.Principal // of the project "default"
	text     string                // the key
}

func open(t testing.TB) *world {
	t.Helper()
	dir := t.TempDir()
	log := slog.New(slog.DiscardHandler)
	n, err := node.Open(t.Context(), node.Config{
		Dir: dir, Log: log, Database: kv.Options{MinFree: 1}, Watermarks: node.Watermarks{Alarm: kv.Watermark{Bytes: 1}},
	})
	if err != nil {
		t.Fatal(err)
	}
	sealer, err := seal.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, node: n, access: projections.NewFollower(n.Store, n.Index)}
	w.run(n.Run)
	w.run(w.access.Run)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := n.WaitReady(ctx); err != nil {
		t.Fatal(err)
	}
	w.sealer = sealer
	w.commands = w.through(n.Appender)
	if w.text, err = w.commands.Bootstrap(ctx, commands.Bootstrap{}); err != nil {
		t.Fatal(err)
	}
	if w.key, err = w.access.Image().Authenticate(w.text, now()); err != nil {
		t.Fatal(err)
	}
	o := relay.Options{Log: log, Access: w.access, Now: now, NodeID: "n1"}
	w.leader = relay.New(n.Appender, n, o)
	w.net = &network{leader: w.leader}
	local := appender.New(n.Store, &unsteady{Proposer: n.Cluster, net: w.net}, appender.Options{NodeID: "n2", Log: log, Now: now})
	w.run(local.Run)
	o.NodeID = "n2"
	w.other = relay.New(local, w.net, o)
	return w
}

// through are the node's commands, with reports by way of to.
func (w *world) through(to commands.Reports) *commands.Commands {
	n := w.node
	return commands.New(commands.Options{
		Appender: n.Appender, Reports: to, Access: w.access, Dash: n.Dash, Log: n.Store, Sealer: w.sealer, Now: now, Settle: n.Settle,
	})
}

func now() int64 { return time.Now().UnixMilli() }

// run runs a part until the end of the test.
func (w *world) run(part func(context.Context) error) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- part(ctx) }()
	w.t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			w.t.Errorf("a part ended with %v", err)
		}
	})
}

// count is how many events of a project the log holds behind a seq.
func (w *world) count(project string, after uint64) (n int) {
	w.t.Helper()
	for seq := after + 1; seq <= w.node.Store.Head(); seq++ {
		rec, err := w.node.Store.Read(seq)
		if err != nil {
			w.t.Fatal(err)
		}
		if rec.Project == project {
			n++
		}
	}
	return n
}

// step is what happens to one try of the other node.
type step int

const (
	leads       step = iota // this node leads, and writes
	leadsNot                // it thought it led, and nothing was written
	leadsLost               // it lost the lead, and nobody has the block
	leadsWrote              // it lost the lead, and the next leader has the block
	answered                // the leader answers
	neverSent               // the leader could not be reached
	deposed                 // who was asked leads no more
	cutBefore               // the connection broke before the leader had the request
	cutAfter                // the connection broke after it
	cutInAnswer             // the connection broke in the answer
	garbled                 // the answer is no answer
	shortAnswer             // the answer has too few results
	stopping                // the leader is shutting down
	leaderLost              // the leader lost the lead, and does not know the outcome
	busy                    // the leader is too busy
	nobody                  // there is no leader any more, until the time has run out
)

// network is the seam to the leader. It does what its script says, a step a try, and then answers.
type network struct {
	leader *relay.Relay

	mu     sync.Mutex
	script []step
	tries  int
	body   []byte // of the last request
	change func([]byte) []byte
}

func (n *network) play(script ...step) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.script, n.tries = script, 0
}

// now is the step that the next try is to take.
func (n *network) now() step {
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.script) == 0 {
		return answered
	}
	return n.script[0]
}

// take goes on to the next step.
func (n *network) take() step {
	s := n.now()
	n.mu.Lock()
	defer n.mu.Unlock()
	n.tries++
	if len(n.script) > 0 {
		n.script = n.script[1:]
	}
	return s
}

func (n *network) Leads() bool { return n.now() <= leadsWrote && n.scripted() }

func (n *network) scripted() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return len(n.script) > 0
}

func (n *network) WaitLeader(context.Context) (bool, error) {
	if n.now() == nobody {
		return false, errs.Wrap(context.DeadlineExceeded, errs.Unavailable, appender.CodeNotLeader, "no leader")
	}
	return n.Leads(), nil
}

var errCut = errors.New("connection reset by peer")

func (n *network) Do(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	n.mu.Lock()
	n.body = body
	if n.change != nil {
		body = n.change(body)
	}
	n.mu.Unlock()
	s := n.take()
	refuse := func(kind, code string) (*http.Response, error) {
		w := httptest.NewRecorder()
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = io.WriteString(w, `{"kind":"`+kind+`","code":"`+code+`","message":"as the script says"}`)
		return w.Result(), nil
	}
	switch s {
	case neverSent:
		return nil, errs.Wrap(errCut, errs.Unavailable, appender.CodeNotLeader, "not sent")
	case deposed:
		return refuse("unavailable", appender.CodeNotLeader)
	case stopping:
		return refuse("unavailable", appender.CodeShuttingDown)
	case leaderLost:
		return refuse("unavailable", appender.CodeOutcomeUnknown)
	case busy:
		return refuse("busy", appender.CodeBusy)
	case cutBefore:
		return nil, errCut
	}
	answer := n.serve(body)
	switch s {
	case cutAfter:
		return nil, errCut
	case cutInAnswer:
		answer.Body = io.NopCloser(io.MultiReader(io.LimitReader(answer.Body, 2), errReader{}))
	case garbled:
		answer.Body = io.NopCloser(errReader{io.EOF})
	case shortAnswer:
		answer.Body = io.NopCloser(io.LimitReader(answer.Body, 3))
	}
	return answer, nil
}

// serve hands a request to the leader.
func (n *network) serve(body []byte) *http.Response {
	w := httptest.NewRecorder()
	n.leader.ServeAppend(w, httptest.NewRequest(http.MethodPost, relay.Path, bytes.NewReader(body)))
	return w.Result()
}

type errReader struct{ err error }

func (e errReader) Read([]byte) (int, error) {
	if e.err != nil {
		return 0, e.err
	}
	return 0, errCut
}

// unsteady is raft on the other node: what it proposes gets into the log, or not, as the script says.
type unsteady struct {
	appender.Proposer
	net *network
}

func (u *unsteady) Propose(ctx context.Context, term uint64, block []byte) (func() (store.Applied, error), error) {
	unknown := errs.New(errs.Unavailable, appender.CodeOutcomeUnknown, "the lead was lost")
	switch u.net.take() {
	case leadsNot:
		return nil, errs.New(errs.Unavailable, appender.CodeNotLeader, "another one leads")
	case leadsLost:
		return func() (store.Applied, error) { return store.Applied{}, unknown }, nil
	case leadsWrote:
		wait, err := u.Proposer.Propose(ctx, term, block)
		if err != nil {
			return nil, err
		}
		_, err = wait()
		return func() (store.Applied, error) { return store.Applied{}, errors.Join(unknown, err) }, nil
	}
	return u.Proposer.Propose(ctx, term, block)
}

// made makes events of a project as a producer sends them, checked.
func made(project, name string, n int, given bool) []eventlog.Event {
	events := make([]eventlog.Event, n)
	for i := range events {
		e := &events[i]
		*e = eventlog.Event{Project: project, Type: eventlog.UserJoined, Time: now(), Key: "u1", UserID: "u1"}
		e.Metadata = []byte(`{"name":"` + name + `","number":"` + strconv.Itoa(i) + `"}`)
		e.UserAgent, e.Origin.DisplayName = "agent "+strconv.Itoa(i), "joined "+strconv.Itoa(i)
		if given {
			e.ID, e.GivenID = name+"-"+strconv.Itoa(i), true
		}
	}
	return events
}
