package httpapi

import (
	"encoding/json"

	"dashd/internal/commands"
	"dashd/internal/idp"
)

// The lengths of what describes an identity provider, in characters.
const (
	maxDomainList = 1000
	maxSecret     = 4096
	maxKey        = 16 << 10 // of a private key or certificate in PEM
	maxClaimName  = 255
)

// oidcConfig reads the field oidcConfig, nil if it is absent.
func (in *input) oidcConfig() *commands.OIDCConfig {
	o := in.object("oidcConfig")
	if o == nil {
		return nil
	}
	config := &commands.OIDCConfig{
		ClientID:                    o.text("clientId", atLeast(1), atMost(maxLink)),
		ClientSecret:                o.absentText("clientSecret", atMost(maxSecret)),
		Issuer:                      o.absentText("issuer", httpURL),
		AuthorizationEndpoint:       o.absentText("authorizationEndpoint", httpURL),
		TokenEndpoint:               o.absentText("tokenEndpoint", httpURL),
		JWKSEndpoint:                o.absentText("jwksEndpoint", httpURL),
		UserInfoEndpoint:            o.absentText("userInfoEndpoint", httpURL),
		DiscoveryEndpoint:           o.absentText("discoveryEndpoint", httpURL),
		TokenEndpointAuthentication: o.absentText("tokenEndpointAuthentication", oneOf("client_secret_post", "client_secret_basic")),
		Mapping:                     o.mapping("email", "name", "emailVerified", "image"),
	}
	if discovery := o.absentText("discoveryUrl", httpURL); config.DiscoveryEndpoint == "" {
		config.DiscoveryEndpoint = discovery
	}
	return config
}

// samlConfig reads the field samlConfig, nil if it is absent.
func (in *input) samlConfig() *commands.SAMLConfig {
	o := in.object("samlConfig")
	if o == nil {
		return nil
	}
	config := &commands.SAMLConfig{
		EntryPoint:           o.absentText("entryPoint", httpURL),
		Cert:                 o.absentText("cert", atMost(maxKey)),
		EntityID:             o.absentText("entityId", atMost(1024)),
		WantAssertionsSigned: o.optionalFlag("wantAssertionsSigned"),
		Mapping:              o.mapping("email", "name", "emailVerified", "firstName", "lastName"),
		PrivateKey:           o.absentText("privateKey", atMost(maxKey)),
		DecryptionKey:        o.absentText("decryptionPvk", atMost(maxKey)),
	}
	if of := o.object("idpMetadata"); of != nil {
		config.MetadataURL = of.absentText("metadataUrl", httpURL)
		if text := of.raw("metadata"); text != nil {
			config.Metadata = of.string(of.at+".metadata", text)
		}
	}
	if len(config.Metadata) > idp.MaxMetadata {
		config.Metadata = config.Metadata[:idp.MaxMetadata+1] // enough for the command to refuse
	}
	return config
}

// absentText is optionalText where an empty text is an absent one.
func (in *input) absentText(name string, checks ...check) string {
	if text, _ := in.value(name); string(text) == `""` {
		return ""
	}
	if text := in.optionalText(name, checks...); text != nil {
		return *text
	}
	return ""
}

// mapping reads the field mapping: from what a user has here to what the provider calls it.
func (in *input) mapping(names ...string) json.RawMessage {
	m := in.object("mapping")
	if m == nil {
		return nil
	}
	found := map[string]any{}
	for _, name := range names {
		if text := m.optionalText(name, atMost(maxClaimName)); text != nil {
			found[name] = *text
		}
	}
	if extra := m.object("extraFields"); extra != nil {
		fields := map[string]string{}
		for name := range extra.body {
			fields[name] = extra.text(name, atMost(maxClaimName))
		}
		found["extraFields"] = fields
	}
	text, _ := json.Marshal(found) // texts always have a JSON form
	return text
}
