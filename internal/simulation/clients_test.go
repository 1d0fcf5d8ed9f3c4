package simulation_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"time"
)

// request sends a request to the node on a machine, as a client in the same room would. An error
// says that no answer came. It may be called from any goroutine.
func (m *machine) request(ctx context.Context, method, path, idempotency, body string) (*httptest.ResponseRecorder, error) {
	l := m.running.Load()
	if l == nil || !l.ready.Load() {
		return nil, errRefused
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	req := httptest.NewRequestWithContext(ctx, method, path, strings.NewReader(body))
	req.Header.Set("X-Api-Key", apiKey)
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	if idempotency != "" {
		req.Header.Set("Idempotency-Key", idempotency)
	}
	answered := make(chan *httptest.ResponseRecorder, 1)
	m.s.staff.do(func() { // ends with the request
		defer func() {
			if p := recover(); p != nil && p != http.ErrAbortHandler {
				m.s.problem("a handler panicked: %v", p)
			}
		}()
		answer := httptest.NewRecorder()
		l.api.ServeHTTP(answer, req)
		answered <- answer
	})
	select {
	case a := <-answered:
		select {
		case <-l.gone: // what it says after that, nobody hears
			return nil, errReset
		default:
			return a, nil
		}
	case <-l.gone:
		return nil, errReset
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// clients are everybody who uses the cluster.
type clients struct {
	s       *simulation
	l       *ledger
	users   []string
	stop    context.CancelFunc
	running sync.WaitGroup
}

// Numbers of clients, and about how long each thinks between two requests.
const (
	producers = 4
	verifiers = 2
	operators = 4
	readers   = 2
	registers = 2
	think     = 2 * time.Second
)

// use starts clients of the cluster.
func (s *simulation) use(l *ledger) *clients {
	ctx, stop := context.WithCancel(context.Background())
	c := &clients{s: s, l: l, stop: stop}
	for i := range registers {
		c.users = append(c.users, c.createUser(i))
	}
	start := func(n int, kind string, act func(*client, context.Context)) {
		for i := range n {
			cl := &client{clients: c, who: fmt.Sprintf("%s%d", kind, i), id: i, rng: rand.New(rand.NewPCG(s.seed, uint64(len(kind)<<8+i)))}
			c.running.Go(func() {
				for ctx.Err() == nil {
					act(cl, ctx)
					cl.pause(ctx, 2*think)
				}
			})
		}
	}
	start(producers, "p", (*client).produce)
	start(verifiers, "to", (*client).verify)
	start(operators, "ope", (*client).operate)
	start(readers, "read", (*client).read)
	return c
}

// end lets the clients finish what they are about.
func (c *clients) end() {
	c.stop()
	c.running.Wait()
}

// client is one of them.
type client struct {
	*clients
	who  string
	id   int
	rng  *rand.Rand
	made int
}

// pause waits for some time up to most, or until ctx ends.
func (c *client) pause(ctx context.Context, most time.Duration) {
	timer := time.NewTimer(time.Duration(c.rng.Int64N(int64(most))))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// once sends a request to any machine. It has more patience than a node, or less.
func (c *client) once(method, path, idempotency, body string) (*httptest.ResponseRecorder, error) {
	patience := 15 * time.Second
	if c.rng.IntN(2) == 0 {
		patience = time.Second
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	m := c.s.any(c.rng)
	return m.request(ctx, method, path, idempotency, body)
}

// insist sends a request to one machine after the other until one of them does it. No answer but
// "not now" may keep it from that. It gives up if there is none for much longer than any
// fault lasts.
func (c *client) insist(method, path, idempotency, body string) (*httptest.ResponseRecorder, bool) {
	giveUp := time.Now().Add(3 * patience)
	for wait := 20 * time.Millisecond; ; wait = min(2*wait, time.Second) {
		answer, err := c.once(method, path, idempotency, body)
		switch {
		case err != nil:
		case answer.Code == http.StatusOK:
			return answer, true
		case answer.Code != http.StatusServiceUnavailable && answer.Code != http.StatusTooManyRequests && answer.Code != http.StatusInsufficientStorage:
			c.l.wrong("%s %s: %d %s", method, path, answer.Code, answer.Body)
			return answer, false
		}
		if time.Now().After(giveUp) {
			c.l.wrong("%s %s was not done by any node for %v: %v %+v", method, path, 3*patience, err, answer)
			return nil, false
		}
		c.pause(context.Background(), wait)
	}
}

func (c *client) name() string {
	c.made++
	return fmt.Sprintf("%s-%d", c.who, c.made)
}

// produce sends events.
func (c *client) produce(context.Context) {
	switch c.rng.IntN(8) {
	case 0: // without an id: a repeat would be another event
		c.track(c.name())
	case 1: // the same id with other content
		c.contradict()
	default:
		n := 1
		if c.rng.IntN(3) == 0 {
			n += c.rng.IntN(8)
		}
		var names []string
		for range n {
			name, _ := c.l.known(c.rng)
			if name == "" || c.rng.IntN(10) > 0 {
				name = c.name()
			}
			names = append(names, name)
		}
		c.native(names)
	}
}

// track sends an event without an id, once.
func (c *client) track(name string) {
	c.l.sending(false, name)
	e := makeEvent(name)
	answer, err := c.once("POST", "/ingest/events", "", e.json(false))
	if err != nil || answer.Code != http.StatusOK {
		return
	}
	for _, r := range c.results(answer, 1) {
		c.l.took(name, r.Seq, false, false)
	}
}

// native sends events with ids until they are taken.
func (c *client) native(names []string) {
	var body []string
	for _, name := range names {
		e := makeEvent(name)
		body = append(body, e.json(true))
	}
	before := c.l.sending(true, names...)
	answer, ok := c.insist("POST", "/ingest/events", "", "["+strings.Join(body, ",")+"]")
	if !ok {
		return
	}
	for i, r := range c.results(answer, len(names)) {
		c.l.took(names[i], r.Seq, r.Duplicate, before[i])
	}
}

// contradict sends other content under an id that is taken.
func (c *client) contradict() {
	name, acked := c.l.known(c.rng)
	if !acked {
		return
	}
	e := makeEvent(name)
	e.user += "-other"
	answer, err := c.once("POST", "/ingest/events", "", e.json(true))
	if err == nil && answer.Code == http.StatusOK {
		c.l.wrong("other content was taken under the id of %s: %s", name, answer.Body)
	}
}

type result struct {
	Seq       uint64
	Duplicate bool
	Error     *struct{ Code string }
}

// results reads the answer to n events.
func (c *client) results(answer *httptest.ResponseRecorder, n int) []result {
	var a struct{ Results []result }
	if err := json.Unmarshal(answer.Body.Bytes(), &a); err != nil || len(a.Results) != n {
		c.l.wrong("the answer to %d events is %s", n, answer.Body)
		return nil
	}
	for _, r := range a.Results {
		if r.Seq == 0 || r.Error != nil {
			c.l.wrong("good events were refused: %s", answer.Body)
			return nil
		}
	}
	return a.Results
}

// verify asks whether a token is good that another asks for too.
func (c *client) verify(context.Context) {
	c.made++
	token := fmt.Sprintf("token-%d", c.made/2) // each twice, by each of them
	answer, err := c.once("POST", "/api/auth/check-jti", "", fmt.Sprintf(`{"jti":%q}`, token))
	if err == nil && answer.Code == http.StatusOK && answer.Body.String() == `{"valid":true}` {
		c.l.good(token)
	}
}

// read reads a user at some level, and checks that the answer is not older than that allows.
func (c *client) read(context.Context) {
	path, bound := "/dash/user?userId="+c.users[0], time.Duration(0)
	switch level := c.rng.IntN(3); level {
	case 0:
		path += "&consistency=strong"
	case 1:
		path += "&consistency=leader"
	default:
		bound = time.Duration(c.rng.IntN(5000)+1) * time.Millisecond
		path += fmt.Sprintf("&consistency=stale&max_stale_ms=%d", bound.Milliseconds())
	}
	began, moment := time.Now(), c.l.moment()
	answer, err := c.once("GET", path, "", "")
	if err != nil || answer.Code != http.StatusOK {
		return
	}
	seq, _ := strconv.ParseUint(answer.Header().Get("Dashd-Seq"), 10, 64)
	ms, err := strconv.ParseInt(answer.Header().Get("Dashd-Age-Ms"), 10, 64)
	age := time.Duration(ms) * time.Millisecond
	want := c.l.ackedBy(moment)
	if bound > 0 {
		want = c.l.ackedAt(began.Add(-age - time.Millisecond))
	}
	if err != nil || seq < want || bound > 0 && age > bound {
		c.l.wrong("GET %s is as of seq %d, age %v (%v); seq %d had been acknowledged", path, seq, age, err, want)
	}
	c.l.mu.Lock()
	c.l.counts.Reads++
	c.l.mu.Unlock()
}
