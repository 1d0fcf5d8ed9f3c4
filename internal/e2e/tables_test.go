package e2e_test

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"testing"
	"time"
)

// testTables compares what dashd's tables say, which is what the plugin told, with what
// the application's own database says to its administrator.
func testTables(t *testing.T, a *app, backend reader, users cast) {
	ada := a.as(users, "ada")
	deadline := time.Now().Add(10 * time.Second)
	var want, got []string
	for {
		want, got = usersOf(t, ada, "/api/auth/admin/list-users?limit=100"), usersOf(t, backend, "/dash/users?limit=100")
		if slices.Equal(want, got) || time.Now().After(deadline) {
			break
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("users\n      dashd %q\napplication %q", got, want)
	}
	if len(want) < 2 || len(users.Organizations) == 0 {
		t.Errorf("the application knows %d users and %d organizations: this test compares nothing", len(want), len(users.Organizations))
	}
	for _, name := range slices.Sorted(maps.Keys(users.Organizations)) {
		id := url.QueryEscape(users.Organizations[name])
		var full struct {
			Name, Slug  string
			Members     []membership
			Invitations []invitation
			Teams       []struct{ ID, Name string }
		}
		decode(t, ada.get(t, "/api/auth/organization/get-full-organization?organizationId="+id, http.StatusOK), &full)
		var detail struct{ Name, Slug string }
		decode(t, backend.get(t, "/dash/organization?organizationId="+id, http.StatusOK), &detail)
		if detail.Name != full.Name || detail.Slug != full.Slug {
			t.Errorf("%s is %v here and %s, %s there", name, detail, full.Name, full.Slug)
		}
		var members []membership
		decode(t, backend.get(t, "/dash/organization/members?organizationId="+id, http.StatusOK), &members)
		same(t, name+": members", members, full.Members)
		var invitations []invitation
		decode(t, backend.get(t, "/dash/organization/invitations?organizationId="+id, http.StatusOK), &invitations)
		same(t, name+": invitations", invitations, full.Invitations)
		var teams []struct{ ID, Name string }
		decode(t, backend.get(t, "/dash/organization/teams?organizationId="+id, http.StatusOK), &teams)
		same(t, name+": teams", teams, full.Teams)
	}
}

type membership struct{ ID, UserID, Role string }

type invitation struct{ ID, Email, Role, Status, InviterID string }

// usersOf are the users that an endpoint lists, one line each.
func usersOf(t *testing.T, r reader, path string) (lines []string) {
	t.Helper()
	var page struct {
		Users []struct {
			ID, Name, Email, Role string
			Image                 *string
			EmailVerified, Banned bool
			BanReason             *string
		}
	}
	decode(t, r.get(t, path, http.StatusOK), &page)
	for _, u := range page.Users {
		reason := ""
		if u.BanReason != nil {
			reason = *u.BanReason
		}
		lines = append(lines, fmt.Sprintf("%s %s %s verified %v banned %v %s", u.ID, u.Name, u.Email, u.EmailVerified, u.Banned, reason))
	}
	slices.Sort(lines)
	return lines
}

// same compares two lists whose order does not matter.
func same[T any](t *testing.T, what string, got, want []T) {
	t.Helper()
	line := func(list []T) (lines []string) {
		for _, v := range list {
			lines = append(lines, fmt.Sprintf("%+v", v))
		}
		slices.Sort(lines)
		return lines
	}
	if g, w := line(got), line(want); !slices.Equal(g, w) {
		t.Errorf("%s\n      dashd %v\napplication %v", what, g, w)
	}
}
