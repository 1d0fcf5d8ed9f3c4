package httpapi_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"dashd/httpapi"
)

// acme is an empty project with the company of the recordings, where the server is
// reached at auth.example.
func acme(t *testing.T) *scene {
	t.Helper()
	d := startAt(t, recordedAt)
	s := d.scene(t, contract{settings: func(*exchange) []with {
		return []with{func(o *httpapi.Options, _ *http.Server) { o.Settings.PublicURL = "https://auth.example" }}
	}}, &exchange{})
	s.tell(company()...)
	return s
}

// signedBy sends a request with a signed token that carries claims.
func (s *scene) signedBy(claims map[string]any, method, path, body string) answer {
	s.t.Helper()
	return s.serve(method, path, body, "Authorization", "Bearer "+s.token(s.key, claims), "Content-Type", "application/json")
}

const ofAcme = "/dash/organization/organization_001"

func TestSSOProviderSecretsAreMasked(t *testing.T) {
	s := acme(t)
	s.oidc("acme-oidc", "acme.example")
	s.secrets = append(s.secrets, "very-secret-value") // nor in the log
	a := s.do("GET", "/dash/organization/sso-providers?organizationId=organization_001", "")
	var rows []struct {
		DomainVerified bool
		OIDCConfig     struct{ ClientID, ClientSecret, DiscoveryEndpoint string }
		SAMLConfig     json.RawMessage
	}
	if err := json.Unmarshal(a.body, &rows); err != nil || len(rows) != 1 || rows[0].OIDCConfig.ClientSecret != "****alue" ||
		rows[0].OIDCConfig.DiscoveryEndpoint != "https://idp.example.com" || string(rows[0].SAMLConfig) != "null" {
		t.Fatalf("%v in %s", err, a.body)
	}
	if strings.Contains(string(a.body), "very-secret") {
		t.Errorf("the secret is in %s", a.body)
	}
	if a := s.do("GET", "/dash/organization/sso-providers?organizationId=missing", ""); string(a.body) != "[]" {
		t.Errorf("of an unknown organization: %s", a.body)
	}
}

func TestSSOProviderFieldsAreChecked(t *testing.T) {
	s := acme(t)
	const whole = `{"organizationId":"organization_001","providerId":"p","domain":"acme.example","protocol":"OIDC","oidcConfig":{"clientId":"c",
		"clientSecret":"s","issuer":"https://idp.example","authorizationEndpoint":"https://idp.example/a","tokenEndpoint":"https://idp.example/t","jwksEndpoint":"https://idp.example/j"}}`
	for _, tt := range []struct{ name, old, new, want string }{
		{"no provider id", `"providerId":"p",`, ``, "[body.providerId] Invalid input: expected string, received undefined"},
		{"an empty provider id", `"providerId":"p"`, `"providerId":""`, "[body.providerId] Too small: expected string to have >=1 characters"},
		{"a domain that is a number", `"acme.example"`, `1`, "[body.domain] Invalid input: expected string, received number"},
		{"an unknown protocol", `"OIDC"`, `"LDAP"`, `[body.protocol] Invalid option: expected one of "SAML"|"OIDC"`},
		{"a config that is a text", `"oidcConfig":{`, `"oidcConfig":"x","x":{`, "[body.oidcConfig] Invalid input: expected object, received string"},
		{"no client", `"clientId":"c",`, ``, "[body.oidcConfig.clientId] Invalid input: expected string, received undefined"},
		{"an issuer that is no URL", `"issuer":"https://idp.example"`, `"issuer":"idp"`, "[body.oidcConfig.issuer] URL must be a valid http(s) URL without credentials"},
		{"an endpoint with a password", `"https://idp.example/t"`, `"https://u:p@idp.example/t"`, "[body.oidcConfig.tokenEndpoint] URL must be a valid http(s) URL without credentials"},
		{"an unknown way to authenticate", `"clientId":"c"`, `"clientId":"c","tokenEndpointAuthentication":"none"`, `[body.oidcConfig.tokenEndpointAuthentication] Invalid option: expected one of "client_secret_post"|"client_secret_basic"`},
		{"a mapping of a number", `"clientId":"c"`, `"clientId":"c","mapping":{"email":1}`, "[body.oidcConfig.mapping.email] Invalid input: expected string, received number"},
		{"metadata that is a number", `"oidcConfig"`, `"samlConfig":{"idpMetadata":{"metadata":1}},"oidcConfig"`, "[body.samlConfig.idpMetadata.metadata] Invalid input: expected string, received number"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			head := s.node.Store.Head()
			a := s.do("POST", "/dash/organization/sso-provider", strings.Replace(whole, tt.old, tt.new, 1), "Content-Type", "application/json")
			a.wantError(t, http.StatusBadRequest, "VALIDATION_ERROR")
			if !strings.Contains(string(a.body), string(jsonOf(tt.want))) {
				t.Errorf("got %s, want %s", a.body, tt.want)
			}
			if s.node.Store.Head() != head {
				t.Error("the log grew")
			}
		})
	}
	s.must("POST", "/dash/organization/sso-provider", whole)
	again := s.do("POST", "/dash/organization/sso-provider", whole, "Content-Type", "application/json")
	again.wantError(t, http.StatusUnprocessableEntity, "SSO_PROVIDER_WITH_THIS_PROVIDERID_ALREADY_EXISTS")
}

// A signed token is for the organization that it names, whatever the path says.
func TestSSOAccessOfSignedTokens(t *testing.T) {
	s := acme(t)
	s.oidc("acme-oidc", "acme.example")
	for _, tt := range []struct {
		name         string
		claims       map[string]any
		method, path string
		body         string
		status       int
	}{
		{"its own", map[string]any{"organizationId": "organization_001"}, "GET", ofAcme + "/sso-providers", "", 200},
		{"another's path", map[string]any{"organizationId": "organization_002"}, "GET", ofAcme + "/sso-providers", "", 403},
		{"another's query", map[string]any{"organizationId": "organization_002"}, "GET", "/dash/organization/sso-providers?organizationId=organization_001", "", 403},
		{"another's body", map[string]any{"organizationId": "organization_002"}, "DELETE", "/dash/organization/sso-provider", `{"organizationId":"organization_001","providerId":"acme-oidc"}`, 403},
		{"no claim", map[string]any{}, "GET", ofAcme + "/sso-providers", "", 403},
		{"no claim, to delete", map[string]any{}, "POST", ofAcme + "/sso-provider/delete", `{"providerId":"acme-oidc"}`, 403},
		{"another's provider under its own path", map[string]any{"organizationId": "organization_002"}, "POST", "/dash/organization/organization_002/sso-provider/delete", `{"providerId":"acme-oidc"}`, 404},
		{"its own, only named by the claim", map[string]any{"organizationId": "organization_001"}, "DELETE", "/dash/organization/sso-provider", `{"providerId":"acme-oidc"}`, 200},
	} {
		t.Run(tt.name, func(t *testing.T) {
			head := s.node.Store.Head()
			a := s.signedBy(tt.claims, tt.method, tt.path, tt.body)
			if a.status != tt.status {
				t.Errorf("%d %s, want %d", a.status, a.body, tt.status)
			}
			if tt.status == 403 {
				a.wantError(t, 403, "YOU_DO_NOT_HAVE_ACCESS_TO_THIS_ORGANIZATION")
			}
			if tt.status != 200 && s.node.Store.Head() != head {
				t.Error("the log grew")
			}
		})
	}
}

func TestDirectoryManagementOfSignedTokens(t *testing.T) {
	s := acme(t)
	s.directory("okta")
	whole := map[string]any{"purpose": "directory-sync-management", "organizationId": "organization_001", "actorId": "actor_1"}
	without := func(claim string, value any) map[string]any {
		claims := map[string]any{}
		for name, v := range whole {
			claims[name] = v
		}
		if claims[claim] = value; value == nil {
			delete(claims, claim)
		}
		return claims
	}
	for _, at := range []struct{ method, path string }{
		{"GET", ofAcme + "/directories"},
		{"GET", ofAcme + "/directories/okta"},
		{"GET", ofAcme + "/directories/okta/events"},
		{"POST", ofAcme + "/directories"},
		{"POST", ofAcme + "/directories/okta/credentials/rotate"},
		{"POST", ofAcme + "/directories/okta/credentials/x/revoke"},
		{"POST", ofAcme + "/directories/okta/decommission"},
		{"POST", ofAcme + "/directories/okta/unpair"},
	} {
		for _, claims := range []map[string]any{
			without("purpose", nil), without("purpose", "other"), without("actorId", nil), without("organizationId", nil), without("organizationId", "organization_002"), {},
		} {
			head := s.node.Store.Head()
			body := ""
			if at.method == "POST" {
				body = `{"providerId":"okta"}`
			}
			a := s.signedBy(claims, at.method, at.path, body)
			a.wantError(t, http.StatusUnauthorized, "INVALID_DIRECTORY_SYNC_MANAGEMENT_AUTHORIZATION")
			if s.node.Store.Head() != head {
				t.Errorf("%s %s with %v: the log grew", at.method, at.path, claims)
			}
		}
	}
	a := s.signedBy(whole, "POST", ofAcme+"/directories/okta/credentials/rotate", "{}")
	var made struct{ Credential struct{ CreatedBy string } }
	if json.Unmarshal(a.body, &made) != nil || a.status != 200 || made.Credential.CreatedBy != "actor_1" {
		t.Errorf("%d %s, want a credential by actor_1", a.status, a.body)
	}
}

// directoryAnswer is what answers say of a directory.
type directoryAnswer struct {
	Success                                        bool
	ConnectionID, ProviderID, Status, SCIMEndpoint string
	Credentials                                    []credentialAnswer
	Credential                                     *credentialAnswer
	SCIMToken                                      *string
	UnpairedBy                                     *string
}

type credentialAnswer struct{ CredentialID, Status string }

func TestLifeOfADirectory(t *testing.T) {
	s := acme(t)
	call := func(method, path, body string, headers ...string) (answer, directoryAnswer) {
		t.Helper()
		a := s.do(method, path, body, append([]string{"Content-Type", "application/json"}, headers...)...)
		return a, decode[directoryAnswer](t, a, http.StatusOK)
	}
	a, made := call("POST", "/dash/organization/directory", `{"organizationId":"organization_001","providerId":"okta"}`, "Idempotency-Key", "one")
	if made.SCIMToken == nil || !strings.HasPrefix(*made.SCIMToken, made.Credential.CredentialID+".") || made.SCIMEndpoint != "https://auth.example/scim/v2" ||
		made.Status != "active" || len(made.Credentials) != 1 {
		t.Fatalf("made: %s", a.body)
	}
	if a.header.Get("Cache-Control") != "no-store, max-age=0" || a.header.Get("Pragma") != "no-cache" {
		t.Errorf("the headers of a secret are %v", a.header)
	}
	s.secrets = append(s.secrets, *made.SCIMToken)
	a, repeat := call("POST", "/dash/organization/directory", `{"organizationId":"organization_001","providerId":"okta"}`, "Idempotency-Key", "one")
	if repeat.SCIMToken != nil || repeat.ConnectionID != made.ConnectionID || a.header.Get("Idempotency-Replayed") != "true" {
		t.Errorf("the repeat: %s", a.body)
	}

	a, second := call("POST", ofAcme+"/directories/okta/credentials/rotate", "")
	if second.ConnectionID != made.ConnectionID || second.SCIMToken == nil || *second.SCIMToken == *made.SCIMToken || a.header.Get("Pragma") != "no-cache" {
		t.Errorf("rotated: %s", a.body)
	}
	_, row := call("GET", ofAcme+"/directories/okta", "")
	if want := []credentialAnswer{{second.Credential.CredentialID, "active"}, {made.Credential.CredentialID, "active"}}; !slices.Equal(row.Credentials, want) {
		t.Errorf("after a rotation: %+v, want both, the newest first", row.Credentials)
	}
	_, row = call("POST", ofAcme+"/directories/okta/credentials/"+second.Credential.CredentialID+"/revoke", "")
	if row.Credentials[0].Status != "revoked" {
		t.Errorf("revoked: %+v", row.Credentials)
	}
	_, third := call("POST", "/dash/organization/directory/token", `{"organizationId":"organization_001","providerId":"okta","expiresAt":"2026-03-18T13:00:00Z"}`)
	_, row = call("GET", "/dash/organization/directory?organizationId=organization_001&providerId=okta", "")
	if !third.Success || row.Credentials[0] != (credentialAnswer{third.Credential.CredentialID, "active"}) || row.Credentials[2].Status != "revoked" {
		t.Errorf("regenerated: %+v", row.Credentials)
	}
	s.ahead.Store(time.Hour.Milliseconds())
	if _, row = call("GET", ofAcme+"/directories/okta", ""); row.Credentials[0].Status != "expired" {
		t.Errorf("after its end: %+v", row.Credentials)
	}
	s.ahead.Store(0)
	for range 2 {
		_, row = call("DELETE", "/dash/organization/directory", `{"organizationId":"organization_001","providerId":"okta"}`)
		if !row.Success || row.Status != "decommissioned" || row.Credentials[0].Status != "decommissioned" || row.Credentials[1].Status != "revoked" {
			t.Errorf("decommissioned: %+v", row)
		}
	}
	list := s.do("GET", "/dash/organization/directories?organizationId=organization_001", "")
	if rows := decode[[]directoryAnswer](t, list, http.StatusOK); len(rows) != 1 || rows[0].ConnectionID != made.ConnectionID {
		t.Errorf("the list is %s", list.body)
	}
	if strings.Contains(string(list.body), *made.SCIMToken) || strings.Contains(string(list.body), "hash") {
		t.Errorf("the list shows what opens the directory: %s", list.body)
	}
}

func TestEventsOfADirectory(t *testing.T) {
	s := acme(t)
	s.directory("okta")
	for range 3 {
		s.must("POST", ofAcme+"/directories/okta/credentials/rotate", "")
	}
	// What an application sends is not an event of a directory.
	s.tell(told{"type": "directory.decommissioned", "organizationId": "organization_001", "metadata": told{"providerId": "okta"}})
	s.must("POST", "/dash/organization/directory", `{"organizationId":"organization_002","providerId":"okta"}`)
	type page struct {
		Events []struct {
			Sequence      uint64
			Type, ActorID string
			CredentialID  *string
			CreatedAt     string
		}
		Total, Limit, Offset int
	}
	read := func(query string) page {
		t.Helper()
		return decode[page](t, s.do("GET", ofAcme+"/directories/okta/events"+query, ""), http.StatusOK)
	}
	p := read("")
	if p.Total != 5 || p.Limit != 10 || len(p.Events) != 5 || p.Events[4].Type != "directory.created" || p.Events[4].CredentialID != nil ||
		p.Events[0].Type != "directory.credential_issued" || p.Events[0].CredentialID == nil || p.Events[0].ActorID == "" || p.Events[0].CreatedAt != "2026-03-18T12:05:00.000Z" {
		t.Errorf("the newest first: %+v", p)
	}
	p = read("?sortDirection=asc&limit=2&offset=1")
	if p.Total != 5 || p.Limit != 2 || p.Offset != 1 || len(p.Events) != 2 || p.Events[0].Sequence >= p.Events[1].Sequence || p.Events[0].Type != "directory.credential_issued" {
		t.Errorf("a page: %+v", p)
	}
	for query, want := range map[string]int{"?limit=0": 400, "?limit=x": 400, "?sortDirection=up": 400, "?limit=1000": 200} {
		if a := s.do("GET", ofAcme+"/directories/okta/events"+query, ""); a.status != want {
			t.Errorf("%s: %d %s, want %d", query, a.status, a.body, want)
		}
	}
	s.do("GET", ofAcme+"/directories/missing/events", "").wantError(t, http.StatusNotFound, "DIRECTORY_SYNC_CONNECTION_NOT_FOUND")
}

func TestDirectoryFieldsAreChecked(t *testing.T) {
	s := acme(t)
	for _, tt := range []struct{ name, more, want string }{
		{"no provider", `"x":1`, "[body.providerId] Invalid input: expected string, received undefined"},
		{"a provider that is too long", `"providerId":"` + strings.Repeat("x", 256) + `"`, "[body.providerId] Too big: expected string to have <=255 characters"},
		{"no scopes", `"providerId":"x","scopes":[]`, "[body.scopes] Too small: expected array to have >=1 items"},
		{"an unknown scope", `"providerId":"x","scopes":["all"]`, `[body.scopes.0] Invalid option: expected one of "scim.users.read"|"scim.users.write"|"scim.groups.read"|"scim.groups.write"`},
		{"an expiry that is no date", `"providerId":"x","expiresAt":"soon"`, "[body.expiresAt] Invalid input: expected date, received string"},
		{"a pairing with nothing", `"providerId":"x","pairing":{}`, "[body.pairing.ssoProviderId] Invalid input: expected string, received undefined"},
		{"a pairing that is a text", `"providerId":"x","pairing":"x"`, "[body.pairing] Invalid input: expected object, received string"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := s.do("POST", "/dash/organization/directory", fmt.Sprintf(`{"organizationId":"organization_001",%s}`, tt.more), "Content-Type", "application/json")
			a.wantError(t, http.StatusBadRequest, "VALIDATION_ERROR")
			if !strings.Contains(string(a.body), string(jsonOf(tt.want))) {
				t.Errorf("got %s, want %s", a.body, tt.want)
			}
		})
	}
	s.must("POST", "/dash/organization/directory", `{"organizationId":"organization_001","providerId":"x","pairing":null}`)
}
