package peer_test

import (
	"context"
	"crypto/ed25519"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"dashd/internal/peer"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m)
}

const cluster = "c1"

func member(node string) peer.Member {
	return peer.Member{Cluster: cluster, Node: node, Incarnation: node + "-first"}
}

// newCA is an authority that is a year old, so that what it signed may have expired.
func newCA(t testing.TB, cluster string) *peer.CA {
	t.Helper()
	ca, err := peer.NewCA(cluster, time.Now().AddDate(-1, 0, 0))
	if err != nil {
		t.Fatal(err)
	}
	return ca
}

// credentials are those of m, from ca at an instant.
func credentials(t testing.TB, ca *peer.CA, m peer.Member, at time.Time) *peer.Credentials {
	t.Helper()
	c := empty(t)
	install(t, c, ca, m, at)
	return c
}

func empty(t testing.TB) *peer.Credentials {
	t.Helper()
	c, err := peer.OpenCredentials(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func install(t testing.TB, c *peer.Credentials, ca *peer.CA, m peer.Member, at time.Time) {
	t.Helper()
	if err := c.Install(issue(t, c, ca, m, at), ca.CertDER()); err != nil {
		t.Fatal(err)
	}
}

func issue(t testing.TB, c *peer.Credentials, ca *peer.CA, m peer.Member, at time.Time) []byte {
	t.Helper()
	csr, err := c.Request()
	if err != nil {
		t.Fatal(err)
	}
	cert, err := ca.Issue(m, csr, at)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

// certificate is one for tests that speak TLS themselves.
func certificate(t testing.TB, ca *peer.CA, m peer.Member, at time.Time) tls.Certificate {
	t.Helper()
	dir := t.TempDir()
	c, err := peer.OpenCredentials(dir)
	if err != nil {
		t.Fatal(err)
	}
	install(t, c, ca, m, at)
	cert, err := tls.LoadX509KeyPair(dir+"/"+peer.CertFile, dir+"/"+peer.KeyFile)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

// running is a port that serves.
type running struct {
	*peer.Port
	log  *watched
	stop func() // ends Serve and waits for it
}

// serve opens a port and serves it until the test ends.
func serve(t testing.TB, o peer.Options, prepare ...func(*peer.Port)) *running {
	t.Helper()
	log := &watched{refusals: make(chan string, 1<<12)}
	if o.Log == nil {
		o.Log = slog.New(log)
	}
	p, err := peer.Listen("127.0.0.1:0", o)
	if err != nil {
		t.Fatal(err)
	}
	p.SetHandshakeLimit(time.Minute) // a machine may be busy
	for _, f := range prepare {
		f(p)
	}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- p.Serve(ctx) }()
	var once sync.Once
	stop := func() {
		once.Do(func() {
			cancel()
			if err := <-served; err != nil {
				t.Errorf("Serve: %v", err)
			}
		})
	}
	t.Cleanup(func() {
		stop()
		if err := p.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return &running{p, log, stop}
}

func (r *running) addr() string { return r.Addr().String() }

// node is a port of a member of ca's cluster.
func node(t testing.TB, ca *peer.CA, name string, change ...func(*peer.Options)) *running {
	t.Helper()
	o := peer.Options{Self: member(name), Version: "1.0.0", Credentials: credentials(t, ca, member(name), time.Now())}
	for _, f := range change {
		f(&o)
	}
	return serve(t, o)
}

// raftPair is a connection of raft from one node to another, both ends.
func raftPair(t testing.TB, from, to *running) (dialed, accepted net.Conn) {
	t.Helper()
	dialed, err := from.DialRaft(to.addr(), time.Minute)
	if err != nil {
		t.Fatalf("DialRaft: %v", err)
	}
	t.Cleanup(func() { _ = dialed.Close() })
	accepted, err = to.Raft().Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = accepted.Close() })
	return dialed, accepted
}

// say sends a text one way and wants it at the other end.
func say(t testing.TB, from, to net.Conn, text string) {
	t.Helper()
	if _, err := from.Write([]byte(text)); err != nil {
		t.Fatalf("Write: %v", err)
	}
	b := make([]byte, len(text))
	for n := 0; n < len(b); {
		k, err := to.Read(b[n:])
		if err != nil {
			t.Fatalf("Read: %v", err)
		}
		n += k
	}
	if string(b) != text {
		t.Fatalf("%q arrived as %q", text, b)
	}
}

// watched is a log that tells of refused connections.
type watched struct {
	refusals chan string
	mu       sync.Mutex
	lines    []string
}

func (w *watched) Enabled(context.Context, slog.Level) bool { return true }
func (w *watched) WithAttrs([]slog.Attr) slog.Handler       { return w }
func (w *watched) WithGroup(string) slog.Handler            { return w }

func (w *watched) Handle(_ context.Context, r slog.Record) error {
	line := r.Level.String() + " " + r.Message
	r.Attrs(func(a slog.Attr) bool {
		line += fmt.Sprintf(" %s=%v", a.Key, a.Value)
		return true
	})
	w.mu.Lock()
	w.lines = append(w.lines, line)
	w.mu.Unlock()
	if r.Message == "connection refused" {
		w.refusals <- line
	}
	return nil
}

// wantRefusal waits for a refused connection, and wants a reason in its line.
func (w *watched) wantRefusal(t testing.TB, reason string) {
	t.Helper()
	if line := <-w.refusals; !strings.Contains(line, reason) {
		t.Errorf("the log says %q, want it to say %q", line, reason)
	}
}

// newKey is a key for certificates that Issue would not sign.
func newKey(t testing.TB) (ed25519.PublicKey, ed25519.PrivateKey) {
	t.Helper()
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	return public, private
}

func mustRead(t testing.TB, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
