package peer_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net/url"
	"strings"
	"testing"
	"time"

	"dashd/internal/errs"
	"dashd/internal/peer"
)

func TestIssue(t *testing.T) {
	now := time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)
	ca, err := peer.NewCA(cluster, now)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(issue(t, empty(t), ca, member("n1"), now))
	if err != nil {
		t.Fatal(err)
	}
	if len(leaf.URIs) != 1 || leaf.URIs[0].String() != "spiffe://c1/node/n1" || leaf.Subject.SerialNumber != "n1-first" {
		t.Errorf("the certificate names %v, %v", leaf.URIs, leaf.Subject)
	}
	if want := now.Add(90 * 24 * time.Hour); !leaf.NotAfter.Equal(want) || !leaf.NotBefore.Equal(now.Add(-time.Hour)) { // the authority is new, too
		t.Errorf("the certificate is valid from %s to %s", leaf.NotBefore, leaf.NotAfter)
	}
	if leaf.IsCA || leaf.KeyUsage != x509.KeyUsageDigitalSignature || leaf.PublicKeyAlgorithm != x509.Ed25519 || leaf.SerialNumber.BitLen() < 64 {
		t.Errorf("CA %v, usage %v, key %v, serial %v", leaf.IsCA, leaf.KeyUsage, leaf.PublicKeyAlgorithm, leaf.SerialNumber)
	}
	again, err := peer.ParseCA(ca.CertDER(), ca.Seed())
	if err != nil {
		t.Fatal(err)
	}
	creds := empty(t)
	if err := creds.Install(issue(t, creds, again, member("n2"), now), ca.CertDER()); err != nil {
		t.Errorf("what the parsed authority issued: %v", err)
	}
	if peer.Fingerprint(ca.CertDER()) != sha256.Sum256(ca.CertDER()) {
		t.Error("the fingerprint is not the SHA-256")
	}
}

func TestIssueRefuses(t *testing.T) {
	now := time.Now()
	ca := newCA(t, cluster)
	good, err := empty(t).Request()
	if err != nil {
		t.Fatal(err)
	}
	forged := bytes.Clone(good)
	forged[len(forged)-1] ^= 1
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	curve, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{}, key)
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name string
		m    peer.Member
		csr  []byte
		at   time.Time
		want string
	}{
		{"no request", member("n1"), nil, now, "does not parse"},
		{"a request that another key signed", member("n1"), forged, now, "not signed by its key"},
		{"a key of another kind", member("n1"), curve, now, "not an Ed25519 key"},
		{"another cluster", peer.Member{Cluster: "c2", Node: "n1", Incarnation: "x"}, good, now, "does not speak for cluster c2"},
		{"no node", peer.Member{Cluster: cluster, Incarnation: "x"}, good, now, "is no id"},
		{"no incarnation", peer.Member{Cluster: cluster, Node: "n1"}, good, now, "is no id"},
		{"a node's id that is a path", peer.Member{Cluster: cluster, Node: "n1/x", Incarnation: "x"}, good, now, "is no id"},
		{"a node's id that is too long", peer.Member{Cluster: cluster, Node: strings.Repeat("n", 65), Incarnation: "x"}, good, now, "is no id"},
		{"a clock before the authority's time", member("n1"), good, now.AddDate(-10, 0, 0), "clock says"},
		{"a clock after the authority's time", member("n1"), good, now.AddDate(100, 0, 0), "clock says"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if err := peer.CheckRequest(tt.csr); (err == nil) != bytes.Equal(tt.csr, good) {
				t.Errorf("CheckRequest = %v", err)
			}
			if _, err := ca.Issue(tt.m, tt.csr, tt.at); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Issue = %v, want %q", err, tt.want)
			}
		})
	}
}

// What a request asks to be called means nothing.
func TestIssueTakesNamesFromTheMemberOnly(t *testing.T) {
	ca := newCA(t, cluster)
	_, private := newKey(t)
	u, err := url.Parse("spiffe://c1/node/n9")
	if err != nil {
		t.Fatal(err)
	}
	csr, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{
		Subject: pkix.Name{CommonName: "n9"}, URIs: []*url.URL{u}, DNSNames: []string{"n9"},
		ExtraExtensions: []pkix.Extension{{Id: []int{2, 5, 29, 19}, Critical: true, Value: []byte{0x30, 3, 1, 1, 0xff}}}, // CA
	}, private)
	if err != nil {
		t.Fatal(err)
	}
	der, err := ca.Issue(member("n1"), csr, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	if leaf.IsCA || leaf.Subject.CommonName != "n1" || len(leaf.URIs) != 1 || leaf.URIs[0].Path != "/node/n1" || len(leaf.DNSNames) > 0 {
		t.Errorf("the certificate says %v %v %v, CA %v", leaf.Subject, leaf.URIs, leaf.DNSNames, leaf.IsCA)
	}
}

func TestParseCARefuses(t *testing.T) {
	ca, otherCA := newCA(t, cluster), newCA(t, cluster)
	public, private := newKey(t)
	notCA := issue(t, empty(t), ca, member("n1"), time.Now())
	signedByOther := otherCA.Sign(&x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: cluster}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now(), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageCertSign,
	}, public)
	for _, tt := range []struct {
		name       string
		cert, seed []byte
	}{
		{"no certificate", nil, ca.Seed()},
		{"no seed", ca.CertDER(), nil},
		{"the seed of another", ca.CertDER(), otherCA.Seed()},
		{"a node's certificate", notCA, ca.Seed()},
		{"an authority that another one signed", signedByOther, private.Seed()},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := peer.ParseCA(tt.cert, tt.seed); errs.KindOf(err) != errs.Invalid {
				t.Errorf("ParseCA = %v", err)
			}
		})
	}
	if _, err := peer.NewCA("a b", time.Now()); errs.KindOf(err) != errs.Invalid {
		t.Errorf("NewCA of a cluster that is none = %v", err)
	}
}
