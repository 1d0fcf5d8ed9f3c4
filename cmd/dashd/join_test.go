package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"dashd/internal/cluster"
	"dashd/internal/commands"
	"dashd/internal/errs"
	"dashd/internal/peer"
	"dashd/internal/seal"
)

// host is a cluster that can be joined, as far as a node that joins sees it: a real cluster
// port, and an authority that lets in whom it is told to.
type host struct {
	ca    *peer.CA
	key   seal.Key
	token peer.Token

	mu    sync.Mutex
	asked []joinRequest
	// answer, if not nil, is given instead of the good one.
	answer func(w http.ResponseWriter, good *joinAnswer) error
}

func newHost(t *testing.T) *host {
	t.Helper()
	ca, err := peer.NewCA("c1", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	h := &host{ca: ca, key: seal.NewKey(), token: peer.Token{ID: "t1", Secret: [32]byte{7}, Cluster: "c1", CA: peer.Fingerprint(ca.CertDER())}}
	self := peer.Member{Cluster: "c1", Node: "n1", Incarnation: "i1"}
	own, err := peer.OpenCredentials(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	csr, err := own.Request()
	if err != nil {
		t.Fatal(err)
	}
	cert, err := ca.Issue(self, csr, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if err := own.Install(cert, ca.CertDER()); err != nil {
		t.Fatal(err)
	}
	port, err := peer.Listen("127.0.0.1:0", peer.Options{
		Log: slog.New(slog.DiscardHandler), Self: self, Version: version, Credentials: own, Joiners: http.HandlerFunc(h.join),
	})
	if err != nil {
		t.Fatal(err)
	}
	h.token.Addresses = []string{port.Addr().String()}
	ended := make(chan error, 1)
	go func() { ended <- port.Serve(context.Background()) }()
	t.Cleanup(func() {
		if err := port.Close(); err != nil {
			t.Error(err)
		}
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return h
}

func (h *host) join(w http.ResponseWriter, r *http.Request) {
	h.mu.Lock()
	defer h.mu.Unlock()
	body, _ := io.ReadAll(r.Body)
	q, err := parseJoin(body)
	if err != nil || r.URL.Path != joinPath {
		http.Error(w, "no", http.StatusBadRequest)
		return
	}
	h.asked = append(h.asked, *q)
	m := &membership{log: slog.New(slog.DiscardHandler)}
	a := &joinAnswer{Format: joinFormat, ClusterID: "c1", Authority: h.ca.CertDER(), ClusterKey: h.key[:]}
	a.Certificate, err = h.ca.Issue(peer.Member{Cluster: "c1", Node: q.Node, Incarnation: q.Incarnation}, q.Request, time.Now())
	if err == nil && h.answer != nil {
		err = h.answer(w, a)
	}
	m.answer(w, a, err)
}

// last is the last request.
func (h *host) last() joinRequest {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.asked[len(h.asked)-1]
}

func (h *host) count() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.asked)
}

// joinFrom joins from a directory, as "dashd serve --join" does.
func joinFrom(t *testing.T, dir, token string) error {
	t.Helper()
	own, err := peer.OpenCredentials(dir)
	if err != nil {
		t.Fatal(err)
	}
	return joinCluster(t.Context(), joining{Dir: dir, Credentials: own, Token: token, Address: "10.0.0.2:8788", Log: slog.New(slog.DiscardHandler)})
}

// wantMember checks that dir is that of a member of h's cluster, and returns which one.
func (h *host) wantMember(t *testing.T, dir string) peer.Member {
	t.Helper()
	own, err := peer.OpenCredentials(dir)
	if err != nil {
		t.Fatal(err)
	}
	file, err := cluster.JoinNodeFile(dir, "c1")
	if err != nil {
		t.Fatal(err)
	}
	id := file.Identity()
	m, ok := own.Member()
	if !ok || m != (peer.Member{Cluster: "c1", Node: id.NodeID, Incarnation: id.Incarnation}) {
		t.Errorf("the certificate is that of %+v, and the directory that of %+v", m, id)
	}
	if key, err := seal.ReadKey(filepath.Join(dir, seal.KeyFile)); err != nil || key != h.key {
		t.Errorf("the cluster's key: %v, right: %v", err, key == h.key)
	}
	for _, name := range []string{seal.KeyFile, peer.KeyFile, peer.CertFile, nodeFileName} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
	return m
}

func TestJoiningTwiceIsJoiningOnce(t *testing.T) {
	h, dir := newHost(t), t.TempDir()
	if err := joinFrom(t, dir, h.token.String()); err != nil {
		t.Fatal(err)
	}
	first := h.wantMember(t, dir)
	if q := h.last(); q.TokenID != "t1" || !bytes.Equal(q.Secret, h.token.Secret[:]) || q.Address != "10.0.0.2:8788" || q.Node != first.Node || q.Incarnation != first.Incarnation {
		t.Errorf("it has asked %+v", q)
	}
	// The same token, another of the cluster, or none: the node is in already.
	another := h.token
	another.ID, another.Secret = "t2", [32]byte{9}
	for _, token := range []string{h.token.String(), another.String(), ""} {
		if err := joinFrom(t, dir, token); err != nil || h.count() != 1 {
			t.Errorf("again: %v, asked %d times", err, h.count())
		}
	}
	if again := h.wantMember(t, dir); again != first {
		t.Errorf("it is %+v now, and was %+v", again, first)
	}
}

// However far a join has come when the process ends, the same command goes on with it: as the
// same node.
func TestJoinGoesOnAfterACrash(t *testing.T) {
	h, whole := newHost(t), t.TempDir()
	if err := joinFrom(t, whole, h.token.String()); err != nil {
		t.Fatal(err)
	}
	want := h.wantMember(t, whole)
	for _, tt := range []struct {
		name string
		left []string // what the crash has left
		same bool     // it is that node already
	}{
		{"before anything", nil, false},
		{"behind the key", []string{peer.KeyFile}, false},
		{"behind the identity, before the question or behind the answer", []string{peer.KeyFile, nodeFileName}, true},
		{"while the cluster's key was written", []string{peer.KeyFile, nodeFileName, seal.KeyFile + ".tmp"}, true},
		{"behind the cluster's key", []string{peer.KeyFile, nodeFileName, seal.KeyFile}, true},
		{"while the certificate was written", []string{peer.KeyFile, nodeFileName, seal.KeyFile, peer.CertFile + ".tmp"}, true},
		{"behind everything", []string{peer.KeyFile, nodeFileName, seal.KeyFile, peer.CertFile}, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			for _, name := range tt.left {
				content, err := os.ReadFile(filepath.Join(whole, strings.TrimSuffix(name, ".tmp")))
				if err != nil {
					t.Fatal(err)
				}
				if strings.HasSuffix(name, ".tmp") {
					content = content[:len(content)/2]
				}
				if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if err := joinFrom(t, dir, h.token.String()); err != nil {
				t.Fatal(err)
			}
			if got := h.wantMember(t, dir); (got == want) != tt.same {
				t.Errorf("it is %+v, and was %+v", got, want)
			}
		})
	}
}

// A node that was not let in must not begin a cluster of its own under the name of that one.
func TestNodeThatWasNotLetInDoesNotStart(t *testing.T) {
	h, dir := newHost(t), t.TempDir()
	h.answer = func(http.ResponseWriter, *joinAnswer) error {
		return errs.Wrap(&commands.JoinRefused{Reason: commands.ExpiredJoinToken}, errs.Unauthorized, "JOIN_TOKEN_REFUSED", "the join token has expired")
	}
	if err := joinFrom(t, dir, h.token.String()); errs.ExitCode(err) != errs.ExitIdentity || !strings.Contains(err.Error(), "the join token has expired") {
		t.Errorf("a refused join: %v", err)
	}
	if err := joinFrom(t, dir, ""); errs.ExitCode(err) != errs.ExitIdentity {
		t.Errorf("without a token: %v", err)
	}
	h.answer = nil
	if err := joinFrom(t, dir, h.token.String()); err != nil {
		t.Errorf("with a good token: %v", err)
	}
	h.wantMember(t, dir)
}

// While the cluster cannot answer, it is asked again; a lost answer is such a time too.
func TestJoinWaitsForTheCluster(t *testing.T) {
	h, dir := newHost(t), t.TempDir()
	tries := 0
	h.answer = func(http.ResponseWriter, *joinAnswer) error {
		switch tries++; tries {
		case 1:
			return errs.New(errs.Unavailable, "NOT_LEADER", "there is no leader")
		case 2:
			panic(http.ErrAbortHandler) // the answer is lost
		}
		return nil
	}
	if err := joinFrom(t, dir, h.token.String()); err != nil || h.count() != 3 {
		t.Fatalf("joined with %v, asked %d times", err, h.count())
	}
	m := h.wantMember(t, dir)
	for _, q := range h.asked {
		if q.Node != m.Node || q.Incarnation != m.Incarnation {
			t.Errorf("it has asked as %s in the life %s, and is %+v", q.Node, q.Incarnation, m)
		}
	}
}

func TestWhatDoesNotFitIsNotInstalled(t *testing.T) {
	other, err := peer.NewCA("c1", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name   string
		change func(*host, *joinAnswer)
	}{
		{"another cluster", func(_ *host, a *joinAnswer) { a.ClusterID = "c2" }},
		{"another authority", func(_ *host, a *joinAnswer) { a.Authority = other.CertDER() }},
		{"no key of the cluster", func(_ *host, a *joinAnswer) { a.ClusterKey = nil }},
		{"half a key", func(_ *host, a *joinAnswer) { a.ClusterKey = a.ClusterKey[:16] }},
		{"no certificate", func(_ *host, a *joinAnswer) { a.Certificate = nil }},
		{"the authority's certificate as the node's", func(_ *host, a *joinAnswer) { a.Certificate = a.Authority }},
		{"another format", func(_ *host, a *joinAnswer) { a.Format = 2 }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h, dir := newHost(t), t.TempDir()
			h.answer = func(_ http.ResponseWriter, a *joinAnswer) error { tt.change(h, a); return nil }
			if err := joinFrom(t, dir, h.token.String()); errs.ExitCode(err) != errs.ExitIdentity || h.count() != 1 {
				t.Errorf("%v, asked %d times", err, h.count())
			}
			if _, err := os.Stat(filepath.Join(dir, peer.CertFile)); err == nil {
				t.Error("there is a certificate")
			}
		})
	}
}

func TestDirectoryOfAnotherClusterDoesNotJoin(t *testing.T) {
	h := newHost(t)
	own := t.TempDir() // began a cluster of its own
	if _, err := cluster.OpenNodeFile(own, false); err != nil {
		t.Fatal(err)
	}
	keyed := t.TempDir() // has another cluster's key
	if err := seal.WriteKey(filepath.Join(keyed, seal.KeyFile), seal.NewKey()); err != nil {
		t.Fatal(err)
	}
	begun := t.TempDir() // began to join another one
	if _, err := cluster.JoinNodeFile(begun, "c2"); err != nil {
		t.Fatal(err)
	}
	for name, dir := range map[string]string{"its own": own, "another's key": keyed, "another's": begun} {
		if err := joinFrom(t, dir, h.token.String()); errs.ExitCode(err) != errs.ExitIdentity {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := joinFrom(t, t.TempDir(), "dashd-join-1_AAAA"); errs.ExitCode(err) != errs.ExitIdentity || strings.Contains(err.Error(), "AAAA") {
		t.Errorf("no token: %v", err)
	}
	fresh := t.TempDir()
	if err := joinFrom(t, fresh, ""); err != nil {
		t.Errorf("a new directory without a token: %v", err)
	}
	if _, err := os.Stat(filepath.Join(fresh, nodeFileName)); err == nil {
		t.Error("and that has made a node of it")
	}
}

// The answer holds the cluster's key: nothing of it may be logged.
func TestJoinLogsNoSecret(t *testing.T) {
	h, dir := newHost(t), t.TempDir()
	var text bytes.Buffer
	own, err := peer.OpenCredentials(dir)
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.NewJSONHandler(&text, &slog.HandlerOptions{Level: slog.LevelDebug}))
	tries := 0
	h.answer = func(http.ResponseWriter, *joinAnswer) error {
		if tries++; tries == 1 {
			return errs.New(errs.Unavailable, "NOT_LEADER", "there is no leader")
		}
		return nil
	}
	if err := joinCluster(t.Context(), joining{Dir: dir, Credentials: own, Token: h.token.String(), Address: "10.0.0.2:8788", Log: log}); err != nil {
		t.Fatal(err)
	}
	if text.Len() == 0 {
		t.Error("nothing is logged at all")
	}
	for name, secret := range map[string][]byte{"token": []byte(h.token.String()), "its secret": h.token.Secret[:], "key": h.key[:]} {
		encoded, err := json.Marshal(secret)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(text.Bytes(), secret) || bytes.Contains(text.Bytes(), bytes.Trim(encoded, `"=`)) {
			t.Errorf("the %s is in the log: %s", name, &text)
		}
	}
}

// A token may come in a file, which is written while the node waits. Once the node is in, the file
// may be gone, or hold anything.
func TestJoinTokenInAFile(t *testing.T) {
	h, dir := newHost(t), t.TempDir()
	file := filepath.Join(t.TempDir(), "token")
	joined := make(chan error, 1)
	go func() { joined <- joinFrom(t, dir, "@"+file) }()
	if err := writeToken(file, h.token.String()); err != nil {
		t.Fatal(err)
	}
	if err := <-joined; err != nil {
		t.Fatal(err)
	}
	h.wantMember(t, dir)
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file: %v, %v", info, err)
	}
	if err := os.WriteFile(file, []byte("something"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := joinFrom(t, dir, "@"+file); err != nil {
		t.Errorf("a member, with a file that holds no token: %v", err)
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	if err := joinFrom(t, dir, "@"+file); err != nil || h.count() != 1 {
		t.Errorf("a member, without the file: %v, asked %d times", err, h.count())
	}
	if err := joinFrom(t, t.TempDir(), "@"+t.TempDir()); errs.ExitCode(err) != errs.ExitIdentity {
		t.Errorf("a directory as the file: %v", err)
	}
}

// A node that could get no certificate must not use its token up: it would be a member that nobody
// can talk to, and the token would be gone.
func TestJoinWithoutACertificateRequestIsNotDecided(t *testing.T) {
	m := &membership{} // with no commands: whatever decides something panics
	for _, request := range [][]byte{nil, {2, 3}} {
		q := sampleJoin()
		q.Request = request
		if a, err := m.join(t.Context(), q); a != nil || errs.CodeOf(err) != "BAD_REQUEST" {
			t.Errorf("request %x: %+v, %v", request, a, err)
		}
	}
}
