package httpapi_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"dashd/eventlog"
	"dashd/internal/commands"
	"dashd/projections"
)

// Each command tells what it does in one block, in the contract's order, as done by the operator.
func TestOrganizationCommandsTellWhatTheyDo(t *testing.T) {
	o := openOffice(t)
	o.made("POST", "/dash/organization/team/member", `{"organizationId":"{acme}","teamId":"{core}","userId":"alan"}`)
	o.names["other"] = o.made("POST", "/dash/organization/team", `{"organizationId":"{acme}","name":"Other"}`)
	o.made("POST", "/dash/organization/team/member", `{"organizationId":"{acme}","teamId":"{other}","userId":"alan"}`)
	o.names["invitation"] = o.made("POST", "/dash/organization/invite", `{"organizationId":"{acme}","email":"x@example.com","role":"member"}`)
	operator := o.access.Image().Keys("default")[0].ID

	for _, tt := range []struct {
		name, method, path, body string
		want                     []string          // types
		says                     map[string]string // of the first event
	}{
		{
			"an organization with a team", "POST", "/dash/organization", `{"userId":"ada","name":"New","slug":"new"}`,
			[]string{"member.added", "team.created", "organization.created"},
			map[string]string{"organizationName": "New", "organizationSlug": "new", "userId": "ada", "memberName": "Ada", "memberEmail": "ada@example.com", "role": "owner"},
		},
		{
			"an organization without", "POST", "/dash/organization", `{"userId":"ada","name":"Bare","slug":"bare","skipDefaultTeam":true}`,
			[]string{"member.added", "organization.created"},
			nil,
		},
		{
			"a new name", "PATCH", "/dash/organization", `{"organizationId":"{globex}","name":"Globex Corp"}`,
			[]string{"organization.updated"},
			map[string]string{"organizationName": "Globex Corp", "organizationSlug": "globex"},
		},
		{
			"a new member", "POST", "/dash/organization/member", `{"organizationId":"{globex}","userId":"edsger"}`,
			[]string{"member.added"},
			map[string]string{"userId": "edsger", "role": "member"},
		},
		{
			"a new role", "PATCH", "/dash/organization/member/role", `{"organizationId":"{acme}","memberId":"{grace@acme}","role":"owner"}`,
			[]string{"member.role_changed"},
			map[string]string{"userId": "grace", "oldRole": "admin", "newRole": "owner"},
		},
		{"the role he has", "PATCH", "/dash/organization/member/role", `{"organizationId":"{acme}","memberId":"{grace@acme}","role":"owner"}`, nil, nil},
		{
			"a member who is in two teams", "DELETE", "/dash/organization/member?organizationId={acme}&userId=alan", "",
			[]string{"member.removed", "team.member.removed", "team.member.removed"},
			map[string]string{"userId": "alan", "role": "member", "memberName": "Alan"},
		},
		{
			"the first owner, since there is another", "DELETE", "/dash/organization/member", `{"organizationId":"{acme}","memberId":"{ada@acme}"}`,
			[]string{"member.removed", "team.member.removed"},
			nil,
		},
		{
			"a new team", "POST", "/dash/organization/team", `{"organizationId":"{globex}","name":"Ops"}`,
			[]string{"team.created"},
			map[string]string{"teamName": "Ops"},
		},
		{
			"a team's new name", "PATCH", "/dash/organization/team", `{"organizationId":"{acme}","teamId":"{other}","name":"Renamed"}`,
			[]string{"team.updated"},
			map[string]string{"teamName": "Renamed"},
		},
		{
			"a team that keeps its name", "PATCH", "/dash/organization/team", `{"organizationId":"{acme}","teamId":"{other}","name":""}`,
			[]string{"team.updated"},
			map[string]string{"teamName": "Renamed"},
		},
		{
			"a new member of a team", "POST", "/dash/organization/team/member", `{"organizationId":"{acme}","teamId":"{other}","userId":"grace"}`,
			[]string{"team.member.added"},
			map[string]string{"userId": "grace", "teamName": "Renamed", "memberName": "Grace"},
		},
		{
			"a member who leaves a team", "DELETE", "/dash/organization/team/member?organizationId={acme}&teamId={other}&userId=grace", "",
			[]string{"team.member.removed"},
			map[string]string{"userId": "grace", "teamName": "Renamed"},
		},
		{
			"the end of a team", "DELETE", "/dash/organization/team?organizationId={acme}&teamId={other}", "",
			[]string{"team.deleted"},
			map[string]string{"teamName": "Renamed"},
		},
		{
			"an invitation", "POST", "/dash/organization/invite", `{"organizationId":"{acme}","email":"Y@Example.com","role":"admin"}`,
			[]string{"invitation.created"},
			map[string]string{"inviteeEmail": "y@example.com", "inviteeRole": "admin", "inviterId": "grace", "inviterName": "Grace", "inviterEmail": "grace@example.com"},
		},
		{
			"an invitation that is cancelled", "POST", "/dash/organization/invite/cancel", `{"organizationId":"{acme}","invitationId":"{invitation}"}`,
			[]string{"invitation.cancelled"},
			map[string]string{"inviteeEmail": "x@example.com", "cancelledById": operator},
		},
		{
			"the end of two organizations", "POST", "/dash/organization/delete-many", `{"organizationIds":["{acme}","nobody","{globex}","{acme}"]}`,
			[]string{"organization.deleted", "organization.deleted"},
			map[string]string{"organizationName": "Acme Inc"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			before := o.node.Store.Head()
			if a := o.ask(tt.method, tt.path, tt.body); a.status != http.StatusOK {
				t.Fatalf("got %d %s", a.status, a.body)
			}
			types, metadata := o.events(before)
			if !slices.Equal(types, tt.want) {
				t.Errorf("appended %v, want %v", types, tt.want)
			}
			for i, m := range metadata {
				rec, err := o.node.Store.Read(before + 1 + uint64(i))
				if err != nil {
					t.Fatal(err)
				}
				if rec.ActorID != operator || m["triggeredBy"] != operator || m["triggerContext"] != "dashboard" {
					t.Errorf("%s is by %s: %s", rec.Type, rec.ActorID, rec.Metadata)
				}
				if rec.OrganizationID == "" || rec.Key != rec.OrganizationID || m["organizationId"] != rec.OrganizationID {
					t.Errorf("%s is about %q in the stream %q: %s", rec.Type, rec.OrganizationID, rec.Key, rec.Metadata)
				}
				if user, ok := m["userId"]; ok && user != rec.UserID {
					t.Errorf("%s names the user %q: %s", rec.Type, rec.UserID, rec.Metadata)
				}
			}
			for key, want := range tt.says {
				if len(metadata) == 0 || metadata[0][key] != want {
					t.Errorf("%s is not %q in %v", key, want, metadata)
				}
			}
		})
	}
}

func TestARepeatChangesNothing(t *testing.T) {
	o := openOffice(t)
	o.names["invitation"] = o.made("POST", "/dash/organization/invite", `{"organizationId":"{acme}","email":"x@example.com","role":"member"}`)
	for n, tt := range []struct{ method, path, body string }{
		{"POST", "/dash/organization", `{"userId":"ada","name":"New","slug":"new"}`},
		{"PATCH", "/dash/organization", `{"organizationId":"{globex}","slug":"gx"}`},
		{"POST", "/dash/organization/member", `{"organizationId":"{globex}","userId":"edsger"}`},
		{"PATCH", "/dash/organization/member/role", `{"organizationId":"{acme}","memberId":"{alan@acme}","role":"admin"}`},
		{"DELETE", "/dash/organization/member", `{"organizationId":"{acme}","userId":"grace"}`},
		{"POST", "/dash/organization/team", `{"organizationId":"{acme}","name":"Ops"}`},
		{"PATCH", "/dash/organization/team", `{"organizationId":"{acme}","teamId":"{core}","name":"Center"}`},
		{"POST", "/dash/organization/team/member", `{"organizationId":"{acme}","teamId":"{core}","userId":"alan"}`},
		{"DELETE", "/dash/organization/team/member", `{"organizationId":"{acme}","teamId":"{core}","userId":"ada"}`},
		{"POST", "/dash/organization/invite", `{"organizationId":"{acme}","email":"y@example.com","role":"member"}`},
		{"POST", "/dash/organization/invite/resend", `{"organizationId":"{acme}","invitationId":"{invitation}"}`},
		{"POST", "/dash/organization/invite/cancel", `{"organizationId":"{acme}","invitationId":"{invitation}"}`},
		{"DELETE", "/dash/organization/team", `{"organizationId":"{acme}","teamId":"{core}"}`},
		{"POST", "/dash/organization/delete-many", `{"organizationIds":["{acme}","nobody"]}`},
		{"DELETE", "/dash/organization", `{"organizationId":"{globex}"}`},
	} {
		t.Run(tt.method+" "+tt.path, func(t *testing.T) {
			key := fmt.Sprint("key ", n)
			first := o.ask(tt.method, tt.path, tt.body, "Idempotency-Key", key)
			if first.status != http.StatusOK {
				t.Fatalf("got %d %s", first.status, first.body)
			}
			head := o.node.Store.Head()
			again := o.ask(tt.method, tt.path, tt.body, "Idempotency-Key", key)
			if again.status != http.StatusOK || !bytes.Equal(again.body, first.body) || again.header.Get("Idempotency-Replayed") != "true" {
				t.Errorf("the repeat got %d %s, the first %s", again.status, again.body, first.body)
			}
			other := o.ask(tt.method, tt.path+"?x=y", tt.body, "Idempotency-Key", key)
			other.wantError(t, http.StatusConflict, "IDEMPOTENCY_KEY_REUSED")
			if now := o.node.Store.Head(); now != head {
				types, _ := o.events(head)
				t.Errorf("a repeat appended %v", types)
			}
		})
	}
}

func TestOrganizationsAreListed(t *testing.T) {
	o := &office{start(t), map[string]string{}}
	began := time.UnixMilli(o.now())
	for n := range 7 {
		o.person(fmt.Sprint("user", n))
	}
	// Beta has 2 members, alpha 1, gamma 7, and delta, which the application told of, none.
	for n, name := range []string{"Beta", "Alpha", "Gamma"} {
		o.names[name] = o.made("POST", "/dash/organization", fmt.Sprintf(`{"userId":"user0","name":%q,"slug":"s-%d-%s"}`, name, 3-n, strings.ToLower(name)))
		o.ahead.Add(time.Hour.Milliseconds())
	}
	o.tell(eventlog.Event{Type: "organization_created", OrganizationID: "delta"}, `{"organizationName":"Delta","organizationSlug":"delta"}`)
	o.made("POST", "/dash/organization/member", `{"organizationId":"{Beta}","userId":"user1"}`)
	for n := 6; n > 0; n-- {
		o.made("POST", "/dash/organization/member", fmt.Sprintf(`{"organizationId":"{Gamma}","userId":"user%d"}`, n))
	}
	hours := func(n int) string {
		return began.Add(time.Duration(n)*time.Hour + 30*time.Minute).UTC().Format(time.RFC3339)
	}
	for _, tt := range []struct {
		query string
		total int
		want  string
	}{
		{"", 4, "Delta Gamma Alpha Beta"},
		{"sortOrder=asc", 4, "Beta Alpha Gamma Delta"},
		{"sortBy=name&sortOrder=asc", 4, "Alpha Beta Delta Gamma"},
		{"sortBy=slug", 4, "Beta Alpha Gamma Delta"},
		{"sortBy=members", 4, "Gamma Beta Alpha Delta"},
		{"sortBy=members&sortOrder=asc&limit=2&offset=1", 4, "Alpha Beta"},
		{"limit=1", 4, "Delta"},
		{"limit=-1", 4, "Delta"},
		{"limit=abc&offset=abc", 4, "Delta Gamma Alpha Beta"},
		{"offset=9", 4, ""},
		{"search=+aL+", 1, "Alpha"},
		{"search=S-", 3, "Gamma Alpha Beta"},
		{"search=lpha", 0, ""},
		{"filterMembers=abandoned", 1, "Delta"},
		{"filterMembers=eq1", 1, "Alpha"},
		{"filterMembers=gt1&sortBy=members&sortOrder=asc", 2, "Beta Gamma"},
		{"filterMembers=gt5", 1, "Gamma"},
		{"filterMembers=gt10", 0, ""},
		{"startDate=" + hours(0), 3, "Delta Gamma Alpha"},
		{"startDate=" + hours(0) + "&endDate=" + hours(1), 1, "Alpha"},
		{"endDate=" + hours(0) + "&search=x", 0, ""},
	} {
		type listed struct {
			Name        string
			MemberCount int
			Members     []struct{ ID, Name, Email string }
		}
		page := get[struct {
			Organizations []listed
			Total         int
		}](o.daemon, "/dash/organizations?"+tt.query, o.root)
		var names []string
		for _, x := range page.Organizations {
			names = append(names, x.Name)
			if x.Name == "Gamma" && (x.MemberCount != 7 || len(x.Members) != 5 || x.Members[1].Name != "User6" || x.Members[1].Email != "user6@example.com") {
				t.Errorf("%s: Gamma is %+v", tt.query, x)
			}
			if x.Name == "Delta" && x.Members == nil {
				t.Errorf("%s: the members of Delta are null", tt.query)
			}
		}
		if got := strings.Join(names, " "); got != tt.want || page.Total != tt.total {
			t.Errorf("%s\n got %s of %d\nwant %s of %d", tt.query, got, page.Total, tt.want, tt.total)
		}
	}
}

func TestAnOrganizationIsFoundBySlug(t *testing.T) {
	o := openOffice(t)
	byID, bySlug := o.ask("GET", "/dash/organization?id={acme}", ""), o.ask("GET", "/dash/organization?slug=acme", "")
	if !sameJSON(t, byID.body, bySlug.body) {
		t.Errorf("by id %s, by slug %s", byID.body, bySlug.body)
	}
	if got := decode[struct{ MemberCount int }](t, bySlug, http.StatusOK).MemberCount; got != 3 {
		t.Errorf("acme has %d members", got)
	}
}

func TestLogoAndMetadataCanBeTakenAway(t *testing.T) {
	o := openOffice(t)
	for _, tt := range []struct {
		fields         string
		logo, metadata any
	}{
		{`"logo":"https://x.example/l.png","metadata":{"plan": "pro","n":[1, 2]}`, "https://x.example/l.png", `{"plan":"pro","n":[1,2]}`},
		{`"metadata":"{\"plan\": 1}"`, "https://x.example/l.png", `{"plan": 1}`},
		{`"logo":"","name":"X"`, nil, `{"plan": 1}`},
		{`"logo":"http://x.example","metadata":null`, "http://x.example", nil},
		{`"logo":null,"metadata":{}`, nil, `{}`},
		{`"metadata":""`, nil, nil},
		{`"metadata":{"a":"` + strings.Repeat("<", 32_000) + `"}`, nil, `{"a":"` + strings.Repeat("<", 32_000) + `"}`},
	} {
		answer := decode[map[string]any](t, o.ask("PATCH", "/dash/organization", `{"organizationId":"{acme}",`+tt.fields+`}`), http.StatusOK)
		if answer["logo"] != tt.logo || answer["metadata"] != tt.metadata {
			t.Errorf("%s: got %v, want %v and %v", tt.fields, answer, tt.logo, tt.metadata)
		}
		stored := decode[map[string]any](t, o.ask("GET", "/dash/organization?id={acme}", ""), http.StatusOK)
		if delete(stored, "memberCount"); !reflect.DeepEqual(stored, answer) {
			t.Errorf("%s: answered %v, stored %v", tt.fields, answer, stored)
		}
	}
}

func TestBareListsHaveNoEndButTheirOwn(t *testing.T) {
	o := openOffice(t)
	const n = 150
	var events []eventlog.Event
	tell := func(e eventlog.Event, format string, args ...any) {
		e.OrganizationID = "{acme}"
		events = append(events, o.event(e, fmt.Sprintf(format, args...)))
	}
	for i := range n {
		tell(eventlog.Event{Type: "organization_member_added"}, `{"userId":"user%d","memberName":"User","memberId":"m%[1]d","role":"member"}`, i)
		tell(eventlog.Event{Type: "organization_team_created"}, `{"teamId":"t%d","teamName":"T"}`, i)
		tell(eventlog.Event{Type: "organization_team_member_added"}, `{"teamId":"{core}","teamName":"Core","userid":"user%d"}`, i)
		tell(eventlog.Event{Type: "organization_member_invited"}, `{"inviteeId":"i%d","inviteeEmail":"x%[1]d@example.com","inviteeRole":"member","inviterId":"ada"}`, i)
	}
	o.tellAll(events...)
	for path, had := range map[string]int{
		"/dash/organization/members?organizationId={acme}":                    3,
		"/dash/organization/teams?organizationId={acme}":                      1,
		"/dash/organization/team/members?organizationId={acme}&teamId={core}": 1,
		"/dash/organization/invitations?organizationId={acme}":                0,
	} {
		all := o.list(path)
		if len(all) != n+had {
			t.Errorf("%s: %d items, want %d", path, len(all), n+had)
		}
		if part := o.list(path + "&offset=100&limit=7"); !reflect.DeepEqual(part, all[100:107]) {
			t.Errorf("%s: the part from 100 is %v", path, part)
		}
		if part := o.list(path + "&offset=1000"); len(part) != 0 {
			t.Errorf("%s: beyond the end is %v", path, part)
		}
	}
}

func TestMembersSayWhoInvitedThem(t *testing.T) {
	o := openOffice(t)
	for n, inviter := range []string{"ada", "grace"} {
		id := fmt.Sprint("i", n)
		o.tell(eventlog.Event{Type: "organization_member_invited", OrganizationID: "{acme}"}, fmt.Sprintf(`{"inviteeId":%q,"inviteeEmail":"Edsger@Example.com","inviteeRole":"member","inviterId":%q}`, id, inviter))
		o.tell(eventlog.Event{Type: "organization_member_invite_accepted", OrganizationID: "{acme}"}, fmt.Sprintf(`{"inviteeId":%q,"inviteeEmail":"Edsger@Example.com","acceptedById":"edsger","memberId":"m9","memberRole":"member"}`, id))
	}
	by := map[string]any{}
	for _, m := range o.list("/dash/organization/members?organizationId={acme}") {
		by[m["userId"].(string)] = nil
		if p, ok := m["invitedBy"].(map[string]any); ok {
			by[m["userId"].(string)] = p["name"]
		}
	}
	if want := map[string]any{"ada": nil, "grace": nil, "alan": nil, "edsger": "Grace"}; !reflect.DeepEqual(by, want) {
		t.Errorf("got %v, want %v", by, want)
	}
}

func TestInvitationsExpire(t *testing.T) {
	o := openOffice(t)
	body := `{"organizationId":"{acme}","email":"x@example.com","role":"member"}`
	made := decode[map[string]any](t, o.ask("POST", "/dash/organization/invite", body), http.StatusOK)
	if made["emailSent"] != false || made["inviterId"] != "ada" || made["status"] != "pending" || made["teamId"] != nil {
		t.Errorf("made %v", made)
	}
	o.names["i"] = made["id"].(string)
	life := func(v map[string]any) time.Duration {
		t.Helper()
		expires, err := time.Parse(time.RFC3339, v["expiresAt"].(string))
		if err != nil {
			t.Fatal(err)
		}
		return expires.Sub(time.UnixMilli(o.now())).Round(time.Hour)
	}
	if got := life(made); got != 48*time.Hour {
		t.Errorf("it lives for %v", got)
	}
	list := func(more string) []map[string]any {
		return o.list("/dash/organization/invitations?organizationId={acme}" + more)
	}
	if _, ok := list("")[0]["expired"]; ok {
		t.Errorf("a new one is expired: %v", list(""))
	}
	o.ahead.Add(49 * time.Hour.Milliseconds())
	if v := list("&status=pending")[0]; v["expired"] != true {
		t.Errorf("an old one is not expired: %v", v)
	}
	wantSuccess(t, o.ask("POST", "/dash/organization/invite/resend", `{"organizationId":"{acme}","invitationId":"{i}"}`))
	all := list("")
	if v := all[0]; len(all) != 1 || life(v) != 48*time.Hour || v["expired"] != nil || v["createdAt"] != made["createdAt"] {
		t.Errorf("sent again, it is %v", all)
	}
	o.ask("POST", "/dash/organization/invite", body).wantError(t, http.StatusBadRequest, "USER_IS_ALREADY_INVITED_TO_THIS_ORGANIZATION")
	o.ahead.Add(49 * time.Hour.Milliseconds())
	o.made("POST", "/dash/organization/invite", body) // the old one does not stand in the way
	if all = list("&status=pending"); len(all) != 2 || len(list("&status=accepted")) != 0 {
		t.Errorf("got %v", all)
	}
}

func TestAHundredInvitationsAreEnough(t *testing.T) {
	o := openOffice(t)
	invite := func(n int) answer {
		return o.ask("POST", "/dash/organization/invite", fmt.Sprintf(`{"organizationId":"{acme}","email":"x%d@example.com","role":"member"}`, n))
	}
	for n := range 100 {
		decode[any](t, invite(n), http.StatusOK)
	}
	head := o.node.Store.Head()
	invite(100).wantError(t, http.StatusForbidden, "INVITATION_LIMIT_REACHED")
	if o.node.Store.Head() != head {
		t.Error("a refusal appended something")
	}
	o.ahead.Add(49 * time.Hour.Milliseconds())
	decode[any](t, invite(100), http.StatusOK) // those that expired do not count
}

func TestRolesAreConfigured(t *testing.T) {
	roles, err := commands.ParseRoles("owner, billing,owner")
	if err != nil {
		t.Fatal(err)
	}
	o := openOffice(t)
	o.api.Commands = o.commandsWith(commands.Organizations{Roles: roles})
	m := decode[map[string]any](t, o.ask("POST", "/dash/organization/member", `{"organizationId":"{acme}","userId":"edsger","role":"billing"}`), http.StatusOK)
	if m["role"] != "billing" {
		t.Errorf("made %v", m)
	}
	a := o.ask("PATCH", "/dash/organization/member/role", `{"organizationId":"{acme}","memberId":"{alan@acme}","role":"admin"}`)
	a.wantError(t, http.StatusBadRequest, "INVALID_ROLE_ALLOWED_ROLES_OWNER_BILLING")
	for _, text := range []string{"", "member", "owner,1", "owner,a b", "owner," + strings.Repeat("x", 65)} {
		if roles, err := commands.ParseRoles(text); err == nil {
			t.Errorf("ParseRoles(%q) = %v", text, roles)
		}
	}
}

// The end of an organization is the end of all it has.
func TestADeletedOrganizationLeavesNothing(t *testing.T) {
	o := openOffice(t)
	o.made("POST", "/dash/organization/invite", `{"organizationId":"{acme}","email":"x@example.com","role":"member"}`)
	o.tell(eventlog.Event{Type: "session_created", UserID: "ada", SessionID: "s1"}, `{"userId":"ada","sessionId":"s1","set":{"activeOrganizationId":"{acme}"}}`)
	tables := func() *projections.Tables { return o.node.Dash.Image().Tables("default") }
	if s, _ := tables().Session("s1"); string(s.ActiveOrganizationID) != o.names["acme"] {
		t.Fatalf("Ada works in %q", s.ActiveOrganizationID)
	}
	before := o.node.Store.Head()
	wantSuccess(t, o.ask("DELETE", "/dash/organization", `{"id":"{acme}"}`))
	if types, _ := o.events(before); !slices.Equal(types, []string{"organization.deleted"}) {
		t.Errorf("appended %v", types)
	}
	o.ask("GET", "/dash/organization?organizationId={acme}", "").wantError(t, http.StatusNotFound, "ORGANIZATION_NOT_FOUND")
	o.ask("GET", "/dash/organization?slug=acme", "").wantError(t, http.StatusNotFound, "ORGANIZATION_NOT_FOUND")
	for _, what := range []string{"teams?", "invitations?", "team/members?teamId={core}&"} {
		if rest := o.list("/dash/organization/" + what + "organizationId={acme}"); len(rest) != 0 {
			t.Errorf("%s leaves %v", what, rest)
		}
	}
	own := decode[struct{ Organizations []struct{ Name string } }](t, o.ask("GET", "/dash/user-organizations?userId=grace", ""), http.StatusOK)
	if len(own.Organizations) != 1 || own.Organizations[0].Name != "Globex" {
		t.Errorf("Grace is in %v", own)
	}
	if s, ok := tables().Session("s1"); !ok || s.ActiveOrganizationID != "" {
		t.Errorf("Ada's session is %+v", s)
	}
	o.made("POST", "/dash/organization", `{"userId":"alan","name":"Acme","slug":"acme"}`) // the slug is free
}

func TestOrganizationsAreExported(t *testing.T) {
	o := openOffice(t)
	names := func(query string) (names []string) {
		t.Helper()
		a := o.ask("GET", "/dash/export-organizations"+query, "")
		if got := a.header.Get("Content-Type"); a.status != http.StatusOK || got != "application/x-ndjson" {
			t.Fatalf("%s: %d %s", query, a.status, got)
		}
		for line := range bytes.Lines(a.body) {
			var row map[string]any
			if err := json.Unmarshal(line, &row); err != nil {
				t.Fatalf("%s: %v in %s", query, err, line)
			}
			if len(row) != 6 {
				t.Errorf("%s: exported %s", query, line)
			}
			names = append(names, row["name"].(string))
		}
		return names
	}
	for query, want := range map[string][]string{
		"":                           {"Globex", "Acme Inc"},
		"?sortBy=name&sortOrder=asc": {"Acme Inc", "Globex"},
		"?limit=1":                   {"Globex"},
		"?offset=1":                  {"Acme Inc"},
		"?where=" + url.QueryEscape(`[{"field":"slug","value":"acme"}]`):                     {"Acme Inc"},
		"?where=" + url.QueryEscape(`[{"field":"name","operator":"contains","value":"ob"}]`): {"Globex"},
		"?where=" + url.QueryEscape(`[{"field":"slug","value":"x"}]`):                        nil,
	} {
		if got := names(query); !slices.Equal(got, want) {
			t.Errorf("%s: got %v, want %v", query, got, want)
		}
	}
	var many []eventlog.Event
	for n := range 400 { // more than one piece
		many = append(many, o.event(eventlog.Event{Type: "organization_created", OrganizationID: fmt.Sprint("o", n)},
			`{"organizationName":"`+strings.Repeat("long ", 20)+`","organizationSlug":"s"}`))
	}
	o.tellAll(many...)
	if got := len(names("")); got != 402 {
		t.Errorf("%d organizations, want 402", got)
	}
	reader := o.key("default", 0, "orgs:read").Text
	o.call("GET", "/dash/export-organizations", reader, nil).wantError(t, http.StatusForbidden, "FORBIDDEN")
}

func TestAUserIsCheckedByEmail(t *testing.T) {
	o := openOffice(t)
	for address, want := range map[string]string{
		"GRACE@example.com":  `{"exists":true,"user":{"id":"grace","name":"Grace","email":"grace@example.com","image":null},"isAlreadyMember":true}`,
		"edsger@example.com": `{"exists":true,"user":{"id":"edsger","name":"Edsger","email":"edsger@example.com","image":null},"isAlreadyMember":false}`,
		"x@example.com":      `{"exists":false,"user":null,"isAlreadyMember":false}`,
	} {
		a := o.ask("POST", "/dash/organization/check-user-by-email", `{"organizationId":"{acme}","email":"`+address+`"}`)
		if string(a.body) != want {
			t.Errorf("%s: got %s, want %s", address, a.body, want)
		}
	}
}
