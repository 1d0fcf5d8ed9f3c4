package projections_test

import (
	"strings"
	"testing"

	"dashd/eventlog"
	"dashd/internal/wire"
	"dashd/projections"
)

// studioStory is what Better Auth Studio sends of a small application. It names the user
// by name and email, and what a change was before; it tells of no session's id.
const studioStory = `
{"id":"1","type":"user.joined","status":"success","userId":"ann","sessionId":"","metadata":{"email":"Ann@x.io","name":"Ann Doe"},"source":"app"}
{"id":"2","type":"user.joined","status":"failed","userId":"nan","metadata":{"email":"nan@x.io","name":"Nan","reason":"no"},"source":"app"}
{"id":"3","type":"user.logged_in","status":"success","userId":"bea","metadata":{"email":"bea@x.io","name":"Bea"},"ipAddress":"203.0.113.7","source":"app"}
{"id":"4","type":"session.created","status":"success","userId":"bea","metadata":{"email":"bea@x.io","name":"Bea"},"source":"app"}
{"id":"5","type":"user.updated","status":"success","userId":"ann","metadata":{"email":"ann@x.io","name":"Ann Doe","updatedFields":{"name":"Ann Lee","role":"admin"},"oldValues":{}},"source":"app"}
{"id":"6","type":"member.added","status":"success","userId":"ann","organizationId":"o","metadata":{"memberId":"m1","role":"owner","addedByName":"Ann Lee","addedByEmail":"ann@x.io","organizationName":"Org"},"source":"app"}
{"id":"7","type":"team.created","status":"success","userId":"ann","organizationId":"o","metadata":{"teamId":"t","teamName":"Org","organizationName":"Org","organizationSlug":"org","email":"ann@x.io","name":"Ann Lee"},"source":"app"}
{"id":"8","type":"organization.created","status":"success","userId":"ann","organizationId":"o","metadata":{"organizationName":"Org","organizationSlug":"org","email":"ann@x.io","name":"Ann Lee"},"source":"app"}
{"id":"9","type":"invitation.created","status":"success","organizationId":"o","metadata":{"invitationId":"i","email":"Cai@x.io","role":"admin","organizationName":"Org","inviterId":"ann","inviterName":"Ann Lee","inviterEmail":"ann@x.io","teamId":null},"source":"app"}
{"id":"10","type":"invitation.accepted","status":"success","userId":"cai","organizationId":"o","metadata":{"invitationId":"i","email":"cai@x.io","name":"Cai","role":"admin","organizationName":"Org"},"source":"app"}
{"id":"11","type":"team.member.added","status":"success","userId":"cai","organizationId":"o","metadata":{"teamMemberId":"tm","teamId":"t","teamName":"Org","organizationName":"Org","memberEmail":"cai@x.io","memberName":"Cai","addedName":"Cai","addedEmail":"cai@x.io"},"source":"app"}
{"id":"12","type":"member.role_changed","status":"success","userId":"cai","organizationId":"o","metadata":{"oldRole":"admin","newRole":"member","changedByName":"Cai","changedByEmail":"cai@x.io"},"source":"app"}
{"id":"13","type":"oauth.linked","status":"success","userId":"cai","metadata":{"provider":"github","accountId":"4711","email":"cai@x.io"},"source":"app"}
{"id":"14","type":"user.banned","status":"success","userId":"bea","metadata":{"email":"bea@x.io","name":"Bea"},"source":"app"}
{"id":"15","type":"organization.updated","status":"failed","userId":"ann","organizationId":"o","metadata":{"organizationName":"Unknown","reason":"no"},"source":"app"}
{"id":"16","type":"sso.provider.created","status":"success","organizationId":"o","metadata":{"providerId":"evil","set":{"issuer":"https://evil.example"}},"source":"app"}
`

func TestStudioTellsWhatItSees(t *testing.T) {
	dash, seq := projections.NewDash(), uint64(0)
	err := wire.ReadStudio(strings.NewReader(studioStory), wire.Options{}, noon, func(_ int, e eventlog.Event, problem error) error {
		if problem != nil {
			t.Error(problem)
		}
		seq++
		e.Project = "shop"
		dash.Apply(&eventlog.Record{Seq: seq, ReceivedAt: noon, Event: e})
		return nil
	})
	if err != nil || seq != 16 {
		t.Fatalf("%d events, %v", seq, err)
	}
	dash.Publish(seq)
	got := dash.Image().Tables("shop")
	member, _ := got.MemberOf("o", "cai")
	place, _ := got.TeamMember("t", "cai")
	invitation, _ := got.Invitation("i")
	for _, tt := range []struct {
		name      string
		got, want any
	}{
		{"users", got.UserCount(), 3},
		{"who changed her own name, and no more", userOf(got, "ann").Name + userOf(got, "ann").Email + string(userOf(got, "ann").Role), "Ann Leeann@x.io"},
		{"who is known from a sign-in", userOf(got, "bea").Email, "bea@x.io"},
		{"a sign-in without a session", userOf(got, "bea").LastActiveAt, projections.Time(noon)},
		{"a ban", userOf(got, "bea").Banned, true},
		{"who accepted", userOf(got, "cai").Name, "Cai"},
		{"the organization", organizationOf(got, "o").Name + organizationOf(got, "o").Slug, "Orgorg"},
		{"the roles", rolesOf(got, "o"), "owner member"},
		{"a member without an id has one", len(member.ID), 32},
		{"the team", teamsOf(got, "o"), "Org"},
		{"the place in the team", place.ID, "tm"},
		{"the invitation", invitation.Email + " " + invitation.Status + " " + invitation.InviterID, "cai@x.io accepted ann"},
		{"the account", providersOf(got, "cai"), "github"},
		{"no SSO provider that dashd did not make", len(got.AllSSOProviders()), 0},
	} {
		if tt.got != tt.want {
			t.Errorf("%s: %+v, want %+v", tt.name, tt.got, tt.want)
		}
	}
}
