package peer

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"dashd/internal/errs"
)

// Files of the data directory. Both are PEM.
const (
	// KeyFile holds the node's private key. It never leaves the machine.
	KeyFile = "node.key"
	// CertFile holds the node's certificate, then that of the cluster's authority.
	CertFile = "node.crt"
)

// maxFile bounds what is read of either file.
const maxFile = 64 << 10

// Credentials are a node's key and certificate. Its methods may be called from any
// goroutine.
type Credentials struct {
	dir string
	key ed25519.PrivateKey // immutable after Open

	installing sync.Mutex
	now        atomic.Pointer[issued] // nil: there is no certificate yet
}

// issued is a certificate with what is needed to use it. It is immutable.
type issued struct {
	member Member
	cert   tls.Certificate // leaf, then authority
	leaf   *x509.Certificate
	ca     *x509.Certificate
	roots  *x509.CertPool
}

// OpenCredentials reads the node's key and certificate from dir. If there is no key,
// one is made, and is durable when OpenCredentials returns. The error asks for exit
// code 74 if the files are damaged, and 77 if others may read the key. Two processes
// must not use one directory: its lock sees to that.
func OpenCredentials(dir string) (*Credentials, error) {
	c := &Credentials{dir: dir}
	cert, err := c.read(CertFile, false)
	if err != nil {
		return nil, err
	}
	key, err := c.read(KeyFile, true)
	switch {
	case err != nil:
		return nil, err
	case key == nil && cert != nil:
		return nil, damaged("%s is there, but not the key it belongs to, %s", CertFile, KeyFile)
	case key == nil:
		return c, c.makeKey()
	}
	if c.key, err = parseKey(key); err != nil {
		return nil, err
	}
	if cert == nil {
		return c, nil
	}
	leaf, ca, err := parseChain(cert)
	if err != nil {
		return nil, err
	}
	now, err := c.check(leaf, ca)
	if err != nil {
		return nil, damaged("%s: %w", CertFile, err)
	}
	c.now.Store(now)
	return c, nil
}

func damaged(format string, args ...any) error {
	return errs.Stop(errs.ExitIntegrity, fmt.Errorf("node certificate: "+format, args...))
}

// read returns the content of a file of the directory, nil if there is none.
func (c *Credentials) read(name string, secret bool) ([]byte, error) {
	path := filepath.Join(c.dir, name)
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, errs.Stop(errs.ExitIO, fmt.Errorf("node certificate: %w", err))
	}
	if !info.Mode().IsRegular() || info.Size() > maxFile {
		return nil, damaged("%s is not a regular file of at most %d bytes", path, maxFile)
	}
	if perm := info.Mode().Perm(); secret && perm&0o077 != 0 {
		return nil, errs.Stop(errs.ExitIdentity, fmt.Errorf("%s has mode %04o; others must not read it: chmod 600 %[1]s", path, perm))
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, errs.Stop(errs.ExitIO, fmt.Errorf("node certificate: %w", err))
	}
	return b, nil
}

func (c *Credentials) makeKey() error {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return fmt.Errorf("make the node's key: %w", err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return fmt.Errorf("make the node's key: %w", err)
	}
	if err := c.write(KeyFile, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})); err != nil {
		return err
	}
	c.key = key
	return nil
}

func parseKey(text []byte) (ed25519.PrivateKey, error) {
	block, rest := pem.Decode(text)
	if block == nil || block.Type != "PRIVATE KEY" || len(bytes.TrimSpace(rest)) > 0 {
		return nil, damaged("%s holds no private key", KeyFile)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, damaged("%s: %w", KeyFile, err)
	}
	key, ok := parsed.(ed25519.PrivateKey)
	if !ok {
		return nil, damaged("%s is not an Ed25519 key", KeyFile)
	}
	return key, nil
}

func parseChain(text []byte) (leaf, ca []byte, err error) {
	first, rest := pem.Decode(text)
	second, rest := pem.Decode(rest)
	if first == nil || second == nil || first.Type != "CERTIFICATE" || second.Type != "CERTIFICATE" || len(bytes.TrimSpace(rest)) > 0 {
		return nil, nil, damaged("%s does not hold two certificates", CertFile)
	}
	return first.Bytes, second.Bytes, nil
}

// check returns the certificate ready for use, or why it is none of this node's key.
// It asks no clock: whether a certificate is valid now is seen when it is used.
func (c *Credentials) check(certDER, caDER []byte) (*issued, error) {
	ca, err := parseAuthority(caDER)
	if err != nil {
		return nil, err
	}
	leaf, err := x509.ParseCertificate(certDER)
	if err != nil {
		return nil, errs.Wrap(err, errs.Invalid, "", "the node's certificate does not parse")
	}
	if err := leaf.CheckSignatureFrom(ca); err != nil {
		return nil, errs.Wrap(err, errs.Invalid, "", "the node's certificate is not signed by the authority beside it")
	}
	if !c.key.Public().(ed25519.PublicKey).Equal(leaf.PublicKey) {
		return nil, errs.New(errs.Invalid, "", "the certificate is for another key")
	}
	m, err := memberOf(leaf)
	if err != nil {
		return nil, err
	}
	if m.Cluster != ca.Subject.CommonName {
		return nil, errs.New(errs.Invalid, "", "the authority of cluster %s has signed for cluster %s", ca.Subject.CommonName, m.Cluster)
	}
	roots := x509.NewCertPool()
	roots.AddCert(ca)
	return &issued{
		member: m,
		cert:   tls.Certificate{Certificate: [][]byte{leaf.Raw, ca.Raw}, PrivateKey: c.key, Leaf: leaf},
		leaf:   leaf, ca: ca, roots: roots,
	}, nil
}

// Request makes a certificate request, signed by the node's key.
func (c *Credentials) Request() (csrDER []byte, err error) {
	csrDER, err = x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{}, c.key)
	if err != nil {
		return nil, fmt.Errorf("make a certificate request: %w", err)
	}
	return csrDER, nil
}

// Install takes a certificate for this node's key and the authority that issued it.
// When it returns nil, both are durable, and the next handshake uses them;
// connections that are open stay. The name and the authority of a node never change.
func (c *Credentials) Install(certDER, caDER []byte) error {
	next, err := c.check(certDER, caDER)
	if err != nil {
		return fmt.Errorf("install a certificate: %w", err)
	}
	c.installing.Lock()
	defer c.installing.Unlock()
	if now := c.now.Load(); now != nil && (now.member != next.member || !now.ca.Equal(next.ca)) {
		return errs.New(errs.Conflict, "", "the certificate is that of another node or cluster")
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: next.leaf.Raw})
	text = append(text, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: next.ca.Raw})...)
	if err := c.write(CertFile, text); err != nil {
		return err
	}
	c.now.Store(next)
	return nil
}

// Ready reports whether there is a certificate. It may have expired: see Expires.
func (c *Credentials) Ready() bool { return c.now.Load() != nil }

// Member returns whom the certificate names, if there is one.
func (c *Credentials) Member() (Member, bool) {
	if now := c.now.Load(); now != nil {
		return now.member, true
	}
	return Member{}, false
}

// Expires is when the certificate ends; zero if there is none.
func (c *Credentials) Expires() time.Time {
	if now := c.now.Load(); now != nil {
		return now.leaf.NotAfter
	}
	return time.Time{}
}

// RenewAt is when a third of its life is left of the certificate; zero if there is none.
func (c *Credentials) RenewAt() time.Time {
	if now := c.now.Load(); now != nil {
		return now.leaf.NotAfter.Add(-nodeLife / 3)
	}
	return time.Time{}
}

// write puts a file of mode 0600 in the place of another. When it returns nil, file
// and name are durable.
func (c *Credentials) write(name string, content []byte) error {
	if err := c.replace(name, content); err != nil {
		return errs.Stop(errs.ExitIO, fmt.Errorf("write %s: %w", name, err))
	}
	return nil
}

func (c *Credentials) replace(name string, content []byte) error {
	path := filepath.Join(c.dir, name)
	temp := path + ".tmp"
	if err := os.Remove(temp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err // left by a crash
	}
	f, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(temp, path); err != nil {
		return err
	}
	d, err := os.Open(c.dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
