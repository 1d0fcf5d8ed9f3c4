package peer

import (
	"context"
	"crypto/x509"
	"crypto/x509/pkix"
	"net/url"
	"strings"

	"dashd/internal/errs"
)

// Codes of errors, besides those without one.
const (
	// CodeUnreachable: no connection to the other node. Of a request to a member
	// nothing was sent, with one exception that does no harm: net/http sends a request
	// that is safe to repeat (a GET, or with an Idempotency-Key) a second time.
	CodeUnreachable = "PEER_UNREACHABLE"
	// CodeRefused is CodeUnreachable where one of the nodes refused the other.
	CodeRefused = "PEER_REFUSED"
	// CodeNotReady: this node has no certificate yet. Nothing was sent.
	CodeNotReady = "PEER_NOT_READY"
	// CodeToken: the text is no join token, or has a typing error.
	CodeToken = "INVALID_JOIN_TOKEN"
)

// Member is a node of a cluster, as its certificate names it.
type Member struct{ Cluster, Node, Incarnation string }

// MaxID bounds the ids of a Member.
const MaxID = 64

// check returns an error unless all ids are what can stand in a certificate.
func (m Member) check() error {
	for _, id := range []string{m.Cluster, m.Node, m.Incarnation} {
		if !ValidID(id) {
			return errs.New(errs.Invalid, "", "%.80q is no id of a cluster, a node or an incarnation", id)
		}
	}
	return nil
}

// ValidID reports whether s is an id: 1 to 64 letters, digits, '-' and '_', beginning
// with a letter or digit.
func ValidID(s string) bool {
	const others = "-_"
	if s == "" || len(s) > MaxID || strings.Contains(others, s[:1]) {
		return false
	}
	for _, c := range []byte(s) {
		alphanumeric := '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
		if !alphanumeric && !strings.ContainsRune(others, rune(c)) {
			return false
		}
	}
	return true
}

// uri is the member's SPIFFE id.
func (m Member) uri() *url.URL {
	return &url.URL{Scheme: "spiffe", Host: m.Cluster, Path: "/node/" + m.Node}
}

// subject holds the incarnation beside the name: a SPIFFE id has no room for it.
func (m Member) subject() pkix.Name {
	return pkix.Name{Organization: []string{organization}, CommonName: m.Node, SerialNumber: m.Incarnation}
}

// memberOf reads the name of a certificate's holder. It verifies nothing else.
func memberOf(leaf *x509.Certificate) (Member, error) {
	if len(leaf.URIs) != 1 || len(leaf.DNSNames)+len(leaf.IPAddresses)+len(leaf.EmailAddresses) > 0 {
		return Member{}, errs.New(errs.Unauthorized, "", "a node's certificate has one name, a URI")
	}
	u := leaf.URIs[0]
	m := Member{Cluster: u.Host, Node: strings.TrimPrefix(u.Path, "/node/"), Incarnation: leaf.Subject.SerialNumber}
	if m.check() != nil || u.String() != m.uri().String() {
		return Member{}, errs.New(errs.Unauthorized, "", "%.200q does not name a node", u)
	}
	return m, nil
}

type memberKey struct{}

// MemberOf returns who sent the request whose context is ctx. Only requests that came
// over the cluster port from a member have one: not those of a node that joins.
func MemberOf(ctx context.Context) (Member, bool) {
	m, ok := ctx.Value(memberKey{}).(Member)
	return m, ok
}
