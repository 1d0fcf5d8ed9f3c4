package faults_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"dashd/internal/dashdtest"
)

const (
	// collectEarly makes the collector run often, so that what is measured is what
	// the node holds, and not what it has not yet taken back.
	collectEarly = "GOGC=20"
	// memoryBound is how much more the node may hold because of hostile requests.
	memoryBound = 64 << 20
)

// TestHostileRequests sends what nobody should, among good requests. The node
// answers with what is wrong, keeps its memory, and loses nothing.
func TestHostileRequests(t *testing.T) {
	s := begin(t, "hostile requests")
	requests := s.rounds(t, "DASHD_FAULTS_REQUESTS", 1000, 120)
	h := newHistory(s)
	n := newNode(shortDir(t))
	n.Env = []string{collectEarly}
	start(t, s, n)
	a, err := newArsenal(revokedKey(t, n))
	if err != nil {
		t.Fatal(err)
	}

	memory := watchMemory(n)
	warm := write(h, n, "warm")
	waitFor(t, "acknowledgements", n, func() bool { return s.Acknowledged > 5000 }, h)
	warm.end()
	base := memory.most()
	// Few good requests from now on: what they put into the log takes memory too.
	good := writePaced(h, n, "good", 20*time.Millisecond)
	slow := slowClients(t, n)
	hostileRequests(t, s, n, a, requests)
	good.end()
	slow.wantEnded(t, s)
	rawGarbage(t, n)
	peak := memory.most()
	memory.stop()
	s.Notes["memory before, MiB"], s.Notes["memory, MiB"] = int(base>>20), int(peak>>20)
	if peak > base+memoryBound {
		t.Errorf("memory was at most %d MiB under good requests, and is %d under hostile ones (seed %d)", base>>20, peak>>20, seed)
	}

	h.compareAll(t, n)
	h.wantNotRefused(t)
	if out := n.Output(); strings.Contains(out, "panic") {
		t.Errorf("a handler panicked (seed %d):\n%s", seed, dashdtest.Tail(out, 8<<10))
	}
	n.Signal(t, syscall.SIGKILL)
	restarted(t, s, n, h)
}

// revokedKey makes a key and takes it back.
func revokedKey(t *testing.T, n *dashdtest.Node) string {
	t.Helper()
	var key struct{ ID, Key string }
	admin := n.Client()
	resp, err := admin.Post("http://dashd/v1/keys?project=default", "application/json",
		strings.NewReader(`{"name":"revoked","scopes":["events:write","events:read"]}`))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(&key); err != nil || key.Key == "" {
		t.Fatalf("create a key: %s %v", resp.Status, err)
	}
	req, err := http.NewRequest(http.MethodDelete, "http://dashd/v1/keys/"+url.PathEscape(key.ID)+"?project=default", nil)
	if err != nil {
		t.Fatal(err)
	}
	gone, err := admin.Do(req)
	if err != nil || gone.StatusCode != http.StatusOK {
		t.Fatalf("revoke a key: %v %v", gone, err)
	}
	gone.Body.Close()
	return key.Key
}

// hostileRequests sends them from a few clients at a time.
func hostileRequests(t *testing.T, s *scenario, n *dashdtest.Node, a *arsenal, requests int) {
	t.Helper()
	const senders = 4
	kinds := a.kinds()
	var mu sync.Mutex
	var running sync.WaitGroup
	for sender := range senders {
		running.Go(func() {
			c := &http.Client{Transport: &http.Transport{}, Timeout: dashdtest.Patience}
			defer c.CloseIdleConnections()
			for i := sender; i < requests; i += senders {
				h := kinds[i%len(kinds)](choices(fmt.Sprint("hostile ", i)))
				status, text, err := h.send(c, n.URL)
				mu.Lock()
				s.Rounds++
				s.Notes[fmt.Sprintf("%s: %s", h.what, statusName(status, err))]++
				if problem := h.judge(status, text, err); problem != "" {
					s.Wrong++
					t.Errorf("%s (seed %d, request %d): %s\n%s %s %.300q", h.what, seed, i, problem, h.method, h.path, h.body)
				}
				mu.Unlock()
			}
		})
	}
	running.Wait()
}

func statusName(status int, err error) string {
	if err != nil {
		return "closed"
	}
	return fmt.Sprint(status)
}

// judge says what is wrong with an answer.
func (h *hostile) judge(status int, text []byte, err error) string {
	switch {
	// A server that has seen enough of a body closes; the client may be too busy
	// writing to see the answer.
	case isReset(err) && len(h.body) > 64<<10:
		return ""
	case err != nil:
		return err.Error()
	case status == http.StatusServiceUnavailable, status == http.StatusTooManyRequests:
		return ""
	case status/100 == 4:
		return ""
	case status/100 == 2 && h.lenient:
		return ""
	}
	return fmt.Sprintf("answer %d %.300s", status, text)
}

func isReset(err error) bool {
	return errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) || errors.Is(err, io.EOF) ||
		errors.Is(err, io.ErrUnexpectedEOF)
}

// rawGarbage sends what is no HTTP at all. An answer is 400 or nothing.
func rawGarbage(t *testing.T, n *dashdtest.Node) {
	t.Helper()
	for _, text := range []string{
		"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", // a TLS client
		"GET / HTTP/9.9\r\n\r\n", "\r\n\r\n\r\n", "\x00\x00\x00\x00\r\n\r\n",
		"POST /events/track HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
		"POST /events/track HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n12345",
		"POST /events/track HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nX-Api-Key: " + dashdtest.Key + "\r\nConnection: close\r\n\r\nzz\r\n",
		"POST /events/track HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: x\r\n" + strings.Repeat("A: b\r\n", 20_000) + "\r\n",
		"GET /" + strings.Repeat("a", 64<<10) + " HTTP/1.1\r\nHost: x\r\n\r\n",
	} {
		conn, err := net.Dial("tcp", strings.TrimPrefix(n.URL, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		_ = conn.SetDeadline(time.Now().Add(dashdtest.Patience))
		_, _ = io.WriteString(conn, text) // the node may have closed already
		_ = conn.(*net.TCPConn).CloseWrite()
		answer, err := io.ReadAll(conn)
		conn.Close()
		if err != nil && !isReset(err) {
			t.Errorf("%.60q: %v", text, err)
		}
		if fields := bytes.Fields(answer); len(fields) > 1 && fields[1][0] != '4' && string(fields[1]) != "501" && string(fields[1]) != "505" {
			t.Errorf("%.60q is answered with %.200q", text, answer)
		}
	}
}

// idlers are clients that take their time.
type idlers struct {
	stop    context.CancelFunc
	running sync.WaitGroup
	mu      sync.Mutex
	cut     int // headers that never ended, and that the node has cut off
}

const idlerCount = 40 // of each kind

// slowClients opens connections whose headers never end, and connections whose
// bodies come byte by byte.
func slowClients(t *testing.T, n *dashdtest.Node) *idlers {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	s := &idlers{stop: stop}
	addr := strings.TrimPrefix(n.URL, "http://")
	for range idlerCount {
		s.running.Go(func() {
			conn, err := net.Dial("tcp", addr)
			if err != nil {
				return // counts as not cut
			}
			defer conn.Close()
			_ = conn.SetDeadline(time.Now().Add(dashdtest.Patience))
			_, _ = io.WriteString(conn, "POST /events/track HTTP/1.1\r\nHost: x\r\nX-A")
			// It closes, with or without a word; an error would be that of our patience.
			if answer, err := io.ReadAll(conn); err == nil && (len(answer) == 0 || bytes.HasPrefix(answer, []byte("HTTP/1.1 4"))) {
				s.mu.Lock()
				s.cut++
				s.mu.Unlock()
			}
		})
		s.running.Go(func() {
			conn, err := net.Dial("tcp", addr)
			if err != nil {
				return
			}
			defer conn.Close()
			tick := time.NewTicker(50 * time.Millisecond)
			defer tick.Stop()
			_, err = fmt.Fprintf(conn, "POST /ingest/events HTTP/1.1\r\nHost: x\r\nX-Api-Key: %s\r\nContent-Length: 1000000\r\n\r\n[", dashdtest.Key)
			for err == nil {
				select {
				case <-ctx.Done():
					return
				case <-tick.C:
					_, err = io.WriteString(conn, " ")
				}
			}
		})
	}
	return s
}

// wantEnded waits until the node has cut off the clients that do not finish their
// headers.
func (s *idlers) wantEnded(t *testing.T, sc *scenario) {
	t.Helper()
	s.stop()
	s.running.Wait()
	sc.Notes["slow headers cut off"] = s.cut
	if s.cut != idlerCount {
		t.Errorf("%d of %d connections with slow headers were cut off (seed %d)", s.cut, idlerCount, seed)
	}
}

// memory watches the node's own memory: not what is mapped from files.
type memory struct {
	done, ended chan struct{}
	peak        atomic.Int64
}

func watchMemory(n *dashdtest.Node) *memory {
	m := &memory{done: make(chan struct{}), ended: make(chan struct{})}
	go func() { // ends with stop
		defer close(m.ended)
		look := time.NewTicker(10 * time.Millisecond)
		defer look.Stop()
		for {
			select {
			case <-look.C:
				m.peak.Store(max(m.peak.Load(), anonymous(n.PID())))
			case <-m.done:
				return
			}
		}
	}()
	return m
}

// most is the most there was so far, 0 where the system does not tell.
func (m *memory) most() int64 { return m.peak.Load() }

func (m *memory) stop() {
	close(m.done)
	<-m.ended
}

func anonymous(pid int) (size int64) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(text), "RssAnon:")
	_, _ = fmt.Sscan(rest, &size) // absent: 0
	return size << 10
}
