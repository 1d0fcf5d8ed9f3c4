package peer_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"flag"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"dashd/internal/errs"
	"dashd/internal/peer"
)

var update = flag.Bool("update", false, "write the golden files")

// token lets a node join ca's cluster at addresses.
func token(ca *peer.CA, addresses ...string) peer.Token {
	return peer.Token{
		ID: "t1", Secret: [32]byte{1, 2, 3}, Cluster: cluster,
		CA: peer.Fingerprint(ca.CertDER()), Addresses: addresses,
	}
}

func sampleToken() peer.Token {
	t := peer.Token{
		ID: "0198c0de-7a11-7000-8000-000000000001", Cluster: "3b7c9a52-8f0e-4d7b-9a3e-5d2f1c0b4a69",
		Addresses: []string{"10.0.0.1:7946", "node2.example:7946", "[2001:db8::3]:7946"},
	}
	for i := range t.Secret {
		t.Secret[i], t.CA[i] = byte(i), byte(255-i)
	}
	return t
}

// golden compares with a file of testdata.
func golden(t *testing.T, name string, got []byte) []byte {
	t.Helper()
	file := "testdata/" + name
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want := mustRead(t, file)
	if !bytes.Equal(got, want) {
		t.Errorf("the bytes of %s are no longer written", file)
	}
	return want
}

// A token may be carried from one version of dashd to the next.
func TestGoldenToken(t *testing.T) {
	want := sampleToken()
	text := golden(t, "v1.token", []byte(want.String()+"\n"))
	if got, err := peer.ParseToken(string(text)); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("ParseToken = %+v, %v; want %+v", got, err, want)
	}
}

func TestParseTokenRefuses(t *testing.T) {
	good := sampleToken().String()
	body := strings.TrimPrefix(good, "dashd-join-1_")
	raw, err := base64.RawURLEncoding.DecodeString(body)
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct{ name, text, want string }{
		{"nothing", "", "no join token"},
		{"something else", "dk_live_0123456789", "no join token"},
		{"a later format", "dashd-join-2_" + body, "no join token"},
		{"the beginning alone", "dashd-join-1_", "typing error"},
		{"another character", good[:40] + other(good[40]) + good[41:], "typing error"},
		{"a character too few", good[:40] + good[41:], "typing error"},
		{"the first half", good[:len(good)/2], "typing error"},
		{"two characters changed places", good[:41] + good[42:43] + good[41:42] + good[43:], "typing error"},
		{"a line break within", good[:40] + "\n" + good[40:], "typing error"},
		{"padding", good + "=", "typing error"},
		{"no base64", good[:40] + "!" + good[41:], "typing error"},
		{"much too long", good + strings.Repeat("A", 9000), "characters"},
		{"the same bytes of another format", "dashd-join-1_" + withSum(append([]byte{1}, raw[:len(raw)-4]...)), "version"},
		{"no addresses", "dashd-join-1_" + withSum(noAddresses(raw)), "addresses"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := peer.ParseToken(tt.text)
			if errs.KindOf(err) != errs.Invalid || errs.CodeOf(err) != peer.CodeToken || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("ParseToken = %v, want %q", err, tt.want)
			}
			if err != nil && len(tt.text) > 40 && strings.Contains(err.Error(), tt.text[20:30]) {
				t.Errorf("the error shows the token: %v", err)
			}
		})
	}
}

// other is another character of base64url than c.
func other(c byte) string {
	if c == 'A' {
		return "B"
	}
	return "A"
}

func TestTokenTextIsTakenWithSpaceAroundIt(t *testing.T) {
	want := sampleToken()
	if got, err := peer.ParseToken("  " + want.String() + "\r\n"); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("ParseToken = %+v, %v", got, err)
	}
}

func TestIncompleteTokensHaveNoText(t *testing.T) {
	for name, change := range map[string]func(*peer.Token){
		"no id":                     func(k *peer.Token) { k.ID = "" },
		"no cluster":                func(k *peer.Token) { k.Cluster = "" },
		"no address":                func(k *peer.Token) { k.Addresses = nil },
		"an address without a port": func(k *peer.Token) { k.Addresses = []string{"10.0.0.1"} },
		"a port without an address": func(k *peer.Token) { k.Addresses = []string{":7946"} },
		"an address with a space":   func(k *peer.Token) { k.Addresses = []string{"a b:7946"} },
		"too many addresses":        func(k *peer.Token) { k.Addresses = make([]string, 17) },
	} {
		k := sampleToken()
		change(&k)
		if text := k.String(); text != "" {
			t.Errorf("%s: %q", name, text)
		}
		if _, _, err := k.Post(context.Background(), "/join", nil); errs.KindOf(err) != errs.Invalid {
			t.Errorf("%s: Post = %v", name, err)
		}
	}
}

func TestTokensAreNotLogged(t *testing.T) {
	var out bytes.Buffer
	k := sampleToken()
	slog.New(slog.NewTextHandler(&out, nil)).Info("joining", "token", k)
	if line := out.String(); strings.Contains(line, "dashd-join") || !strings.Contains(line, k.ID) {
		t.Errorf("the log line is %s", line)
	}
}

// A token's bearer sends nothing to a node that is not of the token's cluster.
func TestPostTrustsTheFingerprintOnly(t *testing.T) {
	ca := newCA(t, cluster)
	foreign, second := newCA(t, cluster), newCA(t, "c2")
	now := time.Now()
	n1 := member("n1")
	stolen := certificate(t, foreign, n1, now)
	stolen.Certificate[1] = ca.CertDER() // shows the true authority, but is signed by its own
	alone := certificate(t, ca, n1, now)
	alone.Certificate = alone.Certificate[:1]
	authority := tls.Certificate{Certificate: [][]byte{ca.CertDER()}, PrivateKey: certificate(t, ca, n1, now).PrivateKey}
	for _, tt := range []struct {
		name string
		cert tls.Certificate
	}{
		{"another authority", certificate(t, foreign, n1, now)},
		{"another cluster", certificate(t, second, peer.Member{Cluster: "c2", Node: "n1", Incarnation: "x"}, now)},
		{"a certificate that has expired", certificate(t, ca, n1, now.Add(-90*24*time.Hour))},
		{"the true authority shown beside a false certificate", stolen},
		{"the authority not shown", alone},
		{"the authority's certificate alone", authority},
		{"a certificate not for servers", tls.Certificate{
			Certificate: [][]byte{odd(t, ca, func(c *x509.Certificate) { c.ExtKeyUsage = c.ExtKeyUsage[1:] }).Certificate[0], ca.CertDER()},
			PrivateKey:  certificate(t, ca, n1, now).PrivateKey,
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			addr, heard := joinImpostor(t, tt.cert)
			if _, _, err := token(ca, addr).Post(context.Background(), "/join", []byte("secret")); errs.CodeOf(err) != peer.CodeUnreachable {
				t.Errorf("Post = %v", err)
			}
			if got := <-heard; got != "" {
				t.Errorf("it was sent %q", got)
			}
		})
	}
	t.Run("the true node", func(t *testing.T) {
		addr, heard := joinImpostor(t, certificate(t, ca, n1, now))
		_, _, err := token(ca, addr).Post(context.Background(), "/join", []byte("secret"))
		if got := <-heard; !strings.HasPrefix(got, "POST /join HTTP/1.1") {
			t.Errorf("it was sent %q; Post = %v", got, err)
		}
	})
}

// joinImpostor accepts one connection of a node that joins, and tells the first line it
// hears.
func joinImpostor(t *testing.T, cert tls.Certificate) (addr string, heard <-chan string) {
	t.Helper()
	ln, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{cert}, NextProtos: []string{peer.ProtocolJoin}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ln.Close() })
	told := make(chan string, 1)
	go func() {
		defer close(told)
		c, err := ln.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		b := make([]byte, 64)
		n, _ := c.Read(b)
		told <- string(b[:n])
	}()
	return ln.Addr().String(), told
}

func TestPostAsksOneAddressAfterTheOther(t *testing.T) {
	ca := newCA(t, cluster)
	answers := func(name string, status int) *running {
		return node(t, ca, name, func(o *peer.Options) {
			o.Joiners = handler(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(status)
				fmt.Fprint(w, name)
			})
		})
	}
	busy, busy2, good, refuses := answers("n1", 503), answers("n2", 503), answers("n3", 200), answers("n4", 403)
	gone := answers("n5", 200)
	if err := gone.Close(); err != nil {
		t.Fatal(err)
	}
	long := node(t, ca, "n6", func(o *peer.Options) {
		o.Joiners = handler(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, 1<<20+1)) })
	})
	for _, tt := range []struct {
		name       string
		asked      []*running
		wantStatus int
		wantAnswer string
	}{
		{"the first that answers", []*running{gone, good, refuses}, 200, "n3"},
		{"after one that cannot now", []*running{busy, good}, 200, "n3"},
		{"a refusal is an answer", []*running{busy, refuses, good}, 403, "n4"},
		{"the last that cannot", []*running{busy, busy2, gone}, 503, "n2"},
		{"an answer that does not end is none", []*running{long, good}, 200, "n3"},
		{"nobody is there", []*running{gone}, 0, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var addresses []string
			for _, r := range tt.asked {
				addresses = append(addresses, r.addr())
			}
			status, answer, err := token(ca, addresses...).Post(context.Background(), "/join", nil)
			if status != tt.wantStatus || string(answer) != tt.wantAnswer || (err != nil) != (tt.wantStatus == 0) {
				t.Errorf("Post = %d %q, %v; want %d %q", status, answer, err, tt.wantStatus, tt.wantAnswer)
			}
		})
	}
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	if _, _, err := token(ca, good.addr()).Post(ended, "/join", nil); errs.KindOf(err) != errs.Unavailable {
		t.Errorf("Post of a request that has ended = %v", err)
	}
}
