package httpapi_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"dashd/eventlog"
)

// office is a daemon whose project has two organizations. Ada, Grace, Alan and Edsger
// are its users: Ada owns acme, Grace is an admin and Alan a plain member of it, and
// Grace owns globex. Edsger is nowhere. Acme has the team core, with Ada in it.
type office struct {
	*daemon
	names map[string]string // of things, for {placeholders} in requests
}

func openOffice(t testing.TB, changes ...with) *office {
	t.Helper()
	o := &office{start(t, changes...), map[string]string{}}
	for _, name := range []string{"ada", "grace", "alan", "edsger"} {
		o.person(name)
	}
	o.names["acme"] = o.made("POST", "/dash/organization",
		`{"userId":"ada","name":"Acme Inc","slug":"acme","defaultTeamName":"Core"}`)
	o.ahead.Add(1) // ms: lists are in the order in which things were made
	o.names["globex"] = o.made("POST", "/dash/organization",
		`{"userId":"grace","name":"Globex","slug":"globex","skipDefaultTeam":true}`)
	for user, role := range map[string]string{"grace": "admin", "alan": "member"} {
		o.names[user+"@acme"] = o.made("POST", "/dash/organization/member",
			`{"organizationId":"{acme}","userId":"`+user+`","role":"`+role+`"}`)
	}
	for _, m := range o.list("/dash/organization/members?organizationId={acme}") {
		o.names[m["userId"].(string)+"@acme"] = m["id"].(string)
	}
	o.names["grace@globex"] = o.list("/dash/organization/members?organizationId={globex}")[0]["id"].(string)
	o.names["core"] = o.list("/dash/organization/teams?organizationId={acme}")[0]["id"].(string)
	return o
}

// person makes a user by an event of the application, and waits until he is known.
func (o *office) person(name string) {
	o.t.Helper()
	o.tell(eventlog.Event{Type: "user_created", UserID: name}, fmt.Sprintf(
		`{"userId":%q,"userName":%q,"userEmail":%q}`, name, strings.ToUpper(name[:1])+name[1:], name+"@example.com"))
}

// tell appends an event as if the application had told it, and waits for the fold.
func (o *office) tell(e eventlog.Event, metadata string) {
	o.t.Helper()
	o.tellAll(o.event(e, metadata))
}

// event is one of the application, with the names of things in it.
func (o *office) event(e eventlog.Event, metadata string) eventlog.Event {
	e.Project, e.Metadata = "default", []byte(o.fill(metadata))
	e.OrganizationID = o.fill(e.OrganizationID)
	return e
}

func (o *office) tellAll(events ...eventlog.Event) {
	o.t.Helper()
	o.append(events...)
	if err := o.node.Dash.Wait(o.t.Context(), o.node.Store.Head()); err != nil {
		o.t.Fatal(err)
	}
}

// fill puts the ids of things where their names stand in braces.
func (o *office) fill(text string) string {
	for name, id := range o.names {
		text = strings.ReplaceAll(text, "{"+name+"}", id)
	}
	return text
}

// ask sends a request with the names of things in it.
func (o *office) ask(method, path, body string, headers ...string) answer {
	o.t.Helper()
	var in any
	if body != "" {
		in = o.fill(body)
	}
	return o.call(method, o.fill(path), o.root, in, headers...)
}

// made is ask for what makes something: it returns its id.
func (o *office) made(method, path, body string, headers ...string) string {
	o.t.Helper()
	id, _ := decode[map[string]any](o.t, o.ask(method, path, body, headers...), http.StatusOK)["id"].(string)
	if id == "" {
		o.t.Fatalf("%s %s %s makes nothing with an id", method, path, body)
	}
	return id
}

// list is ask for a bare list.
func (o *office) list(path string) []map[string]any {
	o.t.Helper()
	return decode[[]map[string]any](o.t, o.ask("GET", path, ""), http.StatusOK)
}

// state is all that the API says about organizations, as text.
func (o *office) state() string {
	o.t.Helper()
	var b bytes.Buffer
	a := o.ask("GET", "/dash/organizations?limit=100", "")
	b.Write(a.body)
	page := decode[struct{ Organizations []struct{ ID string } }](o.t, a, http.StatusOK)
	for _, org := range page.Organizations {
		for _, what := range []string{"members", "teams", "invitations"} {
			b.Write(o.ask("GET", "/dash/organization/"+what+"?organizationId="+org.ID, "").body)
		}
		for _, team := range o.list("/dash/organization/teams?organizationId=" + org.ID) {
			b.Write(o.ask("GET", "/dash/organization/team/members?organizationId="+org.ID+"&teamId="+team["id"].(string), "").body)
		}
	}
	return b.String()
}

// events returns what was appended after a seq: its types, and its metadata.
func (o *office) events(after uint64) (types []string, metadata []map[string]any) {
	o.t.Helper()
	for seq := after + 1; seq <= o.node.Store.Head(); seq++ {
		rec, err := o.node.Store.Read(seq)
		if err != nil {
			o.t.Fatal(err)
		}
		var m map[string]any
		if err := json.Unmarshal(rec.Metadata, &m); err != nil {
			o.t.Fatal(err)
		}
		types, metadata = append(types, string(rec.Type)), append(metadata, m)
	}
	return types, metadata
}
