package drains_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"dashd/eventlog"
	"dashd/eventlog/block"
	"dashd/eventlog/index"
	"dashd/eventlog/store"
	"dashd/internal/appender"
	"dashd/internal/commands"
	"dashd/internal/destination"
	"dashd/internal/drains"
	"dashd/internal/kv"
	"dashd/internal/outbound"
	"dashd/internal/seal"
	"dashd/projections"
)

const project = "default"

var sealer = seal.New(seal.Key(bytes.Repeat([]byte{0x3c}, seal.KeySize)))

// node is a real node but for raft and the network: what is proposed is applied at
// once, and requests arrive at its network. It lives in a bubble: time passes when
// nothing else happens.
type node struct {
	t        testing.TB
	dir      string
	db       *kv.DB
	log      *store.Store
	index    *index.Index
	access   *projections.Follower
	dash     *projections.DashFollower
	appender *appender.Appender
	commands *commands.Commands
	drains   *drains.Deliverer
	lead     *lead
	net      *network
	logged   *bytes.Buffer
	others   *atomic.Bool // there are nodes that may lead after this one
	far      uint64       // how far behind drains ask the index; 0: as ever

	stopDrains, stopNode func()
}

// inBubble runs a test against a node of its own.
func inBubble(t *testing.T, test func(t *testing.T, n *node)) {
	t.Helper()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		n := open(t, dir, newNetwork())
		defer func() { n.stop() }()
		test(t, n)
	})
}

// open starts a node in dir, which may hold what an earlier one left.
func open(t testing.TB, dir string, net *network) *node { return openFar(t, dir, net, 0) }

func openFar(t testing.TB, dir string, net *network, far uint64) *node {
	t.Helper()
	quiet := slog.New(slog.DiscardHandler)
	db, err := kv.Open(dir, kv.Options{MinFree: 1})
	if err != nil {
		t.Fatal(err)
	}
	fatal := func(err error) { t.Errorf("fatal: %v", err) }
	log, err := store.Open(db, store.Options{Log: quiet, Fatal: fatal})
	if err != nil {
		t.Fatal(err)
	}
	x, err := index.Open(log, db, index.Options{Log: quiet, Fatal: fatal})
	if err != nil {
		t.Fatal(err)
	}
	n := &node{
		t: t, dir: dir, db: db, log: log, index: x, net: net, lead: &lead{term: 1, changed: make(chan struct{})},
		access: projections.NewFollower(log, x), dash: projections.NewDashFollower(log, projections.DashOptions{}),
		logged: new(bytes.Buffer), others: new(atomic.Bool), far: far,
	}
	n.appender = appender.New(log, &proposer{log: log}, appender.Options{NodeID: "n1", Log: quiet, Now: now})
	n.commands = commands.New(commands.Options{
		Appender: n.appender, Reports: n.appender, Access: n.access, Dash: n.dash, Log: log, Sealer: sealer, Now: now,
		Settle: func(context.Context) (uint64, error) { return log.Head(), nil },
	})
	var stops []func()
	for _, run := range []func(context.Context) error{log.Run, x.Run, n.access.Run, n.dash.Run, n.appender.Run} {
		stops = append(stops, launch(t, run))
	}
	n.stopNode = sync.OnceFunc(func() {
		for i := range stops {
			stops[len(stops)-1-i]()
		}
		if err := db.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	n.deliver()
	return n
}

// deliver starts the deliverer.
func (n *node) deliver() { n.deliverFrom(n.net, n.db) }

func (n *node) deliverFrom(sender drains.Sender, positions drains.Positions) {
	n.drains = drains.New(drains.Options{
		Log: slog.New(slog.NewTextHandler(n.logged, nil)), Events: n.log, Index: n.index, Dash: n.dash, Positions: positions,
		Sealer: sealer, Sender: sender, Lead: n.lead, Suspend: n.commands.SuspendDrain,
		Advance: n.commands.AdvanceDrains, Others: n.others.Load,
	})
	if n.far != 0 {
		n.drains.SetFarBehind(n.far)
	}
	n.stopDrains = sync.OnceFunc(launch(n.t, n.drains.Run))
}

// launch runs a part of a node until the returned function is called.
func launch(t testing.TB, run func(context.Context) error) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- run(ctx) }()
	return func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run = %v", err)
		}
	}
}

func (n *node) stop() {
	n.stopDrains()
	n.stopNode()
}

// reopen stops the node and starts it again.
func (n *node) reopen() {
	n.t.Helper()
	n.stop()
	*n = *openFar(n.t, n.dir, n.net, n.far)
}

func now() int64 { return time.Now().UnixMilli() }

// proposer is raft of a cluster of one without a disk.
type proposer struct {
	log   *store.Store
	mu    sync.Mutex
	index uint64
}

func (p *proposer) Term() (uint64, error) { return 1, nil }

func (p *proposer) Propose(_ context.Context, _ uint64, sealed []byte) (func() (store.Applied, error), error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.index = max(p.index, p.log.Applied().Index) + 1
	b, err := block.Open(sealed)
	if err != nil {
		return nil, err
	}
	applied, err := p.log.Append(p.index, 1, sealed, b)
	return func() (store.Applied, error) { return applied, err }, nil
}

// lead is the leadership of a node.
type lead struct {
	mu      sync.Mutex
	term    uint64 // 0: another node leads
	changed chan struct{}
}

func (l *lead) Term() (uint64, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.term == 0 {
		return 0, errors.New("not the leader")
	}
	return l.term, nil
}

func (l *lead) WaitLead(ctx context.Context) error {
	for {
		l.mu.Lock()
		leads, changed := l.term != 0, l.changed
		l.mu.Unlock()
		if leads {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (l *lead) set(term uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.term = term
	close(l.changed)
	l.changed = make(chan struct{})
}

// network is where requests arrive.
type network struct {
	mu       sync.Mutex
	requests []request
	accepted []request                                        // those that were answered with 2xx
	answer   map[string]func(request) (status int, err error) // by host; else 200
	pending  map[string]int                                   // requests on their way, by host
	most     map[string]int                                   // the most of them at a time

	all, mostAll int // the same for all hosts
}

// request is one that has arrived.
type request struct {
	outbound.Request
	host string
	at   time.Time
}

func newNetwork() *network {
	return &network{answer: map[string]func(request) (int, error){}, pending: map[string]int{}, most: map[string]int{}}
}

func (n *network) Do(ctx context.Context, req outbound.Request) (outbound.Response, error) {
	made, err := http.NewRequest(req.Method, req.URL, nil)
	if err != nil {
		return outbound.Response{}, err
	}
	r := request{req, made.Host, time.Now()}
	n.mu.Lock()
	n.requests = append(n.requests, r)
	answer := n.answer[r.host]
	n.pending[r.host]++
	n.most[r.host] = max(n.most[r.host], n.pending[r.host])
	n.all++
	n.mostAll = max(n.mostAll, n.all)
	n.mu.Unlock()
	defer func() {
		n.mu.Lock()
		n.pending[r.host]--
		n.all--
		n.mu.Unlock()
	}()
	status := http.StatusOK
	if answer != nil {
		if status, err = answer(r); err != nil {
			return outbound.Response{}, err
		}
	}
	if status == hangs {
		select {
		case <-time.After(outbound.Timeout):
			return outbound.Response{}, &outbound.Error{Class: outbound.TimedOut}
		case <-ctx.Done():
			return outbound.Response{}, ctx.Err()
		}
	}
	if status/100 == 2 {
		n.mu.Lock()
		n.accepted = append(n.accepted, r)
		n.mu.Unlock()
	}
	return outbound.Response{Status: status}, nil
}

// hangs is the status of a destination that does not answer.
const hangs = -1

// answers makes a host answer with a status from now on.
func (n *network) answers(host string, status int) {
	n.set(host, func(request) (int, error) { return status, nil })
}

func (n *network) set(host string, answer func(request) (int, error)) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.answer[host] = answer
}

// to are the requests that have arrived at a host.
func (n *network) to(host string) []request { return n.of(&n.requests, host) }

// taken are those that the host has answered with 2xx.
func (n *network) taken(host string) []request { return n.of(&n.accepted, host) }

func (n *network) of(all *[]request, host string) []request {
	n.mu.Lock()
	defer n.mu.Unlock()
	var list []request
	for _, r := range *all {
		if r.host == host {
			list = append(list, r)
		}
	}
	return list
}

func (n *network) pendingTo(host string) int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.pending[host]
}

func (n *network) mostInAll() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.mostAll
}

// forget forgets the requests so far.
func (n *network) forget() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.requests, n.accepted = nil, nil
}

// bodyEvents are the events of a webhook's body.
func bodyEvents(t testing.TB, r request) []destination.Event {
	t.Helper()
	var body struct{ Events []destination.Event }
	if err := json.Unmarshal(r.Body, &body); err != nil {
		t.Fatalf("body %s: %v", r.Body, err)
	}
	return body.Events
}

// seqs are those of the events that have arrived at a host, in order.
func (n *node) seqs(host string) []uint64 {
	n.t.Helper()
	return n.seqsOf(n.net.to(host))
}

func (n *node) seqsOf(requests []request) []uint64 {
	n.t.Helper()
	var all []uint64
	for _, r := range requests {
		for _, e := range bodyEvents(n.t, r) {
			all = append(all, e.Seq)
		}
	}
	return all
}

// append appends events in one block, and returns the seq of the first.
func (n *node) append(events ...eventlog.Event) uint64 {
	n.t.Helper()
	for i := range events {
		e := &events[i]
		if e.Project == "" {
			e.Project = project
		}
		if e.Time == 0 {
			e.Time = now()
		}
		if e.Metadata == nil {
			e.Metadata = []byte("{}")
		}
	}
	results, err := n.appender.Append(n.t.Context(), events)
	if err != nil {
		n.t.Fatal(err)
	}
	return results[0].Seq
}

// organization makes an organization with members.
func (n *node) organization(id string, members ...string) {
	n.t.Helper()
	events := []eventlog.Event{{Type: eventlog.OrganizationCreated, OrganizationID: id, Personal: eventlog.Personal{
		Metadata: fmt.Appendf(nil, `{"organizationName":%q,"organizationSlug":%q}`, id, id),
	}}}
	for _, m := range members {
		events = append(events, eventlog.Event{Type: eventlog.MemberAdded, OrganizationID: id, UserID: m, Personal: eventlog.Personal{
			Metadata: fmt.Appendf(nil, `{"memberId":%q,"memberRole":"member","memberName":%q,"memberEmail":"%s@example.com"}`, id+"-"+m, m, m),
		}})
	}
	n.append(events...)
	n.folded()
}

// folded waits until the image holds the log.
func (n *node) folded() {
	n.t.Helper()
	if err := n.dash.Wait(n.t.Context(), n.log.Head()); err != nil {
		n.t.Fatal(err)
	}
}

func (n *node) call() commands.Call {
	return commands.Call{By: projections.Operator("test"), Project: project, Actor: "test"}
}

// drain makes a webhook drain whose host is its name.
func (n *node) drain(organization, name string, eventTypes ...string) string {
	n.t.Helper()
	return n.drainWith(organization, name, fmt.Sprintf(`{"url":"https://%s/in"}`, name), eventTypes...)
}

func (n *node) drainWith(organization, name, config string, eventTypes ...string) string {
	n.t.Helper()
	_, id, err := n.commands.CreateDrain(n.t.Context(), n.call(), commands.DrainCreate{
		OrganizationID: organization, Name: name, Enabled: true, DestinationType: destination.Webhook,
		EventTypes: eventTypes, Config: json.RawMessage(config),
	})
	if err != nil {
		n.t.Fatal(err)
	}
	return id
}

// change changes a drain.
func (n *node) change(cmd commands.DrainUpdate) {
	n.t.Helper()
	if _, err := n.commands.UpdateDrain(n.t.Context(), n.call(), cmd); err != nil {
		n.t.Fatal(err)
	}
}

// row is the row of a drain.
func (n *node) row(id string) projections.Drain {
	n.t.Helper()
	n.folded()
	d, ok := n.dash.Image().Tables(project).Drain(id)
	if !ok {
		n.t.Fatalf("there is no drain %s", id)
	}
	return d
}

func (n *node) health(id string) destination.Health {
	n.t.Helper()
	return n.drains.Health(project, n.row(id))
}

// stored are the keys of the positions on disk.
func (n *node) stored() (keys []string) {
	n.t.Helper()
	err := n.db.Scan(kv.PrefixDrain, nil, func(key, _ []byte) (bool, error) {
		keys = append(keys, string(key))
		return true, nil
	})
	if err != nil {
		n.t.Fatal(err)
	}
	return keys
}

// signIns are events of users, one each.
func signIns(users ...string) []eventlog.Event {
	var events []eventlog.Event
	for _, u := range users {
		events = append(events, eventlog.Event{Type: eventlog.UserLoggedIn, UserID: u})
	}
	return events
}

// after lets time pass, until everything rests.
func after(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}
