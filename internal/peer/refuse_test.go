package peer_test

import (
	"crypto/ed25519"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"io"
	"math/big"
	"net"
	"net/url"
	"strings"
	"testing"
	"time"

	"dashd/internal/errs"
	"dashd/internal/peer"
)

// raftBytes is what a refused node would like raft to read: a request for a vote.
const raftBytes = "\x01\x85raft"

// stranger is somebody who dials the port and speaks TLS himself.
type stranger struct {
	protocols []string
	cert      *tls.Certificate
	version   uint16 // highest; 0: 1.3
	// hello is what he says after TLS; nil: nothing, he sends raft's bytes at once.
	hello func(state tls.ConnectionState) []byte
}

// try dials as the stranger and returns what the port says until it hangs up.
func (s stranger) try(t *testing.T, addr string) []byte {
	t.Helper()
	raw, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	if s.protocols == nil && s.cert == nil && s.version == 0 {
		_, _ = raw.Write([]byte(raftBytes))
		answer, _ := io.ReadAll(raw)
		return answer
	}
	conf := &tls.Config{InsecureSkipVerify: true, NextProtos: s.protocols, MaxVersion: s.version}
	if s.cert != nil {
		conf.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return s.cert, nil }
	}
	c := tls.Client(raw, conf)
	if c.Handshake() != nil {
		return nil
	}
	var frame []byte
	if s.hello != nil {
		frame = s.hello(c.ConnectionState())
	}
	_, _ = c.Write(append(frame, raftBytes...))
	answer, _ := io.ReadAll(c)
	return answer
}

// says is the hello of a node.
func says(m peer.Member) func(tls.ConnectionState) []byte {
	return func(state tls.ConnectionState) []byte { return peer.HelloFrame(state, peer.Dialed, m, "1.0.0") }
}

// odd is a certificate that Issue would not sign, but that the authority has.
func odd(t *testing.T, ca *peer.CA, change func(*x509.Certificate)) *tls.Certificate {
	t.Helper()
	public, private := newKey(t)
	uri, err := url.Parse("spiffe://c1/node/n2")
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{CommonName: "n2", SerialNumber: "n2-first"},
		URIs:         []*url.URL{uri},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(time.Hour),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	change(template)
	return &tls.Certificate{Certificate: [][]byte{ca.Sign(template, public)}, PrivateKey: private}
}

func named(uris ...string) func(*x509.Certificate) {
	return func(c *x509.Certificate) {
		c.URIs = nil
		for _, s := range uris {
			u, err := url.Parse(s)
			if err != nil {
				panic(err)
			}
			c.URIs = append(c.URIs, u)
		}
	}
}

// TestS9_RefusedBeforeRaftReadsAByte dials the port in every way that is not a
// member's. The log says why each is refused; raft gets none of them, and the port
// says nothing but, to holders of a certificate, the reason.
func TestS9_RefusedBeforeRaftReadsAByte(t *testing.T) {
	ca, foreign := newCA(t, cluster), newCA(t, cluster)
	other := newCA(t, "c2")
	now := time.Now()
	n2 := member("n2")
	good := certificate(t, ca, n2, now)
	of := func(ca *peer.CA, m peer.Member, at time.Time) *tls.Certificate {
		c := certificate(t, ca, m, at)
		return &c
	}
	raft := []string{peer.ProtocolRaft}
	with := func(m peer.Member, change func(*peer.Member)) peer.Member {
		change(&m)
		return m
	}
	bad := func(change func(frame []byte) []byte) func(tls.ConnectionState) []byte {
		return func(state tls.ConnectionState) []byte { return change(says(n2)(state)) }
	}
	node := node(t, ca, "n1", func(o *peer.Options) {
		o.Admit = func(m peer.Member) error {
			switch {
			case m.Node == "n9":
				return errs.New(errs.Forbidden, "", "node n9 was removed")
			case m.Incarnation != m.Node+"-first":
				return errs.New(errs.Forbidden, "", "node %s has incarnation %s-first", m.Node, m.Node)
			}
			return nil
		}
	})
	seed := ed25519.NewKeyFromSeed(ca.Seed())
	middle := odd(t, ca, func(c *x509.Certificate) {
		c.IsCA, c.BasicConstraintsValid, c.KeyUsage = true, true, x509.KeyUsageCertSign
	})
	middleCA, err := x509.ParseCertificate(middle.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	public, private := newKey(t)
	leaf := odd(t, ca, func(*x509.Certificate) {})
	template, err := x509.ParseCertificate(leaf.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	below, err := x509.CreateCertificate(nil, template, middleCA, public, middle.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}

	tests := []struct {
		name     string
		stranger stranger
		reason   string
		told     bool // the reason, by a refusal
	}{
		{"plaintext", stranger{}, "first record does not look like a TLS handshake", false},
		{"TLS 1.2", stranger{raft, &good, tls.VersionTLS12, says(n2)}, "unsupported versions", false},
		{"no protocol", stranger{nil, &good, 0, says(n2)}, "names 0 protocols", false},
		{"two protocols", stranger{[]string{peer.ProtocolRaft, peer.ProtocolJoin}, nil, 0, says(n2)}, "names 2 protocols", false},
		{"a protocol of the web", stranger{[]string{"h2"}, &good, 0, says(n2)}, `speaks "h2"`, false},
		{"no certificate, to raft", stranger{raft, nil, 0, says(n2)}, "didn't provide a certificate", false},
		{"no certificate, to what members ask", stranger{[]string{peer.ProtocolHTTP}, nil, 0, says(n2)}, "didn't provide a certificate", false},

		{"another authority of the same name", stranger{raft, of(foreign, n2, now), 0, says(n2)}, "certificate", false},
		{"another cluster", stranger{raft, of(other, with(n2, func(m *peer.Member) { m.Cluster = "c2" }), now), 0, says(n2)}, "certificate", false},
		{"expired", stranger{raft, of(ca, n2, now.Add(-90*24*time.Hour)), 0, says(n2)}, "expired", false},
		{"not valid yet", stranger{raft, odd(t, ca, func(c *x509.Certificate) { c.NotBefore = now.Add(30 * time.Minute) }), 0, says(n2)}, "not yet valid", false},
		{"the authority's own certificate", stranger{raft, &tls.Certificate{Certificate: [][]byte{ca.CertDER()}, PrivateKey: seed}, 0, says(n2)}, "certificate", false},
		{"another certificate between", stranger{raft, &tls.Certificate{Certificate: [][]byte{below, middle.Certificate[0]}, PrivateKey: private}, 0, says(n2)}, "certificate", false},
		{"signed by itself", stranger{raft, &tls.Certificate{Certificate: [][]byte{selfSigned(t, public, private)}, PrivateKey: private}, 0, says(n2)}, "certificate", false},
		{"not for clients", stranger{raft, odd(t, ca, func(c *x509.Certificate) { c.ExtKeyUsage = c.ExtKeyUsage[:1] }), 0, says(n2)}, "incompatible key usage", false},
		{"a name of another cluster", stranger{raft, odd(t, ca, named("spiffe://c2/node/n2")), 0, says(n2)}, "is of cluster c2", false},
		{"no name", stranger{raft, odd(t, ca, named()), 0, says(n2)}, "one name, a URI", false},
		{"two names", stranger{raft, odd(t, ca, named("spiffe://c1/node/n2", "spiffe://c1/node/n3")), 0, says(n2)}, "one name, a URI", false},
		{"a name of a host besides", stranger{raft, odd(t, ca, func(c *x509.Certificate) { c.DNSNames = []string{"n2"} }), 0, says(n2)}, "one name, a URI", false},
		{"a name of another kind", stranger{raft, odd(t, ca, named("spiffe://c1/user/n2")), 0, says(n2)}, "does not name a node", false},
		{"another scheme", stranger{raft, odd(t, ca, named("https://c1/node/n2")), 0, says(n2)}, "does not name a node", false},
		{"a name with more behind it", stranger{raft, odd(t, ca, named("spiffe://c1/node/n2?x")), 0, says(n2)}, "does not name a node", false},
		{"no incarnation", stranger{raft, odd(t, ca, func(c *x509.Certificate) { c.Subject.SerialNumber = "" }), 0, says(n2)}, "does not name a node", false},

		{"a removed node", stranger{raft, of(ca, member("n9"), now), 0, says(member("n9"))}, "node n9 was removed", true},
		{"an incarnation that is not on record", stranger{raft, of(ca, with(n2, func(m *peer.Member) { m.Incarnation = "second" }), now), 0, says(with(n2, func(m *peer.Member) { m.Incarnation = "second" }))}, "has incarnation n2-first", true},
		{"another incarnation than its certificate", stranger{raft, &good, 0, says(with(n2, func(m *peer.Member) { m.Incarnation = "second" }))}, "the hello names node n2", true},
		{"another node than its certificate", stranger{raft, &good, 0, says(member("n3"))}, "the hello names node n3", true},
		{"another cluster than its certificate", stranger{raft, &good, 0, says(with(n2, func(m *peer.Member) { m.Cluster = "c2" }))}, "of cluster c2", true},
		{"this node itself", stranger{raft, of(ca, member("n1"), now), 0, says(member("n1"))}, "is node n1 itself", true},
		{"a hello of another connection", stranger{raft, &good, 0, recorded(t, node.addr(), &good, n2)}, "of another connection", true},
		{"the hello of the other side", stranger{raft, &good, 0, func(state tls.ConnectionState) []byte {
			return peer.HelloFrame(state, peer.Accepted, n2, "1.0.0")
		}}, "of another connection", true},

		{"no hello", stranger{raft, &good, 0, nil}, "read hello: it begins with", false},
		{"a hello of a later format", stranger{raft, &good, 0, bad(func(b []byte) []byte { b[2] = 2; return b })}, "format 2", false},
		{"a hello of no kind", stranger{raft, &good, 0, bad(func(b []byte) []byte { b[3] = 9; return b })}, "kind 9", false},
		{"a refusal instead", stranger{raft, &good, 0, func(tls.ConnectionState) []byte { return peer.RefusalFrame("no\nthanks") }}, "refuses this one: no?thanks", false},
		{"a hello that is too long", stranger{raft, &good, 0, bad(func(b []byte) []byte { b[4], b[5] = 4, 1; return b })}, "1025 bytes", false},
		{"a hello with more behind it", stranger{raft, &good, 0, bad(func(b []byte) []byte { b[5] += 2; return append(b, 0, 0) })}, "2 bytes follow", false},
		{"a hello that ends early", stranger{raft, &good, 0, bad(func(b []byte) []byte { b[5] -= 2; return b })}, "ends early", false},
		{"ids that are none", stranger{raft, &good, 0, says(with(n2, func(m *peer.Member) { m.Node = "a b" }))}, "is no id", false},
		{"a version that is no text", stranger{raft, &good, 0, func(state tls.ConnectionState) []byte {
			return peer.HelloFrame(state, peer.Dialed, n2, "1\n0")
		}}, "read hello: version", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			answer := tt.stranger.try(t, node.addr())
			node.log.wantRefusal(t, tt.reason)
			_, _, _, err := peer.ReadHello(strings.NewReader(string(answer)))
			if tt.told {
				if errs.CodeOf(err) != peer.CodeRefused || !strings.Contains(err.Error(), tt.reason) {
					t.Errorf("the node is told %v, want %q", err, tt.reason)
				}
			} else if len(answer) > 0 && tt.name != "plaintext" {
				t.Errorf("the node is told %q", answer)
			}
		})
	}
	t.Run("a member is let in, and is all that raft has seen", func(t *testing.T) {
		second := serve(t, peer.Options{Self: n2, Credentials: credentials(t, ca, n2, now.AddDate(0, 0, 70))}) // by a clock that was ahead
		dialed, accepted := raftPair(t, second, node)
		say(t, dialed, accepted, raftBytes)
		say(t, accepted, dialed, "voted")
	})
}

// selfSigned is a certificate that names a node and that no authority has seen.
func selfSigned(t *testing.T, public ed25519.PublicKey, private ed25519.PrivateKey) []byte {
	t.Helper()
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	named("spiffe://c1/node/n2")(template)
	der, err := x509.CreateCertificate(nil, template, template, public, private)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

// recorded is a hello that was good once: on a connection to the same node.
func recorded(t *testing.T, addr string, cert *tls.Certificate, m peer.Member) func(tls.ConnectionState) []byte {
	t.Helper()
	c, err := tls.Dial("tcp", addr, &tls.Config{
		InsecureSkipVerify: true, NextProtos: []string{peer.ProtocolHTTP}, Certificates: []tls.Certificate{*cert},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	frame := says(m)(c.ConnectionState())
	if _, err := c.Write(frame); err != nil {
		t.Fatal(err)
	}
	if _, _, _, err := peer.ReadHello(c); err != nil {
		t.Fatalf("the hello was not good the first time: %v", err)
	}
	return func(tls.ConnectionState) []byte { return frame }
}

// TestS9_TheSideThatDialsRefusesToo lets a member dial all that is not the node it
// means. None of it gets a byte behind the hello.
func TestS9_TheSideThatDialsRefusesToo(t *testing.T) {
	ca := newCA(t, cluster)
	now := time.Now()
	n2 := member("n2")
	good := certificate(t, ca, n2, now)
	of := func(ca *peer.CA, m peer.Member, at time.Time) *tls.Certificate {
		c := certificate(t, ca, m, at)
		return &c
	}
	answers := func(m peer.Member) func(tls.ConnectionState) []byte {
		return func(state tls.ConnectionState) []byte { return peer.HelloFrame(state, peer.Accepted, m, "1.0.0") }
	}
	second := n2
	second.Incarnation = "second"
	tests := []struct {
		name   string
		cert   *tls.Certificate // nil: plaintext
		max    uint16
		hello  func(tls.ConnectionState) []byte // nil: hangs up
		reason string
	}{
		{"plaintext", nil, 0, nil, "first record does not look like a TLS handshake"},
		{"TLS 1.2", &good, tls.VersionTLS12, nil, "protocol version"},
		{"another authority", of(newCA(t, cluster), n2, now), 0, answers(n2), "certificate is not valid"},
		{"another cluster", of(newCA(t, "c2"), peer.Member{Cluster: "c2", Node: "n2", Incarnation: "x"}, now), 0, answers(n2), "certificate is not valid"},
		{"expired", of(ca, n2, now.Add(-90*24*time.Hour)), 0, answers(n2), "expired"},
		{"not for servers", odd(t, ca, func(c *x509.Certificate) { c.ExtKeyUsage = c.ExtKeyUsage[1:] }), 0, answers(n2), "incompatible key usage"},
		{"a name of another cluster", odd(t, ca, named("spiffe://c2/node/n2")), 0, answers(n2), "is of cluster c2"},
		{"no answer", &good, 0, nil, "read hello"},
		{"another node than its certificate", &good, 0, answers(member("n3")), "the hello names node n3"},
		{"another incarnation than its certificate", &good, 0, answers(second), "the hello names node n2"},
		{"its own words come back", &good, 0, says(n2), "of another connection"},
		{"a removed node", of(ca, member("n9"), now), 0, answers(member("n9")), "n9 was removed"},
		{"itself", of(ca, member("n1"), now), 0, answers(member("n1")), "is node n1 itself"},
		{"another member at the address", of(ca, member("n3"), now), 0, answers(member("n3")), "node n3 answers there, not node \"n2\""},
		{"a refusal", &good, 0, func(tls.ConnectionState) []byte { return peer.RefusalFrame("you were removed") }, "refuses this one: you were removed"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			addr, heard := impostor(t, tt.cert, tt.max, tt.hello)
			dialer := node(t, ca, "n1", func(o *peer.Options) {
				o.Admit = func(m peer.Member) error {
					if m.Node == "n9" {
						return errs.New(errs.Forbidden, "", "node n9 was removed")
					}
					return nil
				}
			})
			c, err := dialer.DialRaft("n2@"+addr, time.Minute)
			if err == nil {
				_ = c.Close()
				t.Fatal("DialRaft trusts it")
			}
			code := errs.CodeOf(err)
			if errs.KindOf(err) != errs.Unavailable || code != peer.CodeRefused && code != peer.CodeUnreachable || !strings.Contains(err.Error(), tt.reason) {
				t.Errorf("DialRaft = %s %v, want %q", code, err, tt.reason)
			}
			if more := <-heard; len(more) > 0 {
				t.Errorf("it was sent %q", more)
			}
			if n := dialer.Open(); n != 0 {
				t.Errorf("%d connections are left", n)
			}
		})
	}
}

// impostor answers one connection, and tells what it heard behind the hello.
func impostor(t *testing.T, cert *tls.Certificate, highest uint16, hello func(tls.ConnectionState) []byte) (addr string, heard <-chan []byte) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ln.Close() })
	told := make(chan []byte, 1)
	go func() {
		defer close(told)
		raw, err := ln.Accept()
		if err != nil {
			return
		}
		defer raw.Close()
		if cert == nil {
			_, _ = raw.Write([]byte("welcome, whoever you are"))
			return
		}
		c := tls.Server(raw, &tls.Config{
			Certificates: []tls.Certificate{*cert}, NextProtos: []string{peer.ProtocolRaft},
			ClientAuth: tls.RequestClientCert, MaxVersion: highest,
		})
		if c.Handshake() != nil {
			return
		}
		if _, _, _, err := peer.ReadHello(c); err != nil || hello == nil {
			return
		}
		_, _ = c.Write(hello(c.ConnectionState()))
		more, err := io.ReadAll(c)
		if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !isReset(err) {
			t.Errorf("the impostor reads: %v", err)
		}
		told <- more
	}()
	return ln.Addr().String(), told
}

func isReset(err error) bool {
	var op *net.OpError
	return errors.As(err, &op)
}
