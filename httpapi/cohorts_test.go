package httpapi_test

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"dashd/eventlog"
)

// cohortsOf is a daemon that knows three users, of whom one has bought something two weeks after he
// joined, and one is a member of Acme. It is noon on Wednesday, 18 March 2026.
func cohortsOf(t *testing.T) *daemon {
	t.Helper()
	d := startAt(t, time.Date(2026, time.March, 18, 12, 0, 0, 0, time.UTC))
	at := func(day int) int64 { return time.Date(2026, time.March, day, 8, 0, 0, 0, time.UTC).UnixMilli() }
	event := func(kind eventlog.Type, user string, day int, metadata string) eventlog.Event {
		return eventlog.Event{
			Project: "default", Type: kind, UserID: user, Time: at(day), GivenTime: true,
			Personal: eventlog.Personal{Metadata: []byte(metadata)},
		}
	}
	joined := func(user string, day int) eventlog.Event {
		return event(eventlog.UserJoined, user, day, `{"userName":"`+user+`","userEmail":"`+user+`@example.com"}`)
	}
	member := event(eventlog.MemberAdded, "grace", 10, `{"organizationId":"acme","userId":"grace","role":"member"}`)
	member.OrganizationID, member.ActorID = "acme", "operator"
	failed := event(eventlog.UserLoggedIn, "grace", 16, `{}`)
	failed.Status = eventlog.Failed
	d.append(
		joined("ada", 3), joined("grace", 4), joined("alan", 10), member,
		event(eventlog.UserLoggedIn, "ada", 8, `{}`), // a Sunday
		event(eventlog.SessionCreated, "ada", 9, `{"sessionId":"s1"}`),
		event("shop.bought", "grace", 16, `{}`), failed,
	)
	if err := d.node.Dash.Wait(t.Context(), d.node.Store.Head()); err != nil {
		t.Fatal(err)
	}
	return d
}

func TestCohorts(t *testing.T) {
	d := cohortsOf(t)
	weeks := func(ages ...string) string {
		return `{"start":"2026-03-02T00:00:00.000Z","end":"2026-03-09T00:00:00.000Z",` + ages[0] + `,"ages":[
			{"age":0,"start":"2026-03-02T00:00:00.000Z","end":"2026-03-09T00:00:00.000Z",` + ages[1] + `},
			{"age":1,"start":"2026-03-09T00:00:00.000Z","end":"2026-03-16T00:00:00.000Z",` + ages[2] + `},
			{"age":2,"start":"2026-03-16T00:00:00.000Z","end":"2026-03-23T00:00:00.000Z",` + ages[3] + `}]},
		{"start":"2026-03-09T00:00:00.000Z","end":"2026-03-16T00:00:00.000Z",` + ages[4] + `,"ages":[
			{"age":0,"start":"2026-03-09T00:00:00.000Z","end":"2026-03-16T00:00:00.000Z",` + ages[5] + `},
			{"age":1,"start":"2026-03-16T00:00:00.000Z","end":"2026-03-23T00:00:00.000Z","active":0,"rate":0}]},
		{"start":"2026-03-16T00:00:00.000Z","end":"2026-03-23T00:00:00.000Z","size":0,"ages":[
			{"age":0,"start":"2026-03-16T00:00:00.000Z","end":"2026-03-23T00:00:00.000Z","active":0,"rate":0}]}`
	}
	for _, tt := range []struct{ name, query, want string }{
		{
			"whatever they did", "cohorts=3",
			`{"unit":"week","until":"2026-03-18T12:00:00.000Z","activity":null,"organizationId":null,"cohorts":[` + weeks(
				`"size":2`, `"active":2,"rate":100`, `"active":1,"rate":50`, `"active":1,"rate":50`, `"size":1`, `"active":1,"rate":100`) + `]}`,
		},
		{
			"sign-ins", "cohorts=3&activity=sign-in&unit=week",
			`{"unit":"week","until":"2026-03-18T12:00:00.000Z","activity":["user.logged_in","session.created","oauth.sign_in"],"organizationId":null,"cohorts":[` + weeks(
				`"size":2`, `"active":1,"rate":50`, `"active":1,"rate":50`, `"active":0,"rate":0`, `"size":1`, `"active":0,"rate":0`) + `]}`,
		},
		{
			"events in the words of the plugin and of the application", "cohorts=3&activity=user_signed_in,shop.bought",
			`{"unit":"week","until":"2026-03-18T12:00:00.000Z","activity":["user.logged_in","shop.bought"],"organizationId":null,"cohorts":[` + weeks(
				`"size":2`, `"active":1,"rate":50`, `"active":0,"rate":0`, `"active":1,"rate":50`, `"size":1`, `"active":0,"rate":0`) + `]}`,
		},
		{
			"of an organization", "cohorts=3&organizationId=acme&activity=any",
			`{"unit":"week","until":"2026-03-18T12:00:00.000Z","activity":null,"organizationId":"acme","cohorts":[` + weeks(
				`"size":1`, `"active":1,"rate":100`, `"active":0,"rate":0`, `"active":1,"rate":100`, `"size":0`, `"active":0,"rate":0`) + `]}`,
		},
		{
			"one day", "cohorts=1&unit=day&until=2026-03-10T23:59:59.999Z",
			`{"unit":"day","until":"2026-03-10T23:59:59.999Z","activity":null,"organizationId":null,"cohorts":[
				{"start":"2026-03-10T00:00:00.000Z","end":"2026-03-11T00:00:00.000Z","size":1,"ages":[
					{"age":0,"start":"2026-03-10T00:00:00.000Z","end":"2026-03-11T00:00:00.000Z","active":1,"rate":100}]}]}`,
		},
		{
			"1970 is no reason for a null", "cohorts=1&unit=month&until=0",
			`{"unit":"month","until":"1970-01-01T00:00:00.000Z","activity":null,"organizationId":null,"cohorts":[
				{"start":"1970-01-01T00:00:00.000Z","end":"1970-02-01T00:00:00.000Z","size":0,"ages":[
					{"age":0,"start":"1970-01-01T00:00:00.000Z","end":"1970-02-01T00:00:00.000Z","active":0,"rate":0}]}]}`,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := d.call("GET", "/v1/analytics/cohorts?"+tt.query, d.root, nil)
			if a.status != http.StatusOK || !sameJSON(t, a.body, []byte(tt.want)) {
				t.Errorf("%d %s\nwant %s", a.status, a.body, tt.want)
			}
			if a.header.Get("Dashd-Seq") == "" {
				t.Error("no Dashd-Seq")
			}
		})
	}
	for query, want := range map[string]int{"": 26, "?unit=day": 30, "?unit=week": 26, "?unit=month": 12, "?cohorts=5000": 120} {
		got := get[struct{ Cohorts []struct{ Ages []any } }](d, "/v1/analytics/cohorts"+query, d.root)
		if len(got.Cohorts) != want || len(got.Cohorts[0].Ages) != want || len(got.Cohorts[want-1].Ages) != 1 {
			t.Errorf("%q: %d cohorts, want %d", query, len(got.Cohorts), want)
		}
	}
}

type cohortUsers struct {
	Users                []struct{ ID, Email string }
	Total, Offset, Limit int
}

func TestUsersOfACohort(t *testing.T) {
	d := cohortsOf(t)
	for _, tt := range []struct {
		query         string
		users         string
		total         int
		offset, limit int
	}{
		{"cohort=2026-03-02", "ada grace", 2, 0, 10},
		{"cohort=2026-03-02&unit=week&limit=1", "ada", 2, 0, 1},
		{"cohort=2026-03-02&limit=1&offset=1", "grace", 2, 1, 1},
		{"cohort=2026-03-02&offset=2", "", 2, 2, 10},
		{"cohort=2026-03-02&age=1", "ada", 1, 0, 10},
		{"cohort=2026-03-02&age=2&activity=shop.bought", "grace", 1, 0, 10},
		{"cohort=2026-03-02&age=2&activity=sign-in", "", 0, 0, 10},
		{"cohort=2026-03-02&organizationId=acme", "grace", 1, 0, 10},
		{"cohort=2026-03-01&unit=month&limit=1000", "ada grace alan", 3, 0, 100},
		{"cohort=2026-03-03&unit=day&age=5", "ada", 1, 0, 10},
		{"cohort=2020-01-01&unit=day&age=119", "", 0, 0, 10},
	} {
		got := get[cohortUsers](d, "/v1/analytics/cohorts/users?"+tt.query, d.root)
		var ids []string
		for _, u := range got.Users {
			ids = append(ids, u.ID)
			if u.Email != u.ID+"@example.com" {
				t.Errorf("%s: the address of %s is %q", tt.query, u.ID, u.Email)
			}
		}
		if strings.Join(ids, " ") != tt.users || got.Users == nil || got.Total != tt.total || got.Offset != tt.offset || got.Limit != tt.limit {
			t.Errorf("%s: %+v, want %s of %d", tt.query, got, tt.users, tt.total)
		}
	}
	// A row is that of GET /dash/users.
	whole := get[struct{ Users []map[string]any }](d, "/dash/users?sortOrder=asc", d.root)
	part := get[struct{ Users []map[string]any }](d, "/v1/analytics/cohorts/users?cohort=2026-03-01&unit=month", d.root)
	if len(whole.Users) != 3 || !equalUsers(whole.Users, part.Users) {
		t.Errorf("the users are\n%v, in their list\n%v", part.Users, whole.Users)
	}
}

func equalUsers(a, b []map[string]any) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if len(a[i]) == 0 || len(a[i]) != len(b[i]) {
			return false
		}
		for column, value := range a[i] {
			if b[i][column] != value {
				return false
			}
		}
	}
	return true
}

// Whoever was deleted is in no cohort any more, and is in those of the moments before.
func TestCohortsForgetWhoWasDeleted(t *testing.T) {
	d := cohortsOf(t)
	before := d.node.Store.Head()
	size := func(query string) int {
		t.Helper()
		return get[cohortUsers](d, "/v1/analytics/cohorts/users?cohort=2026-03-02"+query, d.root).Total
	}
	if n := size(""); n != 2 {
		t.Fatalf("%d users before", n)
	}
	a := d.call("DELETE", "/dash/user", d.root, map[string]string{"userId": "ada"})
	if a.status != http.StatusOK {
		t.Fatalf("%d %s", a.status, a.body)
	}
	after := "&after=" + a.header.Get("Dashd-Seq")
	if n := size(after); n != 1 {
		t.Errorf("%d users after one was deleted", n)
	}
	if n := size("&asOf=" + strconv.FormatUint(before, 10)); n != 2 {
		t.Errorf("%d users as of before", n)
	}
}

func TestCohortsRefuse(t *testing.T) {
	d := startAt(t, time.Date(2026, time.March, 18, 12, 0, 0, 0, time.UTC))
	for _, tt := range []struct{ query, code, says string }{
		{"?unit=year", "VALIDATION_ERROR", "unit"},
		{"?cohorts=0", "VALIDATION_ERROR", "cohorts"},
		{"?cohorts=many", "VALIDATION_ERROR", "cohorts"},
		{"?until=soon", "VALIDATION_ERROR", "until"},
		{"?until=9999-12-31", "VALIDATION_ERROR", "until"},
		{"?until=0001-01-09&cohorts=3", "VALIDATION_ERROR", "until"},
		{"?until=9223372036854775807", "VALIDATION_ERROR", "until"},
		{"?activity=any,sign-in", "VALIDATION_ERROR", "activity"},
		{"?activity=user_sign_in_failed", "VALIDATION_ERROR", "activity"},
		{"?activity=No+Name", "VALIDATION_ERROR", "activity"},
		{"/users", "VALIDATION_ERROR", "cohort"},
		{"/users?cohort=then", "VALIDATION_ERROR", "cohort"},
		{"/users?cohort=-9223372036854775808", "VALIDATION_ERROR", "cohort"},
		{"/users?cohort=2026-03-02&age=-1", "VALIDATION_ERROR", "age"},
		{"/users?cohort=2026-03-02&activity=login.failed", "VALIDATION_ERROR", "activity"},
	} {
		a := d.call("GET", "/v1/analytics/cohorts"+tt.query, d.root, nil)
		if a.status != http.StatusBadRequest || !strings.Contains(string(a.body), tt.code) || !strings.Contains(string(a.body), "[query."+tt.says+"]") {
			t.Errorf("%s: %d %s", tt.query, a.status, a.body)
		}
	}
}
