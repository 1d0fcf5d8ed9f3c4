package idp

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"

	"github.com/crewjam/saml"
	xrv "github.com/mattermost/xml-roundtrip-validator"
)

// Limits of metadata.
const (
	MaxMetadata = 100 << 10 // bytes of its text

	maxDepth     = 64
	maxEndpoints = 32 // of one service; certificates likewise
)

// Metadata is what the metadata of a SAML identity provider says that is needed to
// sign in there.
type Metadata struct {
	EntityID      string     `json:"entityID"`
	SignOn        []Endpoint `json:"singleSignOnService"`
	Logout        []Endpoint `json:"singleLogoutService,omitempty"`
	NameIDFormats []string   `json:"nameIDFormat,omitempty"`
	// Certificates are those whose keys sign, as base64 of DER.
	Certificates []string `json:"cert"`
	// Digest is the SHA-256 of the text, in hex.
	Digest string `json:"metadataSha256"`
}

// Endpoint is where a service is spoken to, and how.
type Endpoint struct {
	Binding  string `json:"Binding"`
	Location string `json:"Location"`
}

// EntryPoint is where a browser is sent to sign in: by redirect if that is offered.
// It is "" if the metadata names none.
func (m *Metadata) EntryPoint() string {
	for _, binding := range []string{saml.HTTPRedirectBinding, saml.HTTPPostBinding} {
		for _, e := range m.SignOn {
			if e.Binding == binding {
				return e.Location
			}
		}
	}
	return ""
}

// ParseMetadata reads the XML text of metadata: that of an entity, or of several, of
// which the first identity provider is taken. A text with a document type or with
// entities is refused, whatever they say.
func ParseMetadata(text []byte) (Metadata, error) {
	if len(text) > MaxMetadata {
		return Metadata{}, errors.New("too large")
	}
	if err := plain(text); err != nil {
		return Metadata{}, err
	}
	entity, err := providerIn(text)
	if err != nil {
		return Metadata{}, err
	}
	sum := sha256.Sum256(text)
	m := Metadata{EntityID: entity.EntityID, Digest: hex.EncodeToString(sum[:])}
	if m.EntityID == "" || len(m.EntityID) > 1024 { // §2.2.1 of saml-core
		return Metadata{}, errors.New("no entityID")
	}
	for _, d := range entity.IDPSSODescriptors {
		if err := m.add(&d); err != nil {
			return Metadata{}, err
		}
	}
	if len(m.Certificates) == 0 {
		return Metadata{}, errors.New("no signing certificate")
	}
	return m, nil
}

// add takes over what one descriptor says.
func (m *Metadata) add(d *saml.IDPSSODescriptor) (err error) {
	if m.SignOn, err = endpoints(m.SignOn, d.SingleSignOnServices); err != nil {
		return err
	}
	if m.Logout, err = endpoints(m.Logout, d.SingleLogoutServices); err != nil {
		return err
	}
	for _, f := range d.NameIDFormats {
		if format := strings.TrimSpace(string(f)); format != "" && len(format) <= 256 && !slices.Contains(m.NameIDFormats, format) {
			m.NameIDFormats = append(m.NameIDFormats, format)
		}
	}
	for _, k := range d.KeyDescriptors {
		if k.Use == "encryption" {
			continue
		}
		for _, c := range k.KeyInfo.X509Data.X509Certificates {
			cert, err := certificate(c.Data)
			if err != nil {
				return err
			}
			if !slices.Contains(m.Certificates, cert) {
				m.Certificates = append(m.Certificates, cert)
			}
		}
	}
	if len(m.Certificates) > maxEndpoints || len(m.NameIDFormats) > maxEndpoints {
		return errors.New("too many certificates or formats")
	}
	return nil
}

// endpoints adds the endpoints of a service.
func endpoints(list []Endpoint, of []saml.Endpoint) ([]Endpoint, error) {
	for _, e := range of {
		location := strings.TrimSpace(e.Location)
		u, err := url.Parse(location)
		if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "" || u.User != nil || len(location) > 2048 {
			return nil, errors.New("a location that is not an http(s) URL")
		}
		list = append(list, Endpoint{Binding: e.Binding, Location: location})
	}
	if len(list) > maxEndpoints {
		return nil, errors.New("too many endpoints")
	}
	return list, nil
}

// certificate checks a certificate and returns it without white space.
func certificate(text string) (string, error) {
	text = strings.Join(strings.Fields(text), "")
	der, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return "", errors.New("a certificate that is not base64")
	}
	if _, err := x509.ParseCertificate(der); err != nil {
		return "", fmt.Errorf("a certificate that cannot be read: %w", err)
	}
	return text, nil
}

// plain refuses XML that is more than elements, attributes and text, and XML that other
// parsers may read differently.
func plain(text []byte) error {
	if err := xrv.Validate(bytes.NewReader(text)); err != nil {
		return fmt.Errorf("not XML that reads the same everywhere: %w", err)
	}
	d := xml.NewDecoder(bytes.NewReader(text))
	for depth := 0; ; {
		token, err := d.RawToken()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("not XML: %w", err)
		}
		switch token.(type) {
		case xml.Directive:
			return errors.New("a document type or entity")
		case xml.StartElement:
			depth++
		case xml.EndElement:
			depth--
		}
		if depth > maxDepth {
			return errors.New("elements that are nested too deep")
		}
	}
}

// providerIn finds the entity that is an identity provider.
func providerIn(text []byte) (*saml.EntityDescriptor, error) {
	var root struct{ XMLName xml.Name }
	if err := xml.Unmarshal(text, &root); err != nil {
		return nil, fmt.Errorf("not XML: %w", err)
	}
	var all saml.EntitiesDescriptor
	if root.XMLName.Local == "EntitiesDescriptor" {
		if err := xml.Unmarshal(text, &all); err != nil {
			return nil, fmt.Errorf("not metadata: %w", err)
		}
	} else {
		all.EntityDescriptors = make([]saml.EntityDescriptor, 1)
		if err := xml.Unmarshal(text, &all.EntityDescriptors[0]); err != nil {
			return nil, fmt.Errorf("not metadata: %w", err)
		}
	}
	for i := range all.EntityDescriptors {
		if len(all.EntityDescriptors[i].IDPSSODescriptors) > 0 {
			return &all.EntityDescriptors[i], nil
		}
	}
	return nil, errors.New("no identity provider in it")
}
