package commands_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"dashd/eventlog"
	"dashd/internal/commands"
	"dashd/internal/errs"
)

func TestSSOProviderCreateRefuses(t *testing.T) {
	o := newOffice(t)
	o.mustProvide(o.acme, "taken", "acme.example")
	for _, digit := range "0123456789" {
		o.mustProvide(o.globex, "g"+string(digit), "globex.example")
	}
	for _, tt := range []struct {
		name    string
		change  func(*commands.SSOProviderCreate)
		kind    errs.Kind
		message string
	}{
		{"an unknown organization", func(c *commands.SSOProviderCreate) { c.OrganizationID = "missing" }, errs.NotFound, "Organization not found"},
		{"an unknown user", func(c *commands.SSOProviderCreate) { c.UserID = "missing" }, errs.Invalid, "You are not a member of the organization"},
		{"a user of another organization", func(c *commands.SSOProviderCreate) { c.UserID = o.alan }, errs.Invalid, "You are not a member of the organization"},
		{"a plain member", func(c *commands.SSOProviderCreate) { c.UserID = o.grace }, errs.Forbidden, "You must be an organization owner or admin to register SSO providers"},
		{"an eleventh provider of a user", func(c *commands.SSOProviderCreate) { c.OrganizationID = o.globex }, errs.Forbidden, "You have reached the maximum number of SSO providers"},
		{"an id that is taken", func(c *commands.SSOProviderCreate) { c.ProviderID = "taken" }, errs.Conflict, "SSO provider with this providerId already exists"},
		{"the name of a social provider", func(c *commands.SSOProviderCreate) { c.ProviderID = "Google" }, errs.Conflict, "This providerId is reserved and cannot be used for an SSO provider"},
		{"the name of passwords", func(c *commands.SSOProviderCreate) { c.ProviderID = "credential" }, errs.Conflict, "This providerId is reserved and cannot be used for an SSO provider"},
		{"no config", func(c *commands.SSOProviderCreate) { c.OIDC = nil }, errs.Invalid, "[body.issuer] Invalid URL"},
		{"the config of the other protocol", func(c *commands.SSOProviderCreate) { c.OIDC, c.SAML = nil, saml() }, errs.Invalid, "[body.issuer] Invalid URL"},
		{"no secret", func(c *commands.SSOProviderCreate) { c.OIDC.ClientSecret = "" }, errs.Invalid, "Client secret is required when creating an OIDC provider"},
		{"a mask for a secret", func(c *commands.SSOProviderCreate) { c.OIDC.ClientSecret = "****alue" }, errs.Invalid, "Client secret is required when creating an OIDC provider"},
		{
			"no token endpoint", func(c *commands.SSOProviderCreate) { c.OIDC.TokenEndpoint = "" }, errs.Invalid,
			"OIDC discovery must be resolved before submitting; provide issuer, authorizationEndpoint, tokenEndpoint, and jwksEndpoint",
		},
		{
			"discovery elsewhere", func(c *commands.SSOProviderCreate) { c.OIDC.DiscoveryEndpoint = "https://evil.example/" }, errs.Invalid,
			`Untrusted OIDC discovery URL "https://evil.example/": its origin is not that of the issuer`,
		},
		{"no entry point", asSAML(commands.SAMLConfig{EntityID: "x"}), errs.Invalid, "SAML entry point URL is required; provide entryPoint or IdP metadata with SingleSignOnService Location"},
		{"no entity", asSAML(commands.SAMLConfig{EntryPoint: "https://idp.example"}), errs.Invalid, "IdP entity ID is required when IdP metadata XML is not provided"},
		{"metadata to be fetched", asSAML(commands.SAMLConfig{MetadataURL: "https://idp.example"}), errs.Invalid, "IdP metadata URL must be resolved before submitting; provide idpMetadata.metadata"},
		{"metadata that is too large", asSAML(commands.SAMLConfig{Metadata: strings.Repeat("x", 100<<10+1)}), errs.Invalid, "IdP metadata exceeds maximum allowed size (100KB)"},
		{"metadata with a document type", asSAML(commands.SAMLConfig{Metadata: "<!DOCTYPE x><x/>"}), errs.Invalid, "IdP metadata cannot be used: a document type or entity"},
		{
			"the mask of a private key", asSAML(commands.SAMLConfig{EntityID: "x", EntryPoint: "https://idp.example", PrivateKey: "****abcd"}), errs.Invalid,
			"[body.samlConfig.privateKey] This is the mask of another key: send the key",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cmd := commands.SSOProviderCreate{OrganizationID: o.acme, ProviderID: "new", Domain: "acme.example", Protocol: commands.OIDC, OIDC: oidc()}
			tt.change(&cmd)
			head := o.log.Head()
			_, err := o.CreateSSOProvider(t.Context(), inShop, cmd)
			o.wantRefusal(t, err, tt.kind, tt.message, head)
			if _, made := o.tables().SSOProvider("new"); made {
				t.Error("it was made")
			}
		})
	}
}

func asSAML(config commands.SAMLConfig) func(*commands.SSOProviderCreate) {
	return func(c *commands.SSOProviderCreate) { c.Protocol, c.OIDC, c.SAML = commands.SAML, nil, &config }
}

func TestSSOProviderIsStoredWithoutItsSecrets(t *testing.T) {
	o := newOffice(t)
	p := o.mustProvide(o.acme, "acme", "not a domain") // which matters when it is to be proved only
	if p.UserID != o.ada || p.DomainVerified || len(p.VerificationToken) != 24 || string(p.OrganizationID) != o.acme || p.Issuer != "https://idp.example" {
		t.Errorf("the row is %+v", p)
	}
	if text := string(p.OIDCConfig); strings.Contains(text, "very-secret") || !strings.Contains(text, `"clientSecret":"****alue"`) ||
		!strings.Contains(text, `"tokenEndpointAuthentication":"client_secret_basic"`) || !strings.Contains(text, `"pkce":true`) {
		t.Errorf("the config is %s", text)
	}
	if got := o.secretsOf(p); got["clientSecret"] != "very-secret-value" || len(got) != 1 {
		t.Errorf("the box holds %q", got)
	}
	for _, r := range o.records() {
		if strings.Contains(string(r.Metadata), "very-secret") {
			t.Errorf("the secret is in the metadata of %s", r.Type)
		}
	}
}

func TestSSOProviderUpdate(t *testing.T) {
	const pem = "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG\n-----END PRIVATE KEY-----\n"
	text := func(s string) *string { return &s }
	for _, tt := range []struct {
		name    string
		change  func(*commands.SSOProviderUpdate)
		kind    errs.Kind
		refusal string // "" if it is done
		secrets map[string]string
		holds   string // in the config
	}{
		{
			"another client, the secret left out",
			func(c *commands.SSOProviderUpdate) {
				c.OIDC = oidc()
				c.OIDC.ClientID, c.OIDC.ClientSecret = "client-2", ""
			},
			0, "",
			map[string]string{"clientSecret": "very-secret-value"},
			`"clientId":"client-2"`,
		},
		{
			"the masked secret sent back",
			func(c *commands.SSOProviderUpdate) { c.OIDC = oidc(); c.OIDC.ClientSecret = "****alue" },
			0, "",
			map[string]string{"clientSecret": "very-secret-value"},
			`"****alue"`,
		},
		{
			"another secret",
			func(c *commands.SSOProviderUpdate) { c.OIDC = oidc(); c.OIDC.ClientSecret = "tiny" },
			0, "",
			map[string]string{"clientSecret": "tiny"},
			`"clientSecret":"****"`,
		},
		{
			"the mask of another secret",
			func(c *commands.SSOProviderUpdate) { c.OIDC = oidc(); c.OIDC.ClientSecret = "****else" },
			errs.Invalid, "Client secret is required when updating an OIDC provider", nil, "",
		},
		{
			"the secret left out, for a token endpoint elsewhere",
			func(c *commands.SSOProviderUpdate) {
				c.OIDC = oidc()
				c.OIDC.ClientSecret, c.OIDC.TokenEndpoint = "", "https://elsewhere.example/token"
			},
			errs.Invalid, "Client secret is required when updating an OIDC provider", nil, "",
		},
		{
			"another protocol",
			func(c *commands.SSOProviderUpdate) { c.SAML = saml(); c.SAML.PrivateKey = pem },
			0, "",
			map[string]string{"privateKey": pem},
			`"privateKey":"****hkiG"`,
		},
		{
			"a protocol without its config",
			func(c *commands.SSOProviderUpdate) { c.Protocol = commands.SAML },
			errs.Invalid, "[body.issuer] Invalid URL", nil, "",
		},
		{
			"nothing",
			func(*commands.SSOProviderUpdate) {},
			errs.Invalid, "No fields provided for update", nil, "",
		},
		{
			"the domain it has",
			func(c *commands.SSOProviderUpdate) { c.Domain = text("acme.example") },
			errs.Invalid, "No fields provided for update", nil, "",
		},
		{
			"the config of the other protocol beside the protocol it has",
			func(c *commands.SSOProviderUpdate) { c.Protocol, c.SAML = commands.OIDC, saml() },
			errs.Invalid, "No fields provided for update", nil, "",
		},
		{
			"no endpoints",
			func(c *commands.SSOProviderUpdate) {
				c.OIDC = &commands.OIDCConfig{ClientID: "x", ClientSecret: "y"}
			},
			errs.Invalid, "OIDC discovery must be resolved before submitting; provide issuer, authorizationEndpoint, tokenEndpoint, and jwksEndpoint", nil, "",
		},
		{
			"one that is not there",
			func(c *commands.SSOProviderUpdate) { c.ProviderID = "missing" },
			errs.NotFound, "SSO provider not found", nil, "",
		},
		{
			"that of another organization",
			func(c *commands.SSOProviderUpdate) { c.OrganizationID = "globex"; c.OIDC = oidc() },
			errs.NotFound, "SSO provider not found", nil, "",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o := newOffice(t)
			before := o.mustProvide(o.acme, "acme", "acme.example")
			cmd := commands.SSOProviderUpdate{OrganizationID: o.acme, ProviderID: "acme"}
			tt.change(&cmd)
			if cmd.OrganizationID == "globex" {
				cmd.OrganizationID = o.globex
			}
			head := o.log.Head()
			_, err := o.UpdateSSOProvider(t.Context(), inShop, cmd)
			if tt.refusal != "" {
				o.wantRefusal(t, err, tt.kind, tt.refusal, head)
				return
			}
			p := o.provider("acme")
			if err != nil || p.ID != before.ID {
				t.Fatalf("UpdateSSOProvider = %v; the row %s was %s", err, p.ID, before.ID)
			}
			if got := o.secretsOf(p); !sameTexts(got, tt.secrets) {
				t.Errorf("the box holds %q, want %q", got, tt.secrets)
			}
			if text := string(p.OIDCConfig) + string(p.SAMLConfig); !strings.Contains(text, tt.holds) {
				t.Errorf("the config %s lacks %s", text, tt.holds)
			}
			if (p.OIDCConfig == nil) == (p.SAMLConfig == nil) {
				t.Error("it has none or both of the configs")
			}
		})
	}
}

func sameTexts(a, b map[string]string) bool {
	x, _ := json.Marshal(a)
	y, _ := json.Marshal(b)
	return string(x) == string(y)
}

func TestWhoIssuesIdentitiesIsFixedWhileAccountsDependOnIt(t *testing.T) {
	o := newOffice(t)
	o.mustProvide(o.acme, "acme", "acme.example")
	o.mustLink("acme", 1)
	other := oidc()
	other.Issuer, other.DiscoveryEndpoint = "https://other.example", "https://other.example"
	for _, cmd := range []commands.SSOProviderUpdate{{OIDC: other}, {SAML: saml()}} {
		cmd.OrganizationID, cmd.ProviderID = o.acme, "acme"
		head := o.log.Head()
		_, err := o.UpdateSSOProvider(t.Context(), inShop, cmd)
		o.wantRefusal(t, err, errs.Conflict, "Cannot change SSO provider identity fields while linked accounts exist", head)
	}
	same := oidc()
	same.TokenEndpoint = "https://idp.example/other"
	if _, err := o.UpdateSSOProvider(t.Context(), inShop, commands.SSOProviderUpdate{OrganizationID: o.acme, ProviderID: "acme", OIDC: same}); err != nil {
		t.Errorf("another endpoint of the same issuer: %v", err)
	}
}

// Accounts by the thousand take several blocks; the provider goes with the last.
func TestSSOProviderDeleteTakesItsAccountsAlong(t *testing.T) {
	o := newOffice(t)
	o.mustProvide(o.acme, "acme", "acme.example")
	o.mustProvide(o.acme, "other", "acme.example")
	o.mustLink("acme", 2500)
	o.mustLink("other", 1)
	if _, _, err := o.CreateDirectory(t.Context(), inShop, commands.DirectoryCreate{
		OrganizationID: o.acme, ProviderID: "okta", Pairing: &commands.Pairing{SSOProviderID: "acme", ExternalIDSource: "sub"},
	}); err != nil {
		t.Fatal(err)
	}
	call := once("k", "delete acme")
	head := o.log.Head()
	if _, err := o.DeleteSSOProvider(t.Context(), call, commands.SSOProviderDelete{OrganizationID: o.acme, ProviderID: "acme"}); err != nil {
		t.Fatal(err)
	}
	types := o.types(head)
	if n := len(types); n != 2502 || types[n-1] != eventlog.SSOProviderDeleted || types[n-2] != eventlog.DirectoryUnpaired || types[0] != eventlog.OAuthUnlinked {
		t.Errorf("%d events, the last %v; want 2500 accounts, the pairing and the provider", n, types[max(0, n-2):])
	}
	if _, there := o.tables().SSOProvider("acme"); there || len(o.tables().AccountsOfProvider("acme")) > 0 || len(o.tables().AccountsOfProvider("other")) != 1 {
		t.Error("what is left is not what should be")
	}
	d, _ := o.tables().Directory(o.acme, "okta")
	if d.Pairing != nil || d.PairingEnforced || d.UnpairedBy != "op1" {
		t.Errorf("the directory is %+v", d)
	}
	head = o.log.Head()
	done, err := o.DeleteSSOProvider(t.Context(), call, commands.SSOProviderDelete{OrganizationID: o.acme, ProviderID: "acme"})
	if err != nil || !done.Repeat || o.log.Head() != head {
		t.Errorf("the repeat: %v, %v, %d more events", done.Repeat, err, o.log.Head()-head)
	}
	_, err = o.DeleteSSOProvider(t.Context(), inShop, commands.SSOProviderDelete{OrganizationID: o.acme, ProviderID: "acme"})
	o.wantRefusal(t, err, errs.NotFound, "SSO provider not found", head)
	_, err = o.DeleteSSOProvider(t.Context(), inShop, commands.SSOProviderDelete{OrganizationID: o.globex, ProviderID: "other"})
	o.wantRefusal(t, err, errs.NotFound, "SSO provider not found", head)
}

func TestSSOEventsNameTheOperator(t *testing.T) {
	o := newOffice(t)
	head := o.log.Head()
	o.mustVerify(o.acme, "acme", "acme.example")
	if _, err := o.MarkSSOUnverified(t.Context(), inShop, commands.SSOMarkUnverified{OrganizationID: o.acme, ProviderID: "acme"}); err != nil {
		t.Fatal(err)
	}
	if _, err := o.RequestSSOVerification(t.Context(), inShop, commands.SSORequestVerification{OrganizationID: o.acme, ProviderID: "acme"}); err != nil {
		t.Fatal(err)
	}
	want := []eventlog.Type{
		eventlog.SSOProviderCreated, eventlog.SSOProviderDomainVerified, eventlog.SSOProviderUpdated, eventlog.SSOProviderVerificationRequested,
	}
	if got := o.types(head); !slices.Equal(got, want) {
		t.Errorf("events %v, want %v", got, want)
	}
	for _, r := range o.records()[head:] {
		if by, _ := eventlog.MetadataText(r.Metadata, "triggeredBy"); by != "op1" || r.OrganizationID != o.acme || r.ActorID != "op1" {
			t.Errorf("%s is by %q, about %s", r.Type, by, r.OrganizationID)
		}
	}
}
