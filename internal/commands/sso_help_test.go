package commands_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"dashd/eventlog"
	"dashd/internal/commands"
	"dashd/internal/errs"
	"dashd/internal/outbound"
	"dashd/internal/seal"
	"dashd/projections"
)

// office is a node with the project shop, where Ada owns Acme, Grace is a member, and
// Alan owns Globex.
type office struct {
	*node
	*commands.Commands
	acme, globex     string // organizations
	ada, grace, alan string // users
	dns              dns
	ahead            int64 // ms that the clock is fast
}

// dns says what tests have put there.
type dns struct {
	texts map[string][]string
	fail  error
	asked func() // is called in each look-up
}

func (d *dns) LookupTXT(_ context.Context, name string) ([]string, error) {
	if d.asked != nil {
		d.asked()
	}
	if d.fail == nil && d.texts[name] == nil {
		return nil, outbound.ErrNotFound
	}
	return d.texts[name], d.fail
}

func newOffice(t *testing.T) *office {
	t.Helper()
	o := &office{node: withProjects(t)}
	o.Commands = commands.New(commands.Options{
		Appender: o.appender, Reports: o.appender, Access: o.access, Dash: o.dash, Log: o.log, Sealer: sealer, Resolver: &o.dns,
		Now:    func() int64 { return noon + o.ahead },
		Settle: func(context.Context) (uint64, error) { return o.log.Head(), nil },
	})
	for to, name := range map[*string]string{&o.ada: "ada", &o.grace: "grace", &o.alan: "alan"} {
		*to = o.mustCreateUser(inShop, commands.UserCreate{Name: name, Email: name + "@example.com"})
	}
	o.acme, o.globex = o.organization("acme", o.ada), o.organization("globex", o.alan)
	if _, _, err := o.AddMember(t.Context(), inShop, commands.MemberAdd{OrganizationID: o.acme, UserID: o.grace}); err != nil {
		t.Fatal(err)
	}
	return o
}

func (o *office) organization(name, owner string) string {
	o.t.Helper()
	_, id, err := o.CreateOrganization(o.t.Context(), inShop, commands.OrganizationCreate{OwnerID: owner, Name: name, Slug: name})
	if err != nil {
		o.t.Fatal(err)
	}
	return id
}

func (o *office) tables() *projections.Tables { return o.dash.Image().Tables("shop") }

// provider returns the row of an SSO provider, which must be there.
func (o *office) provider(id string) projections.SSOProvider {
	o.t.Helper()
	p, ok := o.tables().SSOProvider(id)
	if !ok {
		o.t.Fatalf("there is no provider %s", id)
	}
	return p
}

// secretsOf opens the box of a provider.
func (o *office) secretsOf(p projections.SSOProvider) (secrets map[string]string) {
	o.t.Helper()
	text, err := sealer.Open(seal.Object{Class: seal.SSO, Project: "shop", ID: p.ID}, p.Sealed)
	if err == nil {
		err = json.Unmarshal(text, &secrets)
	}
	if err != nil {
		o.t.Fatal(err)
	}
	return secrets
}

// oidc is a config that can be used.
func oidc() *commands.OIDCConfig {
	return &commands.OIDCConfig{
		ClientID: "client-1", ClientSecret: "very-secret-value", Issuer: "https://idp.example",
		AuthorizationEndpoint: "https://idp.example/authorize", TokenEndpoint: "https://idp.example/token", JWKSEndpoint: "https://idp.example/jwks",
	}
}

// saml is a config that can be used.
func saml() *commands.SAMLConfig {
	return &commands.SAMLConfig{EntryPoint: "https://idp.example/sso", EntityID: "https://idp.example/saml", Cert: "MIIC"}
}

// mustProvide makes an OpenID provider of an organization.
func (o *office) mustProvide(organization, id, domain string) projections.SSOProvider {
	o.t.Helper()
	_, err := o.CreateSSOProvider(o.t.Context(), inShop, commands.SSOProviderCreate{
		OrganizationID: organization, ProviderID: id, Domain: domain, Protocol: commands.OIDC, OIDC: oidc(),
	})
	if err != nil {
		o.t.Fatal(err)
	}
	return o.provider(id)
}

// show puts the records into the DNS that prove the domains of a provider.
func (o *office) show(p projections.SSOProvider) {
	if o.dns.texts == nil {
		o.dns.texts = map[string][]string{}
	}
	for domain := range strings.SplitSeq(p.Domain, ",") {
		o.dns.texts[commands.TXTName(p.ProviderID)+"."+domain] = []string{p.VerificationToken}
	}
}

// mustVerify makes an OpenID provider whose domain is proved.
func (o *office) mustVerify(organization, id, domain string) projections.SSOProvider {
	o.t.Helper()
	o.show(o.mustProvide(organization, id, domain))
	_, v, err := o.VerifySSODomain(o.t.Context(), inShop, commands.SSOVerifyDomain{OrganizationID: organization, ProviderID: id})
	if err != nil || !v.Verified {
		o.t.Fatalf("not verified: %+v, %v", v, err)
	}
	return o.provider(id)
}

// mustLink makes accounts of new users at a provider.
func (o *office) mustLink(provider string, n int) {
	o.t.Helper()
	for chunk := range slices.Chunk(make([]eventlog.Event, n), 500) {
		for i := range chunk {
			id := fmt.Sprintf("linked-%d-%d", o.log.Head(), i)
			chunk[i] = eventlog.Event{
				Project: "shop", Type: eventlog.OAuthLinked, Time: noon, UserID: id, Key: id,
				Personal: eventlog.Personal{Metadata: fmt.Appendf(nil, `{"userId":%q,"userName":"Linked","userEmail":"%s@example.com","accountId":"account-%s","providerId":%q}`, id, id, id, provider)},
			}
		}
		if _, err := o.appender.Append(o.t.Context(), chunk); err != nil {
			o.t.Fatal(err)
		}
	}
	if err := o.dash.Wait(o.t.Context(), o.log.Head()); err != nil {
		o.t.Fatal(err)
	}
}

// wantRefusal checks that an error is a refusal with a message, and that the log is as it was.
func (o *office) wantRefusal(t *testing.T, err error, kind errs.Kind, message string, head uint64) {
	t.Helper()
	if err == nil || errs.KindOf(err) != kind || errs.Message(err) != message || errs.CodeOf(err) == "" {
		t.Errorf("got %v (%v), want %v %q with a code", err, errs.KindOf(err), kind, message)
	}
	if o.log.Head() != head {
		t.Errorf("the log grew by %v", o.types(head))
	}
}
