package peer

import (
	"crypto/tls"
	"crypto/x509"
	"slices"
	"time"

	"dashd/internal/errs"
)

// The protocols of the port.
const (
	protocolRaft = "dashd-raft/1"
	protocolHTTP = "dashd-http/1"
	protocolJoin = "dashd-join/1"
)

// verify returns whom a certificate names. It must be signed by the authority itself,
// for the cluster of i, for this usage, and be valid now.
func (i *issued) verify(leaf *x509.Certificate, usage x509.ExtKeyUsage, now time.Time) (Member, error) {
	return verifyLeaf(leaf, i.roots, i.member.Cluster, usage, now)
}

func verifyLeaf(leaf *x509.Certificate, roots *x509.CertPool, cluster string, usage x509.ExtKeyUsage, now time.Time) (Member, error) {
	_, err := leaf.Verify(x509.VerifyOptions{
		Roots:         roots,
		Intermediates: x509.NewCertPool(), // none: the authority signs nodes itself
		CurrentTime:   now,
		KeyUsages:     []x509.ExtKeyUsage{usage},
	})
	if err != nil {
		return Member{}, errs.Wrap(err, errs.Unauthorized, CodeRefused, "the other node's certificate is not valid")
	}
	m, err := memberOf(leaf)
	if err != nil {
		return Member{}, err
	}
	if m.Cluster != cluster {
		return Member{}, errs.New(errs.Unauthorized, CodeRefused, "the other node is of cluster %s", m.Cluster)
	}
	return m, nil
}

// serverConfig is what TLS needs to accept a connection whose first message is h.
func (p *Port) serverConfig(h *tls.ClientHelloInfo) (*tls.Config, error) {
	own, err := p.own()
	if err != nil {
		return nil, err
	}
	if len(h.SupportedProtos) != 1 {
		return nil, errs.New(errs.Invalid, "", "the other side names %d protocols", len(h.SupportedProtos))
	}
	protocol := h.SupportedProtos[0]
	c := p.config(own, protocol)
	switch protocol {
	case protocolJoin: // the one protocol without a certificate of the client
	case protocolRaft, protocolHTTP:
		c.ClientAuth = tls.RequireAndVerifyClientCert
		c.ClientCAs = own.roots
		c.VerifyConnection = func(state tls.ConnectionState) error {
			_, err := own.verify(state.PeerCertificates[0], x509.ExtKeyUsageClientAuth, p.o.Now())
			return err
		}
	default:
		return nil, errs.New(errs.Invalid, "", "the other side speaks %.80q", protocol)
	}
	return c, nil
}

// clientConfig is what TLS needs to dial a member.
func (p *Port) clientConfig(own *issued, protocol string) *tls.Config {
	c := p.config(own, protocol)
	// crypto/tls would look for the host's name in the certificate. A node's name is a
	// URI: the whole of the verification is VerifyConnection.
	c.InsecureSkipVerify = true
	c.VerifyConnection = func(state tls.ConnectionState) error {
		_, err := own.verify(state.PeerCertificates[0], x509.ExtKeyUsageServerAuth, p.o.Now())
		return err
	}
	return c
}

func (p *Port) config(own *issued, protocol string) *tls.Config {
	return &tls.Config{
		MinVersion:             tls.VersionTLS13,
		NextProtos:             []string{protocol},
		Certificates:           []tls.Certificate{own.cert},
		SessionTicketsDisabled: true, // each connection verifies everything again
		Time:                   p.o.Now,
	}
}

// joinConfig is what TLS needs to dial a node of the token's cluster without having a
// certificate.
func (t Token) joinConfig(now func() time.Time) *tls.Config {
	return &tls.Config{
		MinVersion:             tls.VersionTLS13,
		NextProtos:             []string{protocolJoin},
		SessionTicketsDisabled: true,
		Time:                   now,
		// The authority is not known before it is seen: VerifyConnection compares it
		// with the fingerprint and verifies the rest.
		InsecureSkipVerify: true,
		VerifyConnection: func(state tls.ConnectionState) error {
			return t.verify(state.PeerCertificates, now())
		},
	}
}

// verify checks that a chain is that of a node of the token's cluster.
func (t Token) verify(chain []*x509.Certificate, now time.Time) error {
	i := slices.IndexFunc(chain, func(c *x509.Certificate) bool { return Fingerprint(c.Raw) == t.CA })
	if i < 0 {
		return errs.New(errs.Unauthorized, CodeRefused, "the other node is not of the cluster that the join token is for")
	}
	ca, err := parseAuthority(chain[i].Raw)
	if err != nil {
		return err
	}
	roots := x509.NewCertPool()
	roots.AddCert(ca)
	_, err = verifyLeaf(chain[0], roots, t.Cluster, x509.ExtKeyUsageServerAuth, now)
	return err
}
