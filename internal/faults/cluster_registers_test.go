package faults_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/anishathalye/porcupine"

	"dashd/internal/dashdtest"
	"dashd/internal/findings"
)

// operators are clients that send commands and strong reads to any node, and
// remember all of them.
type operators struct {
	c     *cluster
	label string
	urls  []string
	users []string // ids
	began time.Time

	mu      sync.Mutex
	history []porcupine.Operation

	stop    context.CancelFunc
	running sync.WaitGroup
}

// operate starts operators on users of their own.
func (c *cluster) operate(label string, users, clients int) *operators {
	c.t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	o := &operators{c: c, label: label, began: time.Now(), stop: stop}
	for _, n := range c.nodes {
		o.urls = append(o.urls, n.URL)
	}
	for i := range users {
		o.users = append(o.users, o.create(fmt.Sprintf("%s-%d", label, i)))
	}
	for i := range clients {
		p := o.operator(i)
		o.running.Go(func() { p.run(ctx) })
	}
	return o
}

// create creates a user.
func (o *operators) create(who string) (id string) {
	o.c.t.Helper()
	body := fmt.Sprintf(`{"name":%q,"email":"%s@example.com"}`, findings.FirstName, strings.ToLower(who))
	p := o.operator(-1)
	text, ok := p.insist("POST", "/dash/user", body, who)
	var user struct{ ID string }
	if err := json.Unmarshal(text, &user); !ok || err != nil || user.ID == "" {
		o.c.t.Fatalf("create a user (seed %d): %s %v", seed, text, err)
	}
	return user.ID
}

// end lets the operators finish their calls.
func (o *operators) end() {
	o.stop()
	o.running.Wait()
}

// size is how many calls have ended.
func (o *operators) size() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.history)
}

// wantLinearizable ends the operators and checks what they have seen.
func (o *operators) wantLinearizable() {
	t, s := o.c.t, o.c.s
	t.Helper()
	o.end()
	s.Notes["calls in histories"] += len(o.history)
	result, info := porcupine.CheckOperationsVerbose(findings.Registers, o.history, dashdtest.Patience)
	if result == porcupine.Ok {
		s.Notes["linearizable histories"]++
		return
	}
	s.Wrong++
	s.Notes["histories: "+string(result)]++
	path := filepath.Join(os.TempDir(), fmt.Sprintf("dashd-history-%d-%s.html", seed, o.label))
	if err := porcupine.VisualizePath(findings.Registers, info, path); err != nil {
		t.Error(err)
	}
	t.Errorf("a history of %d calls (seed %d): %s; it is drawn in %s", len(o.history), seed, result, path)
}

// operator is one of them.
type operator struct {
	o    *operators
	id   int
	rng  *rand.Rand
	made int
	http *http.Client
}

func (o *operators) operator(id int) *operator {
	timeout := 15 * time.Second
	if id%2 == 0 {
		timeout = time.Second
	}
	return &operator{
		o: o, id: id, rng: choices(fmt.Sprint("operator ", o.c.s.Name, o.label, id)),
		http: &http.Client{Transport: &http.Transport{}, Timeout: timeout},
	}
}

func (p *operator) run(ctx context.Context) {
	defer p.http.CloseIdleConnections()
	for ctx.Err() == nil {
		c := findings.Draw(p.rng, len(p.o.users), func() string {
			p.made++
			return fmt.Sprintf("%s.%d.%d", p.o.label, p.id, p.made)
		})
		if c == findings.Read(c.User) {
			p.read(c.User)
		} else {
			p.change(c)
		}
		pause(ctx, between(p.rng, 0, think))
	}
}

// change sends a command until it is done.
func (p *operator) change(c findings.Call) {
	begin := time.Since(p.o.began)
	p.made++
	key := fmt.Sprintf("%s-%d-%d", p.o.label, p.id, p.made)
	method, path, body := c.Request(p.o.users[c.User])
	_, ok := p.insist(method, path, body, key)
	op := porcupine.Operation{ClientId: p.id, Input: c, Call: int64(begin), Output: findings.Outcome{Unknown: !ok}, Return: math.MaxInt64}
	if ok {
		op.Return = int64(time.Since(p.o.began))
	}
	p.note(op)
}

// read reads a user as he is, from any node.
func (p *operator) read(user int) {
	path := "/dash/user?consistency=strong&userId=" + url.QueryEscape(p.o.users[user])
	first := time.Since(p.o.began)
	for wait := 10 * time.Millisecond; ; wait = min(2*wait, 500*time.Millisecond) {
		begin := time.Since(p.o.began)
		status, text, err := p.ask("GET", path, "", "")
		if status != http.StatusOK || err != nil {
			if p.gone(status, text, err) {
				return
			}
			if time.Since(p.o.began)-first > dashdtest.Patience {
				p.wrong("no node reads for %s: %d %s %v", dashdtest.Patience, status, text, err)
				return
			}
			time.Sleep(between(p.rng, wait/2, wait))
			continue
		}
		var u findings.Register
		if err := json.Unmarshal(text, &u); err != nil {
			p.wrong("GET %s: %s %v", path, text, err)
			return
		}
		p.note(porcupine.Operation{
			ClientId: p.id, Input: findings.Read(user), Call: int64(begin),
			Output: findings.Outcome{Register: u}, Return: int64(time.Since(p.o.began)),
		})
		return
	}
}

func (p *operator) note(op porcupine.Operation) {
	p.o.mu.Lock()
	defer p.o.mu.Unlock()
	p.o.history = append(p.o.history, op)
}

// gone reports whether an answer is final, and wrong.
func (p *operator) gone(status int, text []byte, err error) bool {
	if err != nil || status == http.StatusServiceUnavailable || status == http.StatusTooManyRequests || status == http.StatusInsufficientStorage {
		return false
	}
	p.wrong("answer %d %s", status, text)
	return true
}

func (p *operator) wrong(format string, args ...any) {
	p.o.c.h.mu.Lock()
	defer p.o.c.h.mu.Unlock()
	p.o.c.h.problem(wrong, format, args...)
}

// insist sends a command, each time to any node and under the same key, until it is
// done. ok is false if its outcome stays unknown.
func (p *operator) insist(method, path, body, key string) (text []byte, ok bool) {
	giveUp := time.Now().Add(dashdtest.Patience)
	for wait := 10 * time.Millisecond; ; wait = min(2*wait, 500*time.Millisecond) {
		status, text, err := p.ask(method, path, body, key)
		if err == nil && status == http.StatusOK {
			return text, true
		}
		if p.gone(status, text, err) {
			return text, false
		}
		if time.Now().After(giveUp) {
			p.wrong("%s %s was not done by any node for %s: %d %s %v", method, path, dashdtest.Patience, status, text, err)
			return text, false
		}
		time.Sleep(between(p.rng, wait/2, wait))
	}
}

func (p *operator) ask(method, path, body, key string) (status int, text []byte, err error) {
	req, err := http.NewRequest(method, p.o.urls[p.rng.IntN(len(p.o.urls))]+path, strings.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	req.Header.Set("X-Api-Key", dashdtest.Key)
	if key != "" {
		req.Header.Set("Idempotency-Key", key)
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := p.http.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	text, err = io.ReadAll(resp.Body)
	return resp.StatusCode, text, err
}
