package projections_test

import (
	"fmt"
	"iter"
	"slices"
	"strings"

	"dashd/projections"
)

// reads writes down what every read of tables answers for every id that the generator
// knows, and for one that nothing has.
func reads(t *projections.Tables) string {
	var b strings.Builder
	say := func(name string, answers ...any) {
		fmt.Fprintf(&b, "%s:", name)
		for _, a := range answers {
			fmt.Fprintf(&b, " %+v", a)
		}
		b.WriteByte('\n')
	}
	say("users", t.UserCount(), t.OnlineUsers(projections.Time(noon)), t.OnlineUsers(projections.Time(noon)+50_000_000))
	for id := range ids("u", 24) {
		u, ok := t.User(id)
		say("user "+id, u, ok)
		u, ok = t.UserByEmail(strings.ToUpper(id) + "@example.COM")
		say("address of "+id, u, ok)
		say("accounts of "+id, t.Accounts(id))
		say("sessions of "+id, t.Sessions(id))
		f, ok := t.TwoFactor(id)
		say("second factor of "+id, f, ok)
		say("memberships of "+id, t.Memberships(id))
		say("places of "+id, t.TeamMemberships(id))
		say("invitations by "+id, t.InvitationsBy(id))
		say("invitations to "+id, t.InvitationsTo(strings.ToUpper(id)+"@Example.com"))
		say("providers by "+id, t.SSOProvidersBy(id))
		for organization := range ids("o", 6) {
			m, ok := t.MemberOf(organization, id)
			say(id+" in "+organization, m, ok)
		}
		for team := range ids("t", 12) {
			m, ok := t.TeamMember(team, id)
			say(id+" in "+team, m, ok)
		}
	}
	u, ok := t.UserByEmail("Shared@Example.com")
	say("shared address", u, ok)
	for id := range ids("a", 60) {
		a, ok := t.Account(id)
		say("account "+id, a, ok, t.AccountSecret(id))
	}
	for id := range ids("s", 80) {
		s, ok := t.Session(id)
		say("session "+id, s, ok)
	}
	for _, provider := range []string{"credential", "github", "google", "nobody", ""} {
		say("accounts of "+provider, t.AccountsOfProvider(provider))
	}
	readGroups(t, say)
	return b.String()
}

func readGroups(t *projections.Tables, say func(string, ...any)) {
	for id := range ids("o", 6) {
		o, ok := t.Organization(id)
		say("organization "+id, o, ok)
		o, ok = t.OrganizationBySlug("slug-" + id)
		say("slug of "+id, o, ok)
		say("members of "+id, slices.Collect(t.Members(id)), t.MemberCount(id))
		say("teams of "+id, t.Teams(id))
		say("invitations of "+id, t.Invitations(id))
		say("providers of "+id, t.SSOProviders(id))
		say("directories of "+id, t.Directories(id))
		say("drains of "+id, t.Drains(id))
		for provider := range ids("p", 4) {
			d, ok := t.Directory(id, provider)
			say("directory "+id+" "+provider, d, ok)
		}
	}
	o, ok := t.OrganizationBySlug("shared-slug")
	say("shared slug", o, ok)
	for id := range ids("t", 12) {
		team, ok := t.Team(id)
		say("team "+id, team, ok, slices.Collect(t.TeamMembers(id)), t.TeamMemberCount(id))
	}
	for id := range ids("m", 60) {
		m, ok := t.Member(id)
		say("member "+id, m, ok)
	}
	for id := range ids("i", 30) {
		v, ok := t.Invitation(id)
		say("invitation "+id, v, ok)
	}
	for id := range ids("p", 8) {
		p, ok := t.SSOProvider(id)
		say("provider "+id, p, ok)
	}
	for id := range ids("d", 8) {
		d, ok := t.Drain(id)
		say("drain "+id, d, ok)
	}
	say("drains", t.AllDrains())
	say("providers", t.AllSSOProviders())
}

// ids are those of a kind, the text "unknown", none, and one of nothing.
func ids(kind string, n int) iter.Seq[string] {
	return func(yield func(string) bool) {
		for i := range n + 1 {
			if !yield(fmt.Sprint(kind, i)) {
				return
			}
		}
		_ = yield("") && yield("unknown")
	}
}

// reads is what reads has to say of the model's tables.
func (m *model) reads() string {
	var b strings.Builder
	say := func(name string, answers ...any) {
		fmt.Fprintf(&b, "%s:", name)
		for _, a := range answers {
			fmt.Fprintf(&b, " %+v", a)
		}
		b.WriteByte('\n')
	}
	say("users", len(m.users), m.online(projections.Time(noon)), m.online(projections.Time(noon)+50_000_000))
	for id := range ids("u", 24) {
		sayOne(say, "user "+id, m.users, func(u projections.User) bool { return u.ID == id && id != "" })
		u, ok := m.userByEmail(id + "@example.com")
		say("address of "+id, u, ok)
		say("accounts of "+id, m.accountsWhere(func(a modelAccount) bool { return a.UserID == id }))
		say("sessions of "+id, m.visible(func(s projections.Session) bool { return s.UserID == id }))
		sayOne(say, "second factor of "+id, m.factors, func(f projections.TwoFactor) bool { return f.UserID == id })
		say("memberships of "+id, where(m.members, func(v projections.Member) bool { return v.UserID == id }))
		say("places of "+id, where(m.teamMembers, func(v projections.TeamMember) bool { return v.UserID == id }))
		say("invitations by "+id, where(m.invitations, func(v projections.Invitation) bool { return v.InviterID == id && id != "" }))
		say("invitations to "+id, where(m.invitations, func(v projections.Invitation) bool { return v.Email == id+"@example.com" }))
		say("providers by "+id, where(m.providers, func(p projections.SSOProvider) bool { return p.UserID == id && id != "" }))
		for organization := range ids("o", 6) {
			sayOne(say, id+" in "+organization, m.members, func(v projections.Member) bool {
				return v.OrganizationID == organization && v.UserID == id
			})
		}
		for team := range ids("t", 12) {
			sayOne(say, id+" in "+team, m.teamMembers, func(v projections.TeamMember) bool {
				return v.TeamID == team && v.UserID == id
			})
		}
	}
	u, ok := m.userByEmail("shared@example.com")
	say("shared address", u, ok)
	for id := range ids("a", 60) {
		var found modelAccount
		a := find(m.accounts, func(a modelAccount) bool { return a.ID == id })
		if a != nil {
			found = *a
		}
		say("account "+id, found.Account, a != nil, found.Secret)
	}
	for id := range ids("s", 80) {
		sayOne(say, "session "+id, m.visible(func(projections.Session) bool { return true }),
			func(s projections.Session) bool { return s.ID == id })
	}
	for _, provider := range []string{"credential", "github", "google", "nobody", ""} {
		say("accounts of "+provider, m.accountsWhere(func(a modelAccount) bool { return a.ProviderID == provider }))
	}
	m.readGroups(say)
	return b.String()
}

func (m *model) readGroups(say func(string, ...any)) {
	for id := range ids("o", 6) {
		sayOne(say, "organization "+id, m.organizations, func(o projections.Organization) bool { return o.ID == id })
		sayOne(say, "slug of "+id, m.organizations, func(o projections.Organization) bool { return o.Slug == "slug-"+id })
		members := where(m.members, func(v projections.Member) bool { return v.OrganizationID == id })
		say("members of "+id, members, len(members))
		say("teams of "+id, where(m.teams, func(v projections.Team) bool { return v.OrganizationID == id }))
		say("invitations of "+id, where(m.invitations, func(v projections.Invitation) bool { return v.OrganizationID == id }))
		say("providers of "+id, where(m.providers, func(v projections.SSOProvider) bool { return string(v.OrganizationID) == id }))
		say("directories of "+id, where(m.directories, func(v projections.Directory) bool { return v.OrganizationID == id }))
		say("drains of "+id, where(m.drains, func(v projections.Drain) bool { return v.OrganizationID == id }))
		for provider := range ids("p", 4) {
			all := where(m.directories, func(v projections.Directory) bool {
				return v.OrganizationID == id && v.ProviderID == provider
			})
			sayOne(say, "directory "+id+" "+provider, all[max(0, len(all)-1):], func(projections.Directory) bool { return true })
		}
	}
	sayOne(say, "shared slug", m.organizations, func(o projections.Organization) bool { return o.Slug == "shared-slug" })
	for id := range ids("t", 12) {
		var found projections.Team
		team := m.team(id)
		if team != nil {
			found = *team
		}
		places := where(m.teamMembers, func(v projections.TeamMember) bool { return v.TeamID == id })
		say("team "+id, found, team != nil, places, len(places))
	}
	for id := range ids("m", 60) {
		sayOne(say, "member "+id, m.members, func(v projections.Member) bool { return v.ID == id })
	}
	for id := range ids("i", 30) {
		sayOne(say, "invitation "+id, m.invitations, func(v projections.Invitation) bool { return v.ID == id })
	}
	for id := range ids("p", 8) {
		sayOne(say, "provider "+id, m.providers, func(v projections.SSOProvider) bool { return v.ProviderID == id })
	}
	for id := range ids("d", 8) {
		sayOne(say, "drain "+id, m.drains, func(v projections.Drain) bool { return v.ID == id })
	}
	say("drains", m.drains)
	say("providers", m.providers)
}

// sayOne says the first row that is meant, and whether there is one.
func sayOne[R any](say func(string, ...any), name string, rows []R, is func(R) bool) {
	var found R
	r := find(rows, is)
	if r != nil {
		found = *r
	}
	say(name, found, r != nil)
}

func where[R any](rows []R, is func(R) bool) (list []R) {
	for _, r := range rows {
		if is(r) {
			list = append(list, r)
		}
	}
	return list
}

func (m *model) accountsWhere(is func(modelAccount) bool) (list []projections.Account) {
	for _, a := range where(m.accounts, is) {
		list = append(list, a.Account)
	}
	return list
}

// visible are the sessions that have not ended.
func (m *model) visible(is func(projections.Session) bool) (list []projections.Session) {
	for _, s := range m.sessions {
		if !s.ended && is(s.Session) {
			list = append(list, s.Session)
		}
	}
	return list
}

func (m *model) online(since projections.Time) int {
	return len(where(m.users, func(u projections.User) bool { return u.LastActiveAt != 0 && u.LastActiveAt >= since }))
}

// userByEmail finds the user with an address of whom something was heard first.
func (m *model) userByEmail(email string) (projections.User, bool) {
	for _, id := range m.heard {
		if u := m.user(id); u != nil && u.Email == email {
			return *u, true
		}
	}
	return projections.User{}, false
}
