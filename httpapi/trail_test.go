package httpapi_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"dashd/eventlog"
	"dashd/httpapi"
)

// mutation is a request that changes something, in a company of its own.
type mutation struct {
	prepare func(*scene) // beside company
	// names puts the ids of things it makes for {names} in path and body: pairs.
	names func(*scene) []string
	body  string
	// own is about dashd itself: it is asked by a key of the first project, and its events are
	// of the reserved one.
	own bool
	// want are the events it appends, in order.
	want []eventlog.Type
}

// mutations has a request for each row of the route table that changes something.
var mutations = map[string]mutation{
	"POST /dash/user":  {body: `{"name":"Barbara","email":"b@example.com","password":"correct horse"}`, want: []eventlog.Type{"user.joined", "account.linked"}},
	"PATCH /dash/user": {body: `{"userId":"user_001","name":"Augusta"}`, want: []eventlog.Type{"user.updated"}},
	"DELETE /dash/user": {
		body: `{"userId":"user_003"}`, prepare: func(s *scene) { s.tell(signedIn("s1", "user_003", 20, nil)) },
		want: []eventlog.Type{"session.revoked_all", "member.removed", "user.deleted"},
	},
	"POST /dash/delete-many-users":    {body: `{"userIds":["user_003","user_004"]}`, want: []eventlog.Type{"member.removed", "user.deleted", "user.deleted"}},
	"POST /dash/user/ban":             {body: `{"userId":"user_001"}`, want: []eventlog.Type{"user.banned"}},
	"POST /dash/ban-many-users":       {body: `{"userIds":["user_001","user_002"]}`, want: []eventlog.Type{"user.banned", "user.banned"}},
	"POST /dash/user/unban":           {body: `{"userId":"user_001"}`, prepare: after("POST", "/dash/user/ban", `{"userId":"user_001"}`), want: []eventlog.Type{"user.unbanned"}},
	"POST /dash/user/password":        {body: `{"userId":"user_001","password":"correct horse"}`, want: []eventlog.Type{"account.linked", "user.password_changed"}},
	"POST /dash/user/impersonate":     {body: `{"userId":"user_001","impersonatedBy":"user_002"}`, want: []eventlog.Type{"session.created", "user.impersonated"}},
	"POST /dash/unlink-account":       {body: `{"userId":"user_001","providerId":"github","accountId":"a1"}`, prepare: withAccounts, want: []eventlog.Type{"oauth.unlinked"}},
	"DELETE /dash/sessions":           {body: `{"userId":"user_001"}`, prepare: withSession, want: []eventlog.Type{"session.revoked_all"}},
	"POST /dash/session/revoke":       {body: `{"userId":"user_001","sessionId":"s1"}`, prepare: withSession, want: []eventlog.Type{"session.revoked"}},
	"POST /dash/sessions/revoke-all":  {body: `{"userId":"user_001"}`, prepare: withSession, want: []eventlog.Type{"session.revoked_all"}},
	"POST /dash/sessions/revoke-many": {body: `{"userIds":["user_001"]}`, prepare: withSession, want: []eventlog.Type{"session.revoked"}},
	"POST /dash/user/2fa/enable":      {body: `{"userId":"user_001"}`, want: []eventlog.Type{"two_factor.enabled"}},
	"POST /dash/user/2fa/disable":     {body: `{"userId":"user_001"}`, prepare: withSecond, want: []eventlog.Type{"two_factor.disabled"}},
	"POST /dash/complete-two-factor-setup": {
		body: `{"userId":"user_001"}`, prepare: func(s *scene) { s.pending("user_001") }, want: []eventlog.Type{"two_factor.enabled"},
	},
	"POST /dash/user/2fa/backup-codes/generate": {body: `{"userId":"user_001"}`, prepare: withSecond, want: []eventlog.Type{"two_factor.backup_codes_generated"}},

	"POST /dash/organization":             {body: `{"userId":"user_004","name":"Initech","slug":"initech"}`, want: []eventlog.Type{"member.added", "team.created", "organization.created"}},
	"PATCH /dash/organization":            {body: `{"organizationId":"organization_001","name":"Acme Corp"}`, want: []eventlog.Type{"organization.updated"}},
	"DELETE /dash/organization":           {body: `{"organizationId":"organization_001"}`, want: []eventlog.Type{"organization.deleted"}},
	"POST /dash/organization/delete-many": {body: `{"organizationIds":["organization_001","organization_002"]}`, want: []eventlog.Type{"organization.deleted", "organization.deleted"}},
	"POST /dash/organization/member":      {body: acmeAnd(`"userId":"user_004","role":"member"`), want: []eventlog.Type{"member.added"}},
	"DELETE /dash/organization/member":    {body: acmeAnd(`"memberId":"member_005"`), want: []eventlog.Type{"member.removed"}},
	"PATCH /dash/organization/member/role": {
		body: acmeAnd(`"memberId":"member_005","role":"admin"`), want: []eventlog.Type{"member.role_changed"},
	},
	"POST /dash/organization/team":          {body: acmeAnd(`"name":"Core"`), want: []eventlog.Type{"team.created"}},
	"PATCH /dash/organization/team":         {body: acmeAnd(`"teamId":"t1","name":"Kernel"`), prepare: withTeam, want: []eventlog.Type{"team.updated"}},
	"DELETE /dash/organization/team":        {body: acmeAnd(`"teamId":"t1"`), prepare: withTeam, want: []eventlog.Type{"team.deleted"}},
	"POST /dash/organization/team/member":   {body: acmeAnd(`"teamId":"t1","userId":"user_002"`), prepare: withTeam, want: []eventlog.Type{"team.member.added"}},
	"DELETE /dash/organization/team/member": {body: acmeAnd(`"teamId":"t1","userId":"user_001"`), prepare: withTeam, want: []eventlog.Type{"team.member.removed"}},
	"POST /dash/organization/invite": {
		body: acmeAnd(`"email":"new@example.com","role":"member","invitedBy":"user_001"`), want: []eventlog.Type{"invitation.created"},
	},
	"POST /dash/organization/invite/cancel": {body: acmeAnd(`"invitationId":"i1"`), prepare: withInvitation, want: []eventlog.Type{"invitation.cancelled"}},
	"POST /dash/organization/invite/resend": {body: acmeAnd(`"invitationId":"i1"`), prepare: withInvitation, want: []eventlog.Type{"invitation.created"}},

	"POST /dash/organization/sso-provider": {
		body: acmeAnd(`"providerId":"p1","domain":"acme.example","protocol":"OIDC","userId":"user_001",` + oidcConfig), want: []eventlog.Type{"sso.provider.created"},
	},
	"PATCH /dash/organization/sso-provider":  {body: acmeAnd(`"providerId":"p1","domain":"other.example"`), prepare: withProvider, want: []eventlog.Type{"sso.provider.updated"}},
	"DELETE /dash/organization/sso-provider": {body: acmeAnd(`"providerId":"p1"`), prepare: withProvider, want: []eventlog.Type{"sso.provider.deleted"}},
	"POST /dash/organization/sso-provider/verify-domain": {
		body: acmeAnd(`"providerId":"p1"`), want: []eventlog.Type{"sso.provider.domain_verified"},
		prepare: func(s *scene) { s.txt.put("_better-auth-token-p1.acme.example", s.oidc("p1", "acme.example")) },
	},
	"POST /dash/organization/sso-provider/request-verification-token": {
		body: acmeAnd(`"providerId":"p1"`), want: []eventlog.Type{"sso.provider.verification_requested"},
		prepare: func(s *scene) { // until the token that it was made with has expired
			withProvider(s)
			s.ahead.Add(30 * 24 * 3600 * 1000)
		},
	},
	"POST /dash/organization/sso-provider/mark-domain-verified": {
		body: acmeAnd(`"providerId":"p1","verified":false`), prepare: func(s *scene) { s.verified("p1", "acme.example") }, want: []eventlog.Type{"sso.provider.updated"},
	},

	"POST /dash/organization/directory":       {body: acmeAnd(`"providerId":"okta","ownerUserId":"user_001"`), want: []eventlog.Type{"directory.created", "directory.credential_issued"}},
	"DELETE /dash/organization/directory":     {body: acmeAnd(`"providerId":"okta"`), prepare: withDirectory, want: []eventlog.Type{"directory.decommissioned"}},
	"POST /dash/organization/directory/token": {body: acmeAnd(`"providerId":"okta"`), prepare: withDirectory, want: []eventlog.Type{"directory.credential_issued", "directory.credential_revoked"}},
	"POST /dash/organization/{organizationId}/directories": {
		body: `{"providerId":"okta"}`, want: []eventlog.Type{"directory.created", "directory.credential_issued"},
	},
	"POST /dash/organization/{organizationId}/directories/{providerId}/credentials/rotate": {
		body: `{}`, prepare: withDirectory, want: []eventlog.Type{"directory.credential_issued"},
	},
	"POST /dash/organization/{organizationId}/directories/{providerId}/credentials/{credentialId}/revoke": {
		body: `{}`, want: []eventlog.Type{"directory.credential_revoked"}, names: func(s *scene) []string {
			return []string{"{credentialId}", s.directory("okta")["credential"].(map[string]any)["credentialId"].(string)}
		},
	},
	"POST /dash/organization/{organizationId}/directories/{providerId}/decommission": {body: `{}`, prepare: withDirectory, want: []eventlog.Type{"directory.decommissioned"}},
	"POST /dash/organization/{organizationId}/directories/{providerId}/unpair": {
		body: `{}`, want: []eventlog.Type{"directory.unpaired"}, prepare: func(s *scene) {
			s.verified("p1", "acme.example")
			s.must("POST", "/dash/organization/directory", acmeAnd(`"providerId":"okta","pairing":{"ssoProviderId":"p1","externalIdSource":"userName"}`))
		},
	},

	"POST /api/auth/check-jti": {own: true, body: `{"jti":"j1"}`, want: []eventlog.Type{"dashd.token.used"}},
	"POST /v1/projects":        {own: true, body: `{"id":"made"}`, want: []eventlog.Type{"dashd.project.created"}},
	"POST /v1/keys":            {own: true, body: `{"scopes":["events:read"]}`, want: []eventlog.Type{"dashd.key.created"}},
	"DELETE /v1/keys/:id": {
		own: true, want: []eventlog.Type{"dashd.key.revoked"}, names: func(s *scene) []string { return []string{":id", s.daemon.key("default", 0, "*").ID} },
	},

	"POST /v1/cluster/join-tokens": {own: true, body: `{}`, prepare: func(s *scene) { s.others().begin() }, want: []eventlog.Type{"dashd.join_token.created"}},
	"POST /v1/cluster/transfer":    {own: true, body: `{}`, prepare: func(s *scene) { s.others().join("n-" + s.project) }, want: []eventlog.Type{"dashd.leadership.transferred"}},
	"DELETE /v1/cluster/nodes/:id": {
		own: true, want: []eventlog.Type{"dashd.node.removed"}, names: func(s *scene) []string {
			s.others().join("gone-" + s.project)
			return []string{":id", "gone-" + s.project}
		},
	},

	"POST /v1/projections/dash/rebuild": {own: true, want: []eventlog.Type{"dashd.projection.rebuild"}},

	"POST /dash/organization/log-drain": {
		body: acmeAnd(`"name":"Hook","destinationType":"webhook","eventTypes":["all"],"config":{"url":"https://hooks.example.com/"}`), want: []eventlog.Type{"dashd.drain.created"},
	},
	"PATCH /dash/organization/log-drain":       {body: acmeAnd(`"logDrainId":"{drain}","name":"Other"`), names: withDrain, want: []eventlog.Type{"dashd.drain.updated"}},
	"DELETE /dash/organization/log-drain":      {body: acmeAnd(`"logDrainId":"{drain}"`), names: withDrain, want: []eventlog.Type{"dashd.drain.deleted"}},
	"POST /dash/organization/log-drain/replay": {body: acmeAnd(`"logDrainId":"{drain}","fromSeq":1`), names: withDrain, want: []eventlog.Type{"dashd.drain.replayed"}},
}

// acmeAnd is a body about Acme.
func acmeAnd(rest string) string { return `{"organizationId":"organization_001",` + rest + `}` }

const oidcConfig = `"oidcConfig":{"clientId":"c","clientSecret":"s","issuer":"https://idp.example.com","authorizationEndpoint":"https://idp.example.com/a","tokenEndpoint":"https://idp.example.com/t","jwksEndpoint":"https://idp.example.com/j"}`

// asked2 prepares with a request.
func after(method, path, body string) func(*scene) {
	return func(s *scene) { s.must(method, path, body) }
}

func withSession(s *scene) { s.tell(signedIn("s1", "user_001", 20, nil)) }
func withSecond(s *scene)  { s.must("POST", "/dash/user/2fa/enable", `{"userId":"user_001"}`) }
func withTeam(s *scene) {
	s.tell(formed("t1", "organization_001", "Core", 20), formed("t2", "organization_001", "Other", 20), teamed("tm1", "organization_001", "t1", "user_001", 21))
}

func withInvitation(s *scene) {
	s.tell(invited("i1", "organization_001", "user_001", "new@example.com", "member", 100))
}
func withProvider(s *scene)       { s.oidc("p1", "acme.example") }
func withDrain(s *scene) []string { return []string{"{drain}", s.hook()} }
func withDirectory(s *scene) {
	s.must("POST", "/dash/organization/directory", acmeAnd(`"providerId":"okta","ownerUserId":"user_001"`))
}

func withAccounts(s *scene) {
	for _, id := range []string{"a1", "a2"} {
		s.tell(told{"type": "oauth.linked", "userId": "user_001", "metadata": told{"userId": "user_001", "accountId": id, "providerId": "github", "set": told{"accountId": "gh-" + id}}})
	}
}

// Whatever changes something says so in the trail: which events a request appends stands in
// its row of the route table, they are by the one who asked, and there are no others.
func TestEveryChangeIsInTheTrail(t *testing.T) {
	d := startAt(t, recordedAt)
	for _, rt := range httpapi.Routes() {
		name := rt.Method + " " + rt.Pattern
		m, known := mutations[name]
		switch {
		case len(rt.Events) == 0:
			if known {
				t.Errorf("%s changes nothing of a project, says the route table", name)
			}
			continue
		case !known:
			t.Errorf("%s changes something, and has no request in this test", name)
			continue
		}
		t.Run(name, func(t *testing.T) {
			s := d.scene(t, contract{}, nil)
			s.tell(company()...)
			if m.prepare != nil {
				m.prepare(s)
			}
			names := strings.NewReplacer("{organizationId}", "organization_001", "{providerId}", "okta")
			if m.names != nil {
				names = strings.NewReplacer(append(m.names(s), "{organizationId}", "organization_001", "{providerId}", "okta")...)
			}
			s.folded()
			before := s.node.Store.Head()
			key := s.key
			if m.own {
				key = s.root
			}
			a := s.serve(rt.Method, names.Replace(rt.Pattern), names.Replace(m.body), "X-Api-Key", key, "Content-Type", "application/json")
			if a.status != http.StatusOK {
				t.Fatalf("%d %s", a.status, a.body)
			}
			types := s.trail(before, m.own)
			if !slices.Equal(types, m.want) {
				t.Errorf("appends %v, want %v", types, m.want)
			}
			for _, typ := range append(types, m.want...) {
				if !slices.Contains(rt.Events, typ) {
					t.Errorf("appends %s, of which the route table says nothing", typ)
				}
			}
			if !m.own && a.header.Get("Dashd-Seq") == "" {
				t.Error("the answer has no Dashd-Seq")
			}
		})
	}
}

// others is the cluster of the scene's node, for what it needs to be in the log.
func (s *scene) others() *others { return &others{d: s.daemon} }

// trail is the types of the events after a seq. All must be of the scene's project and by its
// key, or of the reserved project and by the root key.
func (s *scene) trail(after uint64, own bool) (types []eventlog.Type) {
	s.t.Helper()
	project, by := s.project, s.keyOf(s.key)
	if own {
		project, by = eventlog.ReservedProject, s.keyOf(s.root)
	}
	for seq := after + 1; seq <= s.node.Store.Head(); seq++ {
		rec, err := s.node.Store.Read(seq)
		if err != nil {
			s.t.Fatal(err)
		}
		said, _ := eventlog.MetadataText(rec.Metadata, "triggeredBy")
		context, _ := eventlog.MetadataText(rec.Metadata, "triggerContext")
		if rec.Project != project || rec.ActorID != by || !own && (said != by || context != "dashboard") {
			s.t.Errorf("seq %d, %s of project %s, is by %q (%q, %q)", seq, rec.Type, rec.Project, rec.ActorID, said, context)
		}
		types = append(types, rec.Type)
	}
	return types
}

// keyOf is the id of a key.
func (s *scene) keyOf(text string) string {
	s.t.Helper()
	p, err := s.access.Image().Authenticate(text, s.now())
	if err != nil {
		s.t.Fatal(err)
	}
	return p.KeyID
}
