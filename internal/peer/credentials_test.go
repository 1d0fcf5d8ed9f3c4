package peer_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"dashd/internal/errs"
	"dashd/internal/peer"
)

func TestCredentialsOutliveTheProcess(t *testing.T) {
	now := time.Now()
	ca := newCA(t, cluster)
	dir := t.TempDir()
	open := func() *peer.Credentials {
		t.Helper()
		c, err := peer.OpenCredentials(dir)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	c := open()
	if _, named := c.Member(); c.Ready() || named || !c.Expires().IsZero() || !c.RenewAt().IsZero() {
		t.Error("there is a certificate before one was issued")
	}
	cert := issue(t, c, ca, member("n1"), now)
	c = open() // the key is the one that made the request
	if err := c.Install(cert, ca.CertDER()); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]*peer.Credentials{"at once": c, "after a restart": open()} {
		m, _ := c.Member()
		if !c.Ready() || m != member("n1") {
			t.Errorf("%s: ready %v, member %v", name, c.Ready(), m)
		}
		if got, want := c.Expires(), now.Add(90*24*time.Hour).UTC().Truncate(time.Second); !got.Equal(want) {
			t.Errorf("%s: the certificate ends at %s, want %s", name, got, want)
		}
		if got, want := c.RenewAt().Sub(now).Hours()/24, 60.0; got < want-1 || got > want+1 {
			t.Errorf("%s: the certificate is renewed after %.1f days, want %.0f", name, got, want)
		}
	}
	for _, name := range []string{peer.KeyFile, peer.CertFile} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode().Perm(); got != 0o600 {
			t.Errorf("%s has mode %04o", name, got)
		}
	}
}

func TestInstallRefuses(t *testing.T) {
	now := time.Now()
	ca, otherCA := newCA(t, cluster), newCA(t, cluster)
	c := credentials(t, ca, member("n1"), now)
	good := issue(t, c, ca, member("n1"), now)
	other := member("n1")
	other.Incarnation = "second"
	tests := []struct {
		name     string
		cert, ca []byte
		want     errs.Kind
	}{
		{"no certificate", nil, ca.CertDER(), errs.Invalid},
		{"no authority", good, nil, errs.Invalid},
		{"an authority that did not sign it", good, otherCA.CertDER(), errs.Invalid},
		{"a certificate of another key", issue(t, empty(t), ca, member("n1"), now), ca.CertDER(), errs.Invalid},
		{"a certificate of another node", issue(t, c, ca, member("n2"), now), ca.CertDER(), errs.Conflict},
		{"a certificate of another incarnation", issue(t, c, ca, other, now), ca.CertDER(), errs.Conflict},
		{"another authority of the cluster", issue(t, c, otherCA, member("n1"), now), otherCA.CertDER(), errs.Conflict},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if err := c.Install(tt.cert, tt.ca); err == nil || errs.KindOf(err) != tt.want {
				t.Errorf("Install = %v, want kind %v", err, tt.want)
			}
			if m, _ := c.Member(); m != member("n1") {
				t.Errorf("the certificate now names %v", m)
			}
		})
	}
	if err := c.Install(good, ca.CertDER()); err != nil {
		t.Errorf("a new certificate: %v", err)
	}
}

// F16, F17, F18: damaged files are found when the node starts.
func TestF18_DamagedCredentialsAreRefused(t *testing.T) {
	ca := newCA(t, cluster)
	change := func(name string, f func([]byte) []byte) func(*testing.T, string) {
		return func(t *testing.T, dir string) {
			path := filepath.Join(dir, name)
			if err := os.WriteFile(path, f(mustRead(t, path)), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	flip := func(at float64) func([]byte) []byte {
		return func(b []byte) []byte { b[int(at*float64(len(b)))] ^= 1; return b }
	}
	other := t.TempDir()
	stranger, err := peer.OpenCredentials(other)
	if err != nil {
		t.Fatal(err)
	}
	install(t, stranger, ca, member("n2"), time.Now())
	tests := []struct {
		name   string
		damage func(*testing.T, string)
		want   int // exit code
	}{
		{"the key lost", func(t *testing.T, dir string) { remove(t, dir, peer.KeyFile) }, errs.ExitIntegrity},
		{"the key empty", change(peer.KeyFile, func([]byte) []byte { return nil }), errs.ExitIntegrity},
		{"a bit of the key flipped", change(peer.KeyFile, flip(0.6)), errs.ExitIntegrity},
		{"the key cut", change(peer.KeyFile, func(b []byte) []byte { return b[:len(b)/2] }), errs.ExitIntegrity},
		{"another node's key", change(peer.KeyFile, func([]byte) []byte { return mustRead(t, filepath.Join(other, peer.KeyFile)) }), errs.ExitIntegrity},
		{"another node's certificate", change(peer.CertFile, func([]byte) []byte { return mustRead(t, filepath.Join(other, peer.CertFile)) }), errs.ExitIntegrity},
		{"the certificate empty", change(peer.CertFile, func([]byte) []byte { return nil }), errs.ExitIntegrity},
		{"a bit of the certificate flipped", change(peer.CertFile, flip(0.3)), errs.ExitIntegrity},
		{"a bit of the authority flipped", change(peer.CertFile, flip(0.8)), errs.ExitIntegrity},
		{"the authority cut off", change(peer.CertFile, func(b []byte) []byte { return b[:len(b)/2] }), errs.ExitIntegrity},
		{"more in the file", change(peer.CertFile, func(b []byte) []byte { return append(b, b...) }), errs.ExitIntegrity},
		{"a file without an end", change(peer.CertFile, func([]byte) []byte { return make([]byte, 1<<20) }), errs.ExitIntegrity},
		{"a directory", func(t *testing.T, dir string) {
			remove(t, dir, peer.CertFile)
			if err := os.Mkdir(filepath.Join(dir, peer.CertFile), 0o700); err != nil {
				t.Fatal(err)
			}
		}, errs.ExitIntegrity},
		{"a key that others can read", func(t *testing.T, dir string) {
			if err := os.Chmod(filepath.Join(dir, peer.KeyFile), 0o640); err != nil {
				t.Fatal(err)
			}
		}, errs.ExitIdentity},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			c, err := peer.OpenCredentials(dir)
			if err != nil {
				t.Fatal(err)
			}
			install(t, c, ca, member("n1"), time.Now())
			tt.damage(t, dir)
			if _, err := peer.OpenCredentials(dir); errs.ExitCode(err) != tt.want {
				t.Errorf("OpenCredentials = %v with exit code %d, want %d", err, errs.ExitCode(err), tt.want)
			}
		})
	}
}

func remove(t *testing.T, dir, name string) {
	t.Helper()
	if err := os.Remove(filepath.Join(dir, name)); err != nil {
		t.Fatal(err)
	}
}

// A crash leaves the old file or the new one, and perhaps a beginning that means nothing.
func TestCrashWhileACertificateIsWritten(t *testing.T) {
	ca := newCA(t, cluster)
	dir := t.TempDir()
	c, err := peer.OpenCredentials(dir)
	if err != nil {
		t.Fatal(err)
	}
	install(t, c, ca, member("n1"), time.Now().Add(-50*24*time.Hour))
	old := c.Expires()
	for _, name := range []string{peer.KeyFile, peer.CertFile} {
		if err := os.WriteFile(filepath.Join(dir, name+".tmp"), []byte("half a"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c, err = peer.OpenCredentials(dir)
	if err != nil || !c.Expires().Equal(old) {
		t.Fatalf("OpenCredentials: %v", err)
	}
	install(t, c, ca, member("n1"), time.Now())
	c, err = peer.OpenCredentials(dir)
	if err != nil || !c.Expires().After(old) {
		t.Fatalf("OpenCredentials after another certificate: %v", err)
	}
}

// A certificate that is not durable is not used.
func TestInstallOnABrokenDisk(t *testing.T) {
	ca := newCA(t, cluster)
	dir := t.TempDir()
	c, err := peer.OpenCredentials(dir)
	if err != nil {
		t.Fatal(err)
	}
	cert := issue(t, c, ca, member("n1"), time.Now())
	if err := os.MkdirAll(filepath.Join(dir, peer.CertFile+".tmp", "in the way"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := c.Install(cert, ca.CertDER()); errs.ExitCode(err) != errs.ExitIO {
		t.Errorf("Install = %v, want exit code %d", err, errs.ExitIO)
	}
	if c.Ready() {
		t.Error("the certificate is used")
	}
	if _, err := os.Stat(filepath.Join(dir, peer.CertFile)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("Stat = %v", err)
	}
	if _, err := peer.OpenCredentials(filepath.Join(dir, "nowhere")); errs.ExitCode(err) != errs.ExitIO || !strings.Contains(err.Error(), peer.KeyFile) {
		t.Errorf("OpenCredentials of a directory that is not there = %v", err)
	}
}
