package peer

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"net/url"
	"time"

	"dashd/internal/errs"
)

const (
	organization = "dashd"
	// nodeLife is how long a node's certificate is valid from when it was issued. It is renewed
	// after two thirds of it; a node that was off for longer gets a new one when it starts.
	nodeLife = 90 * 24 * time.Hour
	// caLife is longer than any cluster's: the log tells who is a member.
	caLife = 30 * 365 * 24 * time.Hour
	// before is how far the clocks of nodes may lag behind that of the first one.
	before = time.Hour
)

// CA is a cluster's certificate authority. It is immutable.
type CA struct {
	cert *x509.Certificate
	key  ed25519.PrivateKey
}

// NewCA makes the authority of a cluster: a new key, and a certificate it signed
// itself.
func NewCA(cluster string, now time.Time) (*CA, error) {
	if !ValidID(cluster) {
		return nil, errs.New(errs.Invalid, "", "%.80q is no id of a cluster", cluster)
	}
	public, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make the cluster's authority: %w", err)
	}
	template := &x509.Certificate{
		SerialNumber:          newSerial(),
		Subject:               pkix.Name{Organization: []string{organization}, CommonName: cluster},
		NotBefore:             now.Add(-before).UTC(),
		NotAfter:              now.Add(caLife).UTC(),
		KeyUsage:              x509.KeyUsageCertSign,
		BasicConstraintsValid: true,
		IsCA:                  true,
		MaxPathLenZero:        true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, public, key)
	if err != nil {
		return nil, fmt.Errorf("make the cluster's authority: %w", err)
	}
	return ParseCA(der, key.Seed())
}

// ParseCA makes the authority that CertDER and Seed told of.
func ParseCA(certDER, seed []byte) (*CA, error) {
	cert, err := parseAuthority(certDER)
	if err != nil {
		return nil, err
	}
	if len(seed) != ed25519.SeedSize {
		return nil, errs.New(errs.Invalid, "", "the authority's seed has %d bytes", len(seed))
	}
	key := ed25519.NewKeyFromSeed(seed)
	if !key.Public().(ed25519.PublicKey).Equal(cert.PublicKey) {
		return nil, errs.New(errs.Invalid, "", "the authority's seed does not belong to its certificate")
	}
	return &CA{cert, key}, nil
}

// parseAuthority parses a certificate that NewCA has made.
func parseAuthority(der []byte) (*x509.Certificate, error) {
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, errs.Wrap(err, errs.Invalid, "", "the authority's certificate does not parse")
	}
	if _, ed := cert.PublicKey.(ed25519.PublicKey); !ed || !cert.IsCA || !ValidID(cert.Subject.CommonName) {
		return nil, errs.New(errs.Invalid, "", "the certificate is not that of a cluster's authority")
	}
	if err := cert.CheckSignatureFrom(cert); err != nil {
		return nil, errs.Wrap(err, errs.Invalid, "", "the authority has not signed itself")
	}
	return cert, nil
}

// CertDER is the authority's certificate. It is public.
func (c *CA) CertDER() []byte { return bytes.Clone(c.cert.Raw) }

// Seed is the authority's private key: it is stored sealed, and never logged.
func (c *CA) Seed() []byte { return c.key.Seed() }

// Fingerprint is the SHA-256 of a certificate. A join token carries that of the
// authority.
func Fingerprint(certDER []byte) [32]byte { return sha256.Sum256(certDER) }

// Issue signs a certificate for the key that made the request, valid until 90 days from
// now. The names are those of m; what the request says of names is not looked at. Whether
// m may have one is for the caller to know.
//
// It is valid from when the authority is: a clock that was ahead when it was issued, and
// is put right, does not keep its holder away from the others.
func (c *CA) Issue(m Member, csrDER []byte, now time.Time) (certDER []byte, err error) {
	if err := m.check(); err != nil {
		return nil, err
	}
	if own := c.cert.Subject.CommonName; m.Cluster != own {
		return nil, errs.New(errs.Invalid, "", "the authority of cluster %s does not speak for cluster %s", own, m.Cluster)
	}
	if now.Before(c.cert.NotBefore) || now.After(c.cert.NotAfter) {
		return nil, errs.New(errs.Unavailable, "", "this node's clock says %s, when the cluster's authority is not valid", now.UTC().Format(time.RFC3339))
	}
	public, err := parseRequest(csrDER)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber:          newSerial(),
		Subject:               m.subject(),
		URIs:                  []*url.URL{m.uri()},
		NotBefore:             c.cert.NotBefore,
		NotAfter:              now.Add(nodeLife).UTC(),
		KeyUsage:              x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		BasicConstraintsValid: true,
	}
	certDER, err = x509.CreateCertificate(rand.Reader, template, c.cert, public, c.key)
	if err != nil {
		return nil, fmt.Errorf("issue a certificate: %w", err)
	}
	return certDER, nil
}

// CheckRequest returns an error if Issue would refuse the request, whoever it is for.
func CheckRequest(csrDER []byte) error {
	_, err := parseRequest(csrDER)
	return err
}

// parseRequest returns the key that made a certificate request.
func parseRequest(csrDER []byte) (ed25519.PublicKey, error) {
	request, err := x509.ParseCertificateRequest(csrDER)
	if err != nil {
		return nil, errs.Wrap(err, errs.Invalid, "", "the certificate request does not parse")
	}
	public, ed := request.PublicKey.(ed25519.PublicKey)
	if !ed {
		return nil, errs.New(errs.Invalid, "", "the key of the certificate request is not an Ed25519 key")
	}
	if err := request.CheckSignature(); err != nil {
		return nil, errs.Wrap(err, errs.Invalid, "", "the certificate request is not signed by its key")
	}
	return public, nil
}

// newSerial is a random positive number of 127 bits.
func newSerial() *big.Int {
	var b [16]byte
	rand.Read(b[:]) // never fails: the program ends instead
	b[0] &= 0x7f
	b[15] |= 1 // not zero
	return new(big.Int).SetBytes(b[:])
}
