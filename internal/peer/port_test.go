package peer_test

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"dashd/internal/errs"
	"dashd/internal/peer"
)

// wantCut waits until a connection is at its end.
func wantCut(t *testing.T, c net.Conn) {
	t.Helper()
	if n, err := c.Read(make([]byte, 1)); err == nil {
		t.Errorf("the connection still brings %d bytes", n)
	}
}

func TestRaftConnectionsCarryBytesBothWays(t *testing.T) {
	ca := newCA(t, cluster)
	a, b := node(t, ca, "n1"), node(t, ca, "n2")
	dialed, accepted := raftPair(t, a, b)
	say(t, dialed, accepted, "request")
	say(t, accepted, dialed, "answer")
	byName, err := a.DialRaft("n2@"+b.addr(), time.Minute)
	if err != nil {
		t.Fatalf("DialRaft by name: %v", err)
	}
	defer byName.Close()
	if got, want := b.Raft().Addr().String(), b.addr(); got != want {
		t.Errorf("raft's listener is at %s, the port at %s", got, want)
	}
	if err := dialed.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	if _, err := accepted.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("Read after the other side has closed = %v, want EOF", err)
	}
	if err := b.Raft().Close(); err != nil {
		t.Errorf("Close of raft's listener: %v", err)
	}
	if _, err := b.Raft().Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Accept of a closed listener = %v", err)
	}
	c, err := a.DialRaft(b.addr(), time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	wantCut(t, c)
}

func TestNothingIsAcceptedOrDialedBeforeThereIsACertificate(t *testing.T) {
	ca := newCA(t, cluster)
	member1 := node(t, ca, "n1")
	fresh := empty(t)
	late := serve(t, peer.Options{Self: member("n2"), Credentials: fresh})
	if _, err := late.DialRaft(member1.addr(), time.Minute); errs.CodeOf(err) != peer.CodeNotReady {
		t.Errorf("DialRaft = %v, want code %s", err, peer.CodeNotReady)
	}
	if _, err := member1.DialRaft(late.addr(), time.Minute); errs.CodeOf(err) != peer.CodeUnreachable {
		t.Errorf("DialRaft of a node that is not ready = %v, want code %s", err, peer.CodeUnreachable)
	}
	late.log.wantRefusal(t, "no certificate yet")

	install(t, fresh, ca, member("n2"), time.Now())
	raftPair(t, late, member1)
	raftPair(t, member1, late)

	wrong := serve(t, peer.Options{Self: member("n3"), Credentials: fresh})
	if _, err := wrong.DialRaft(member1.addr(), time.Minute); errs.CodeOf(err) != peer.CodeNotReady {
		t.Errorf("DialRaft with another node's certificate = %v, want code %s", err, peer.CodeNotReady)
	}
}

// N2: a certificate is replaced under open connections.
func TestN2_RotationNeedsNoRestart(t *testing.T) {
	ca := newCA(t, cluster)
	now := time.Now()
	creds := credentials(t, ca, member("n1"), now.Add(-80*24*time.Hour))
	var clock atomic.Int64
	clock.Store(now.UnixNano())
	a := serve(t, peer.Options{Self: member("n1"), Credentials: creds})
	b := node(t, ca, "n2", func(o *peer.Options) {
		o.Now = func() time.Time { return time.Unix(0, clock.Load()) }
	})
	dialed, accepted := raftPair(t, a, b)
	back, _ := raftPair(t, b, a)
	old := peer.CertOf(accepted)

	install(t, creds, ca, member("n1"), now)
	say(t, dialed, accepted, "the old connection goes on")
	_, accepted2 := raftPair(t, a, b)
	back2, _ := raftPair(t, b, a)
	for side, c := range map[string]net.Conn{"dialing": accepted2, "accepting": back2} {
		if peer.CertOf(c).Equal(old) {
			t.Errorf("a new handshake of the %s side shows the old certificate", side)
		}
	}

	clock.Store(now.Add(11 * 24 * time.Hour).UnixNano())
	b.Recheck()
	wantCut(t, accepted)
	wantCut(t, back)
	_, accepted3 := raftPair(t, a, b)
	b.Recheck()
	if peer.CertOf(accepted3).Equal(old) {
		t.Error("the expired certificate is shown")
	}
}

// N1: a member that is removed loses the connections it has.
func TestN1_RemovedMemberIsCutOff(t *testing.T) {
	ca := newCA(t, cluster)
	var removed atomic.Bool
	a := node(t, ca, "n1", func(o *peer.Options) {
		o.Admit = func(m peer.Member) error {
			if m.Node == "n2" && removed.Load() {
				return errs.New(errs.Forbidden, "", "node n2 was removed")
			}
			return nil
		}
	})
	b, c := node(t, ca, "n2"), node(t, ca, "n3")
	out, _ := raftPair(t, a, b)
	_, in := raftPair(t, b, a)
	stays, staysToo := raftPair(t, a, c)
	a.Recheck()
	say(t, out, in, "") // nothing has changed
	removed.Store(true)
	a.Recheck()
	wantCut(t, out)
	wantCut(t, in)
	say(t, stays, staysToo, "others stay")
	_, err := b.DialRaft(a.addr(), time.Minute)
	if errs.CodeOf(err) != peer.CodeRefused || !strings.Contains(err.Error(), "node n2 was removed") {
		t.Errorf("the removed node is told %v", err)
	}
	if _, err := a.DialRaft(b.addr(), time.Minute); errs.CodeOf(err) != peer.CodeRefused {
		t.Errorf("DialRaft of the removed node = %v", err)
	}
	a.log.wantRefusal(t, "node n2 was removed")
	if n := a.Open(); n != 1 {
		t.Errorf("%d connections are open, want 1", n)
	}
}

// N1: whoever runs the port need not know who was removed, only Admit must.
func TestN1_OpenConnectionsAreLookedAtAgain(t *testing.T) {
	ca := newCA(t, cluster)
	var removed atomic.Bool
	a := serve(t, peer.Options{
		Self: member("n1"), Credentials: credentials(t, ca, member("n1"), time.Now()),
		Admit: func(peer.Member) error {
			if removed.Load() {
				return errors.New("removed")
			}
			return nil
		},
	}, func(p *peer.Port) { p.SetRecheck(time.Millisecond) })
	dialed, accepted := raftPair(t, node(t, ca, "n2"), a)
	say(t, dialed, accepted, "a member")
	removed.Store(true)
	wantCut(t, accepted)
	wantCut(t, dialed)
}

// F28: without file descriptors nothing can be accepted; when there are some, it is.
func TestF28_AcceptingGoesOnAfterFailures(t *testing.T) {
	ca := newCA(t, cluster)
	a := serve(t, peer.Options{Self: member("n1"), Credentials: credentials(t, ca, member("n1"), time.Now())},
		func(p *peer.Port) { p.FailAccept(syscall.EMFILE, syscall.ENFILE, syscall.ECONNABORTED) })
	raftPair(t, node(t, ca, "n2"), a)
}

// hanging is a log whose disk hangs.
type hanging struct {
	*watched
	free chan struct{}
}

func (h hanging) Handle(context.Context, slog.Record) error {
	<-h.free
	return nil
}

// P8: a node that hangs falls silent, whatever it hangs in.
func TestP8_SilenceWaitsForNothing(t *testing.T) {
	ca := newCA(t, cluster)
	free, freeLog := make(chan struct{}), make(chan struct{})
	entered := make(chan struct{}, 8)
	var hang atomic.Bool
	a := node(t, ca, "n1", func(o *peer.Options) {
		o.Log = slog.New(hanging{&watched{}, freeLog})
		o.Admit = func(peer.Member) error {
			if hang.Load() {
				entered <- struct{}{}
				<-free
			}
			return nil
		}
	})
	b := node(t, ca, "n2")
	defer close(freeLog)
	_, accepted := raftPair(t, a, b)
	dialed, _ := raftPair(t, b, a)
	silentIn, _ := raftPair(t, b, a)
	hang.Store(true)
	results := make(chan error, 2)
	go func() { _, err := a.DialRaft(b.addr(), time.Hour); results <- err }()
	go func() { _, err := b.DialRaft(a.addr(), time.Hour); results <- err }()
	<-entered
	<-entered

	a.Silence()
	if n := a.Open(); n != 0 {
		t.Errorf("%d connections are left", n)
	}
	if _, err := accepted.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("a connection that the silent node dialed: %v, want it reset", err)
	}
	if _, err := dialed.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("a connection that the silent node accepted: %v, want it reset", err)
	}
	wantCut(t, silentIn)
	if _, err := b.DialRaft(a.addr(), time.Minute); errs.CodeOf(err) != peer.CodeUnreachable {
		t.Errorf("DialRaft of a silent node = %v", err)
	}
	if _, err := a.DialRaft(b.addr(), time.Minute); errs.CodeOf(err) != peer.CodeUnreachable {
		t.Errorf("DialRaft by a silent node = %v", err)
	}
	hang.Store(false)
	close(free)
	for range 2 {
		if err := <-results; errs.CodeOf(err) != peer.CodeUnreachable {
			t.Errorf("a handshake that silence met: %v", err)
		}
	}
	a.Speak()
	again, accepted2 := raftPair(t, b, a)
	say(t, again, accepted2, "alive")
	back, err := a.DialRaft(b.addr(), time.Minute)
	if err != nil {
		t.Fatalf("DialRaft by a node that speaks again: %v", err)
	}
	_ = back.Close()
}

// N3: one member cannot take the places of the others.
func TestN3_ConnectionsOfAMemberAreBounded(t *testing.T) {
	ca := newCA(t, cluster)
	a, b, c := node(t, ca, "n1"), node(t, ca, "n2"), node(t, ca, "n3")
	var last net.Conn
	for range peer.MaxRaftConns {
		_, last = raftPair(t, b, a)
	}
	_, err := b.DialRaft(a.addr(), time.Minute)
	if errs.CodeOf(err) != peer.CodeRefused || !strings.Contains(err.Error(), "connections") {
		t.Errorf("one connection more: %v", err)
	}
	a.log.wantRefusal(t, "has 32 connections")
	raftPair(t, c, a)
	_ = last.Close()
	_ = last.Close() // gives one place back, not two
	raftPair(t, b, a)
	if _, err := b.DialRaft(a.addr(), time.Minute); errs.CodeOf(err) != peer.CodeRefused {
		t.Errorf("one connection more, again: %v", err)
	}
}

// N3: handshakes cost something, and anybody can begin one. A flood of them keeps
// nobody out who comes from an address that members come from, or are at: a node that
// has just started may be flooded before anybody has come.
func TestN3_HandshakesAreBounded(t *testing.T) {
	t.Run("from where a member has come", func(t *testing.T) {
		ca := newCA(t, cluster)
		a, b := node(t, ca, "n1"), node(t, ca, "n2")
		raftPair(t, b, a) // from 127.0.0.1
		flood(t, a, b)
	})
	t.Run("from where a member was found", func(t *testing.T) {
		ca := newCA(t, cluster)
		a, b := node(t, ca, "n1"), node(t, ca, "n2")
		raftPair(t, a, b)
		flood(t, a, b)
	})
}

// flood begins handshakes with a from other addresses than b's, as many as there may be.
func flood(t *testing.T, a, b *running) {
	var held []net.Conn
	defer func() {
		for _, c := range held {
			_ = c.Close()
		}
	}()
	open := func(from byte) (net.Conn, error) {
		d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, from)}}
		c, err := d.Dial("tcp", a.addr())
		if err == nil {
			held = append(held, c)
		}
		return c, err
	}
	for n := range peer.MaxHandshakes {
		if n == peer.MaxHandshakesAddress {
			// The port takes them in order: all before are counted.
			if c, err := open(2); err == nil {
				wantCut(t, c)
			}
		}
		if _, err := open(2 + byte(n/peer.MaxHandshakesAddress)); err != nil {
			t.Fatal(err)
		}
	}
	if c, err := open(9); err == nil {
		wantCut(t, c)
	}
	raftPair(t, b, a)
	// A place that becomes free is anybody's.
	for range 2 {
		if _, err := held[0].Write([]byte("no TLS")); err != nil {
			t.Fatal(err)
		}
		a.log.wantRefusal(t, "TLS: ")
		c, err := open(9)
		if err != nil {
			t.Fatal(err)
		}
		held[0] = c
	}
}

// N3: whoever connects and says nothing is not waited for.
func TestN3_HandshakeEndsInTime(t *testing.T) {
	ca := newCA(t, cluster)
	quick := func(p *peer.Port) { p.SetHandshakeLimit(50 * time.Millisecond) }
	a := serve(t, peer.Options{Self: member("n1"), Credentials: credentials(t, ca, member("n1"), time.Now())}, quick)
	raw, err := net.Dial("tcp", a.addr())
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	wantCut(t, raw)
	a.log.wantRefusal(t, "TLS: ")

	cert := certificate(t, ca, member("n2"), time.Now())
	s := stranger{protocols: []string{peer.ProtocolRaft}, cert: &cert}
	s.hello = func(state tls.ConnectionState) []byte { return says(member("n2"))(state)[:9] }
	s.try(t, a.addr())
	a.log.wantRefusal(t, "") // in the hello; on a slow machine before
	if n := a.Open(); n != 0 {
		t.Errorf("%d connections are left", n)
	}

	ln, err := net.Listen("tcp", "127.0.0.1:0") // says nothing
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	if _, err := a.DialRaft(ln.Addr().String(), time.Hour); errs.CodeOf(err) != peer.CodeUnreachable {
		t.Errorf("DialRaft = %v", err)
	}
}

// N3: raft decodes a message as it arrives. What a message says of its length does not
// matter: reading ends at the bound.
func TestN3_MessagesOfRaftAreBounded(t *testing.T) {
	ca := newCA(t, cluster)
	a, b := node(t, ca, "n1"), node(t, ca, "n2")
	for _, tt := range []struct {
		name  string
		limit int
		flip  bool
	}{
		{"a request", peer.MaxRequest, false},
		{"an answer", peer.MaxAnswer, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			from, to := raftPair(t, a, b)
			if tt.flip {
				from, to = to, from
			}
			pour := func(n int) <-chan error {
				done := make(chan error, 1)
				go func() { _, err := from.Write(make([]byte, n)); done <- err }()
				return done
			}
			written := pour(tt.limit)
			if _, err := io.CopyN(io.Discard, to, int64(tt.limit)); err != nil {
				t.Fatalf("a message of the longest kind: %v", err)
			}
			if err := <-written; err != nil {
				t.Fatal(err)
			}
			say(t, to, from, "next")
			written = pour(tt.limit + 1)
			n, err := io.Copy(io.Discard, to)
			if err == nil || n > int64(tt.limit) {
				t.Errorf("%d bytes were read, then %v", n, err)
			}
			<-written
			wantCut(t, from)
		})
	}
}

func TestCloseEndsEverything(t *testing.T) {
	ca := newCA(t, cluster)
	a, b := node(t, ca, "n1"), node(t, ca, "n2")
	dialed, accepted := raftPair(t, a, b)
	waiting := make(chan error, 1)
	go func() { _, err := a.Raft().Accept(); waiting <- err }()
	for range 2 {
		if err := a.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	}
	for side, c := range map[string]net.Conn{"this": dialed, "the other": accepted} {
		if _, err := c.Read(make([]byte, 1)); err != io.EOF {
			t.Errorf("Read on %s side = %v, want EOF", side, err)
		}
	}
	if err := <-waiting; !errors.Is(err, net.ErrClosed) {
		t.Errorf("Accept = %v", err)
	}
	if _, err := a.DialRaft(b.addr(), time.Minute); errs.CodeOf(err) != peer.CodeUnreachable {
		t.Errorf("DialRaft of a closed port = %v", err)
	}
	if _, err := b.DialRaft(a.addr(), time.Minute); errs.CodeOf(err) != peer.CodeUnreachable {
		t.Errorf("DialRaft to a closed port = %v", err)
	}
}

func TestListenRefuses(t *testing.T) {
	ca := newCA(t, cluster)
	creds := credentials(t, ca, member("n1"), time.Now())
	used := node(t, ca, "n1")
	for _, tt := range []struct {
		name, addr string
		self       peer.Member
	}{
		{"an address in use", used.addr(), member("n1")},
		{"no address", "nowhere", member("n1")},
		{"no id", "127.0.0.1:0", peer.Member{Cluster: cluster, Node: "n1"}},
		{"an id that no certificate could hold", "127.0.0.1:0", peer.Member{Cluster: "c 1", Node: "n1", Incarnation: "x"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p, err := peer.Listen(tt.addr, peer.Options{Log: slog.New(slog.DiscardHandler), Self: tt.self, Credentials: creds})
			if err == nil {
				_ = p.Close()
				t.Error("Listen takes it")
			}
		})
	}
}
