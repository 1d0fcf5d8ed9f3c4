package idp_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"math/big"
	"reflect"
	"strings"
	"testing"

	"dashd/internal/idp"
)

// newCert makes a certificate, as metadata holds it.
func newCert(tb testing.TB) string {
	tb.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		tb.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(der)
}

const (
	redirect = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect"
	post     = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"
)

func entity(id, inside string) string {
	return `<EntityDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata" entityID="` + id + `">` + inside + `</EntityDescriptor>`
}

func provider(inside string) string {
	return `<IDPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">` + inside + `</IDPSSODescriptor>`
}

func key(use, cert string) string {
	return `<KeyDescriptor` + use + `><KeyInfo xmlns="http://www.w3.org/2000/09/xmldsig#"><X509Data><X509Certificate>` + cert +
		`</X509Certificate></X509Data></KeyInfo></KeyDescriptor>`
}

func service(name, binding, location string) string {
	return fmt.Sprintf(`<%s Binding=%q Location=%q/>`, name, binding, location)
}

func TestParseMetadata(t *testing.T) {
	one, two, sealing := newCert(t), newCert(t), newCert(t)
	text := `<?xml version="1.0"?>` + entity("https://idp.example/saml", provider(
		key(` use="signing"`, "\n "+one[:40]+"\n "+one[40:]+"\n")+key("", two)+key(` use="encryption"`, sealing)+
			service("SingleLogoutService", redirect, "https://idp.example/out")+
			"<NameIDFormat>urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress</NameIDFormat>"+
			service("SingleSignOnService", post, "https://idp.example/post")+
			service("SingleSignOnService", redirect, "https://idp.example/redirect")))
	got, err := idp.ParseMetadata([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	want := idp.Metadata{
		EntityID:      "https://idp.example/saml",
		SignOn:        []idp.Endpoint{{post, "https://idp.example/post"}, {redirect, "https://idp.example/redirect"}},
		Logout:        []idp.Endpoint{{redirect, "https://idp.example/out"}},
		NameIDFormats: []string{"urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress"},
		Certificates:  []string{one, two},
		Digest:        got.Digest,
	}
	if !reflect.DeepEqual(got, want) || len(got.Digest) != 64 {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if e := got.EntryPoint(); e != "https://idp.example/redirect" {
		t.Errorf("EntryPoint = %q", e)
	}
	many := `<EntitiesDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata">` + entity("https://sp.example", "") + strings.TrimPrefix(text, `<?xml version="1.0"?>`) + `</EntitiesDescriptor>`
	if got, err = idp.ParseMetadata([]byte(many)); err != nil || got.EntityID != "https://idp.example/saml" {
		t.Errorf("of several: %q, %v", got.EntityID, err)
	}
}

func TestMetadataThatIsRefused(t *testing.T) {
	good := key("", newCert(t)) + service("SingleSignOnService", redirect, "https://idp.example/sso")
	for _, tt := range []struct{ name, text string }{
		{"nothing", ""},
		{"not XML", "{}"},
		{"XML that does not end", entity("x", provider(good))[:200]},
		{"another document", "<html></html>"},
		{"a document type", "<!DOCTYPE x>" + entity("x", provider(good))},
		{"an external entity", `<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>` + entity("&e;", provider(good))},
		{"entities that multiply", `<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;&a;">]>` + entity("&b;", provider(good))},
		{"an entity that nobody has declared", entity("&e;", provider(good))},
		{"a service provider only", entity("x", `<SPSSODescriptor protocolSupportEnumeration="p"/>`)},
		{"no entity id", entity("", provider(good))},
		{"an entity id that is too long", entity(strings.Repeat("x", 1025), provider(good))},
		{"no certificate", entity("x", provider(service("SingleSignOnService", redirect, "https://idp.example/sso")))},
		{"only a certificate to encrypt with", entity("x", provider(key(` use="encryption"`, newCert(t))))},
		{"a certificate that is none", entity("x", provider(good+key("", "MIIC")))},
		{"a certificate that is not base64", entity("x", provider(good+key("", "<b/>")))},
		{"a location that is a script", entity("x", provider(good+service("SingleSignOnService", post, "javascript:alert(1)")))},
		{"a location with a password", entity("x", provider(good+service("SingleLogoutService", post, "https://u:p@idp.example/")))},
		{"too many locations", entity("x", provider(good+strings.Repeat(service("SingleSignOnService", post, "https://idp.example/"), 33)))},
		{"elements that are nested too deep", entity("x", provider(good)+strings.Repeat("<a>", 100)+strings.Repeat("</a>", 100))},
		{"a text that is too large", entity("x", provider(good)+strings.Repeat(" ", idp.MaxMetadata))},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got, err := idp.ParseMetadata([]byte(tt.text)); err == nil {
				t.Errorf("was taken: %+v", got)
			}
		})
	}
}

func FuzzParseMetadata(f *testing.F) {
	f.Add([]byte(entity("https://idp.example", provider(key("", newCert(f))+service("SingleSignOnService", redirect, "https://idp.example/sso")))))
	f.Add([]byte(`<!DOCTYPE x><EntitiesDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata"/>`))
	f.Fuzz(func(t *testing.T, text []byte) {
		m, err := idp.ParseMetadata(text)
		if err == nil && (m.EntityID == "" || len(m.Certificates) == 0) {
			t.Errorf("taken without an entity id or a certificate: %+v", m)
		}
	})
}
