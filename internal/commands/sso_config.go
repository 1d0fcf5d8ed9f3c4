package commands

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"

	"dashd/internal/errs"
	"dashd/internal/idp"
	"dashd/projections"
)

// OIDCConfig is how to sign in at an OpenID provider. In a request, "" is absent.
type OIDCConfig struct {
	Issuer                      string          `json:"issuer"`
	ClientID                    string          `json:"clientId"`
	ClientSecret                string          `json:"clientSecret"` // masked where it is stored
	AuthorizationEndpoint       string          `json:"authorizationEndpoint"`
	TokenEndpoint               string          `json:"tokenEndpoint"`
	TokenEndpointAuthentication string          `json:"tokenEndpointAuthentication"`
	JWKSEndpoint                string          `json:"jwksEndpoint"`
	PKCE                        bool            `json:"pkce"`
	DiscoveryEndpoint           string          `json:"discoveryEndpoint"`
	Mapping                     json.RawMessage `json:"mapping,omitempty"` // an object
	UserInfoEndpoint            string          `json:"userInfoEndpoint,omitempty"`
	OverrideUserInfo            bool            `json:"overrideUserInfo"`
}

// SAMLConfig is how to sign in at a SAML provider. In a request, "" is absent.
type SAMLConfig struct {
	EntryPoint           string          `json:"entryPoint"`
	Cert                 string          `json:"cert,omitempty"`
	IDP                  *idp.Metadata   `json:"idpMetadata,omitempty"`
	WantAssertionsSigned *bool           `json:"wantAssertionsSigned"`
	Mapping              json.RawMessage `json:"mapping,omitempty"` // an object
	PrivateKey           string          `json:"privateKey,omitempty"`
	DecryptionKey        string          `json:"decryptionPvk,omitempty"`

	// Of a request only:

	EntityID    string `json:"-"`
	Metadata    string `json:"-"` // XML
	MetadataURL string `json:"-"`
}

// providerConfig is what a provider is made of, ready to be stored.
type providerConfig struct {
	issuer     string
	oidc, saml json.RawMessage // one of them; secrets masked
	secrets    secrets
}

// columns are the columns of the row that hold it.
func (p *providerConfig) columns() data {
	return data{"issuer", p.issuer, "oidcConfig", p.oidc, "samlConfig", p.saml}
}

// newConfig checks the config of the given protocol and completes it. stored is what the
// provider has of the same protocol, or nil: what is absent is taken from there,
// secrets too.
func newConfig(protocol string, oidc *OIDCConfig, saml *SAMLConfig, stored *storedConfig) (providerConfig, error) {
	if protocol == OIDC && oidc != nil {
		return oidc.complete(stored)
	}
	if protocol == SAML && saml != nil {
		return saml.complete(stored)
	}
	return providerConfig{}, refuse(errs.Invalid, "[body.issuer] Invalid URL")
}

// storedConfig is the config of a provider as it was stored.
type storedConfig struct {
	oidc    OIDCConfig
	saml    SAMLConfig
	secrets secrets
}

// openConfig reads the config of a provider.
func (c *Commands) openConfig(project string, p projections.SSOProvider) (*storedConfig, error) {
	var s storedConfig
	text, err := c.o.Sealer.Open(ssoObject(project, p.ID), p.Sealed)
	if err == nil {
		err = json.Unmarshal(text, &s.secrets)
	}
	if err == nil && p.OIDCConfig != nil {
		err = json.Unmarshal(p.OIDCConfig, &s.oidc)
	}
	if err == nil && p.SAMLConfig != nil {
		err = json.Unmarshal(p.SAMLConfig, &s.saml)
	}
	if err != nil {
		return nil, fmt.Errorf("config of SSO provider %s: %w", p.ID, err)
	}
	return &s, nil
}

func (o OIDCConfig) complete(stored *storedConfig) (providerConfig, error) {
	verb := "creating"
	var kept secrets
	if stored != nil {
		verb = "updating"
		if origin(o.TokenEndpoint) == origin(stored.oidc.TokenEndpoint) {
			kept = stored.secrets // it is meant for this server, and for no other
		}
		keep(&o.TokenEndpointAuthentication, stored.oidc.TokenEndpointAuthentication)
		keep(&o.UserInfoEndpoint, stored.oidc.UserInfoEndpoint)
		if o.Mapping == nil {
			o.Mapping = stored.oidc.Mapping
		}
		if o.Issuer == stored.oidc.Issuer {
			keep(&o.DiscoveryEndpoint, stored.oidc.DiscoveryEndpoint)
		}
	}
	keep(&o.TokenEndpointAuthentication, "client_secret_basic")
	keep(&o.DiscoveryEndpoint, o.Issuer)
	if o.Issuer == "" || o.AuthorizationEndpoint == "" || o.TokenEndpoint == "" || o.JWKSEndpoint == "" {
		return providerConfig{}, refuse(errs.Invalid,
			"OIDC discovery must be resolved before submitting; provide issuer, authorizationEndpoint, tokenEndpoint, and jwksEndpoint")
	}
	secret, ok := kept.unmask(clientSecret, o.ClientSecret)
	if !ok {
		return providerConfig{}, refuse(errs.Invalid, "Client secret is required when %s an OIDC provider", verb)
	}
	if origin(o.DiscoveryEndpoint) != origin(o.Issuer) {
		return providerConfig{}, errs.New(errs.Invalid, "discovery_untrusted_origin",
			"Untrusted OIDC discovery URL %q: its origin is not that of the issuer", o.DiscoveryEndpoint)
	}
	o.ClientSecret, o.PKCE = mask(secret), true
	return providerConfig{issuer: o.Issuer, oidc: encode(o), secrets: secrets{clientSecret: secret}}, nil
}

func (s SAMLConfig) complete(stored *storedConfig) (providerConfig, error) {
	var kept secrets
	if stored != nil {
		kept = stored.secrets
		s.inherit(&stored.saml)
	}
	if s.Metadata == "" && s.MetadataURL != "" {
		return providerConfig{}, refuse(errs.Invalid, "IdP metadata URL must be resolved before submitting; provide idpMetadata.metadata")
	}
	if err := s.readMetadata(); err != nil {
		return providerConfig{}, err
	}
	switch {
	case s.EntryPoint == "":
		return providerConfig{}, refuse(errs.Invalid,
			"SAML entry point URL is required; provide entryPoint or IdP metadata with SingleSignOnService Location")
	case s.IDP.EntityID == "":
		return providerConfig{}, refuse(errs.Invalid, "IdP entity ID is required when IdP metadata XML is not provided")
	}
	if s.WantAssertionsSigned == nil {
		s.WantAssertionsSigned = new(true)
	}
	held := secrets{}
	for name, text := range map[string]*string{privateKey: &s.PrivateKey, decryptionKey: &s.DecryptionKey} {
		if *text == "" && kept[name] == "" {
			continue
		}
		secret, ok := kept.unmask(name, *text)
		if !ok {
			return providerConfig{}, errs.New(errs.Invalid, "VALIDATION_ERROR", "[body.samlConfig.%s] This is the mask of another key: send the key", name)
		}
		held[name], *text = secret, mask(secret)
	}
	return providerConfig{issuer: s.IDP.EntityID, saml: encode(s), secrets: held}, nil
}

// inherit takes what is absent from what is stored.
func (s *SAMLConfig) inherit(stored *SAMLConfig) {
	if same := stored.IDP; s.Metadata == "" && same != nil && (s.EntityID == "" || s.EntityID == same.EntityID) {
		s.EntityID, s.IDP = same.EntityID, same
		keep(&s.EntryPoint, stored.EntryPoint)
		keep(&s.Cert, stored.Cert)
	}
	if s.WantAssertionsSigned == nil {
		s.WantAssertionsSigned = stored.WantAssertionsSigned
	}
	if s.Mapping == nil {
		s.Mapping = stored.Mapping
	}
}

// readMetadata takes from the metadata what is not given beside it. Without metadata,
// what is given says the same.
func (s *SAMLConfig) readMetadata() error {
	switch {
	case len(s.Metadata) > idp.MaxMetadata:
		return refuse(errs.Invalid, "IdP metadata exceeds maximum allowed size (100KB)")
	case s.Metadata != "":
		m, err := idp.ParseMetadata([]byte(s.Metadata))
		if err != nil {
			return errs.Wrap(err, errs.Invalid, "INVALID_IDP_METADATA", "IdP metadata cannot be used: %v", err)
		}
		if s.EntityID != "" && s.EntityID != m.EntityID {
			return errs.New(errs.Invalid, "INVALID_IDP_METADATA", "IdP metadata is that of the entity %q", m.EntityID)
		}
		s.IDP = &m
		keep(&s.EntryPoint, m.EntryPoint())
		keep(&s.Cert, m.Certificates[0])
	case s.IDP == nil || s.IDP.Digest == "":
		s.IDP = &idp.Metadata{
			EntityID:     s.EntityID,
			SignOn:       []idp.Endpoint{{Binding: "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect", Location: s.EntryPoint}},
			Certificates: []string{},
		}
		if s.Cert != "" {
			s.IDP.Certificates = []string{s.Cert}
		}
	}
	return nil
}

// keep gives an absent text a value.
func keep(text *string, value string) {
	if *text == "" {
		*text = value
	}
}

// origin is the scheme, host and port of a URL, which was checked.
func origin(text string) string {
	u, err := url.Parse(text)
	if err != nil {
		return ""
	}
	return strings.ToLower(u.Scheme + "://" + u.Host)
}

func encode(v any) json.RawMessage {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err) // texts, flags, and JSON that was read
	}
	return text
}
