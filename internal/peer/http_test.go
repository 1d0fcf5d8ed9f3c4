package peer_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"dashd/internal/errs"
	"dashd/internal/peer"
)

// handler answers with what the test says.
type handler func(w http.ResponseWriter, r *http.Request)

func (h handler) ServeHTTP(w http.ResponseWriter, r *http.Request) { h(w, r) }

func members(h handler) func(*peer.Options) { return func(o *peer.Options) { o.Members = h } }

// whoAsks answers with the member that sent the request.
func whoAsks(w http.ResponseWriter, r *http.Request) {
	m, ok := peer.MemberOf(r.Context())
	fmt.Fprintf(w, "%s %s %s %v", r.Method, r.URL.Path, m.Node, ok)
}

func get(t *testing.T, from, to *running, path string) (int, string, error) {
	t.Helper()
	resp, err := from.Client().Get("https://" + to.addr() + path)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(b), err
}

func TestRequestsNameTheMember(t *testing.T) {
	ca := newCA(t, cluster)
	a, b := node(t, ca, "n1", members(whoAsks)), node(t, ca, "n2", members(whoAsks))
	for range 3 {
		if _, got, err := get(t, b, a, "/x"); err != nil || got != "GET /x n2 true" {
			t.Errorf("n1 is asked by %q, %v", got, err)
		}
	}
	if n := a.Open(); n != 1 {
		t.Errorf("three requests in turn took %d connections", n)
	}
	if _, got, err := get(t, a, b, "/x"); err != nil || got != "GET /x n1 true" {
		t.Errorf("n2 is asked by %q, %v", got, err)
	}
	if _, ok := peer.MemberOf(context.Background()); ok {
		t.Error("a request from elsewhere is a member's")
	}
	nothing := node(t, ca, "n3")
	if status, _, err := get(t, a, nothing, "/x"); err != nil || status != http.StatusNotFound {
		t.Errorf("a node that answers nothing: %d, %v", status, err)
	}
}

func TestLargeBodiesAndLongAnswers(t *testing.T) {
	const most = 64 << 20
	ca := newCA(t, cluster)
	next := make(chan struct{})
	a := node(t, ca, "n1", members(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/stream" {
			for i := range 3 {
				fmt.Fprintln(w, i)
				_ = http.NewResponseController(w).Flush()
				<-next
			}
			return
		}
		n, err := io.Copy(io.Discard, r.Body)
		var long *http.MaxBytesError
		if errors.As(err, &long) {
			w.WriteHeader(http.StatusRequestEntityTooLarge)
			return
		}
		fmt.Fprint(w, n)
	}))
	b := node(t, ca, "n2")
	for _, tt := range []struct{ size, want int }{{most, http.StatusOK}, {most + 1, http.StatusRequestEntityTooLarge}} {
		resp, err := b.Client().Post("https://"+a.addr()+"/", "text/plain", bytes.NewReader(make([]byte, tt.size)))
		if err != nil {
			t.Errorf("%d bytes: %v", tt.size, err)
			continue
		}
		if resp.StatusCode != tt.want {
			t.Errorf("%d bytes are answered with %d, want %d", tt.size, resp.StatusCode, tt.want)
		}
		_ = resp.Body.Close()
	}
	resp, err := b.Client().Get("https://" + a.addr() + "/stream")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	for i := range 3 {
		line := make([]byte, 2)
		if _, err := io.ReadFull(resp.Body, line); err != nil || string(line) != fmt.Sprintln(i) {
			t.Fatalf("line %d: %q, %v", i, line, err)
		}
		next <- struct{}{}
	}
}

// A request that could not be sent is told apart from one whose outcome is unknown.
func TestUnsentRequestsAreKnown(t *testing.T) {
	ca := newCA(t, cluster)
	entered := make(chan struct{})
	a := node(t, ca, "n1", members(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.ReadAll(r.Body)
		entered <- struct{}{}
		<-r.Context().Done() // which silence ends
	}))
	b := node(t, ca, "n2")
	answer := make(chan error, 1)
	go func() {
		_, err := b.Client().Post("https://"+a.addr()+"/", "text/plain", strings.NewReader("x"))
		answer <- err
	}()
	<-entered
	a.Silence()
	if err := <-answer; err == nil || errs.CodeOf(err) != "" {
		t.Errorf("a request that was cut off: %v; it may have been done", err)
	}
	if _, _, err := get(t, b, a, "/"); errs.CodeOf(err) != peer.CodeUnreachable {
		t.Errorf("a request to a silent node: %v", err)
	}
	if _, _, err := get(t, a, b, "/"); errs.CodeOf(err) != peer.CodeUnreachable {
		t.Errorf("a request by a silent node: %v", err)
	}
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	req, err := http.NewRequestWithContext(ended, http.MethodGet, "https://"+b.addr(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.Client().Do(req); !errors.Is(err, context.Canceled) {
		t.Errorf("a request that has ended: %v", err)
	}
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	ca := newCA(t, cluster)
	a := node(t, ca, "n1", members(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "https://127.0.0.1:1/", http.StatusFound)
	}))
	b := node(t, ca, "n2")
	if status, _, err := get(t, b, a, "/"); err != nil || status != http.StatusFound {
		t.Errorf("a redirect is answered with %d, %v", status, err)
	}
}

// A node that stops lets requests end, and takes no more.
func TestServeEndsWithTheRequestsItHas(t *testing.T) {
	ca := newCA(t, cluster)
	entered, finish := make(chan struct{}), make(chan struct{})
	a := node(t, ca, "n1", members(func(w http.ResponseWriter, _ *http.Request) {
		close(entered)
		<-finish
		fmt.Fprint(w, "done")
	}))
	b := node(t, ca, "n2")
	raft, _ := raftPair(t, b, a)
	var wg sync.WaitGroup
	wg.Go(func() {
		if _, got, err := get(t, b, a, "/"); err != nil || got != "done" {
			t.Errorf("the request that was being answered: %q, %v", got, err)
		}
	})
	<-entered
	stopped := make(chan struct{})
	go func() { a.stop(); close(stopped) }()
	for { // until the listener is closed
		c, err := b.DialRaft(a.addr(), time.Minute)
		if err != nil {
			break
		}
		_ = c.Close()
	}
	close(finish)
	wg.Wait()
	<-stopped
	if _, err := raft.Write([]byte("raft goes on")); err != nil {
		t.Errorf("a connection of raft: %v", err)
	}
}

// Whoever has no certificate reaches the handler for those, and no other.
func TestJoinersAreNoMembers(t *testing.T) {
	ca := newCA(t, cluster)
	a := node(t, ca, "n1", members(func(http.ResponseWriter, *http.Request) {
		t.Error("a node that joins asks what members ask")
	}), func(o *peer.Options) { o.Joiners = handler(whoAsks) })
	status, answer, err := token(ca, a.addr()).Post(context.Background(), "/join", []byte("{}"))
	if err != nil || status != http.StatusOK || string(answer) != "POST /join  false" {
		t.Errorf("Post = %d %q, %v", status, answer, err)
	}
	none := node(t, ca, "n2")
	if status, _, err := token(ca, none.addr()).Post(context.Background(), "/join", nil); err != nil || status != http.StatusNotFound {
		t.Errorf("Post to a node that lets nobody join = %d, %v", status, err)
	}
}
