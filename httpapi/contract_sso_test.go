package httpapi_test

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"sync"

	"dashd/internal/outbound"
)

// txtRecords is a resolver that knows what a test has put there.
type txtRecords struct {
	mu    sync.Mutex
	of    map[string][]string
	fail  error  // of all look-ups
	asked func() // is called in each look-up
}

// LookupTXT implements outbound.Resolver.
func (r *txtRecords) LookupTXT(_ context.Context, name string) ([]string, error) {
	r.mu.Lock()
	texts, fail, asked := r.of[name], r.fail, r.asked
	r.mu.Unlock()
	if asked != nil {
		asked()
	}
	if fail == nil && len(texts) == 0 {
		fail = outbound.ErrNotFound
	}
	return texts, fail
}

// put replaces the records of a name.
func (r *txtRecords) put(name string, texts ...string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	of := maps.Clone(r.of)
	if of == nil {
		of = map[string][]string{}
	}
	of[name] = texts
	r.of = of
}

// ssoContracts are replayed in the state that company makes, with what is noted here.
var ssoContracts = []contract{
	{file: "get-dash-organization-sso-providers", build: func(s *scene, x *exchange) {
		if s.tell(company()...); x.Case == "sso-providers-list" {
			s.oidc("acme-oidc", "acme.example")
			s.saml("acme-saml", "saml.acme.example")
			s.oidc("x6", "not a domain")
		}
	}},
	{file: "post-dash-organization-sso-provider", build: func(s *scene, x *exchange) {
		s.tell(company()...)
		switch x.Note {
		case "duplicate providerId":
			s.oidc("acme-oidc", "acme.example")
		case "plain member":
			s.must("PATCH", "/dash/organization/member/role", `{"organizationId":"organization_001","memberId":"member_004","role":"member"}`)
		case "metadata over 100 KB":
			x.Request.Body = []byte(strings.Replace(string(x.Request.Body), "<102407 characters>", strings.Repeat("x", 102407), 1))
		}
	}},
	{file: "patch-dash-organization-sso-provider", build: func(s *scene, x *exchange) {
		s.tell(company()...)
		switch x.index {
		case 0, 1, 2:
			s.oidc("acme-oidc", "acme.example")
			s.saml("acme-saml", "saml.acme.example")
		case 3:
			s.oidc("acme-oidc", "login.acme.example")
		case 4:
			s.verified("ok", "a.example")
		case 5:
			s.verified("ok", "a.example")
			s.must("PATCH", "/dash/organization/sso-provider", `{"organizationId":"organization_001","providerId":"ok","domain":"b.example"}`)
		case 6:
			s.oidc("ok", "b.example")
			s.tell(linked("account_1", "user_001", "ok"))
		}
	}},
	{file: "delete-dash-organization-sso-provider", build: func(s *scene, x *exchange) {
		if s.tell(company()...); x.index == 0 {
			s.oidc("acme-oidc", "acme.example")
		}
	}},
	{file: "post-dash-organization-sso-provider-verify-domain", build: func(s *scene, x *exchange) {
		s.tell(company()...)
		switch x.Note {
		case "TXT record absent":
			s.oidc("acme-oidc", "absent.example")
		case "already verified":
			s.verified("acme-oidc", "acme.example")
		case "no pending token":
			s.oidc("ok", "acme.example")
			s.must("POST", "/dash/organization/sso-provider/mark-domain-verified", `{"organizationId":"organization_001","providerId":"ok","verified":false}`)
		}
	}},

	{file: "get-dash-organization-directories", build: func(s *scene, x *exchange) {
		if s.tell(company()...); x.Case == "directories-list-legacy" {
			s.directory("okta")
		}
	}},
	{file: "post-dash-organization-directory", build: func(s *scene, x *exchange) {
		s.tell(company()...)
		if x.Case == "directory-create-errors" && x.Note != "" {
			s.directory("okta")
		}
	}},
	{file: "delete-dash-organization-directory", build: func(s *scene, x *exchange) {
		if s.tell(company()...); x.index == 0 {
			s.directory("okta")
		}
	}},
	{file: "post-dash-organization-directory-token", build: func(s *scene, x *exchange) {
		if s.tell(company()...); x.index == 0 {
			s.directory("okta")
		}
	}},
	{file: "extra-sso-and-directories", build: func(s *scene, x *exchange) {
		s.tell(company()...)
		switch {
		case strings.HasPrefix(x.Case, "sso-"):
			s.oidc("acme-oidc", "login.acme.example")
		case x.Case == "directory-detail-legacy":
			s.directory("okta")
		}
	}},
}

// oidc makes an OpenID provider of acme, and returns what proves its domain.
func (s *scene) oidc(id, domain string) (token string) {
	s.t.Helper()
	made := s.must("POST", "/dash/organization/sso-provider", fmt.Sprintf(`{"organizationId":"organization_001","providerId":%q,"domain":%q,
		"protocol":"OIDC","userId":"user_001","oidcConfig":{"clientId":"client-1","clientSecret":"very-secret-value","issuer":"https://idp.example.com",
		"authorizationEndpoint":"https://idp.example.com/authorize","tokenEndpoint":"https://idp.example.com/token",
		"jwksEndpoint":"https://idp.example.com/jwks","mapping":{"email":"email","name":"name"}}}`, id, domain))
	return made["domainVerification"].(map[string]any)["verificationToken"].(string)
}

// saml makes a SAML provider of acme.
func (s *scene) saml(id, domain string) {
	s.t.Helper()
	s.must("POST", "/dash/organization/sso-provider", fmt.Sprintf(`{"organizationId":"organization_001","providerId":%q,"domain":%q,
		"protocol":"SAML","userId":"user_001","samlConfig":{"entityId":"https://idp.example.com/saml",
		"entryPoint":"https://idp.example.com/saml/sso","cert":"MIIC"}}`, id, domain))
}

// verified makes an OpenID provider whose domain is proved.
func (s *scene) verified(id, domain string) {
	s.t.Helper()
	s.txt.put("_better-auth-token-"+id+"."+domain, s.oidc(id, domain))
	v := s.must("POST", "/dash/organization/sso-provider/verify-domain", fmt.Sprintf(`{"organizationId":"organization_001","providerId":%q}`, id))
	if v["verified"] != true {
		s.t.Fatalf("not verified: %v", v)
	}
}

// directory makes a directory of acme, and returns the answer.
func (s *scene) directory(provider string) map[string]any {
	s.t.Helper()
	return s.must("POST", "/dash/organization/directory", fmt.Sprintf(`{"organizationId":"organization_001","providerId":%q}`, provider))
}

// linked is the event that makes an account of a user at a provider.
func linked(id, user, provider string) told {
	return told{"type": "oauth.linked", "userId": user, "metadata": told{"userId": user, "accountId": id, "providerId": provider}}
}
