package projections

import (
	"fmt"
	"slices"
	"strings"
)

// Dump writes all rows of t that readers can see, each table in the order of its rows, users in
// that of their ids.
func Dump(t *Tables) string {
	var b strings.Builder
	var users []User
	for first, page := range t.users.Pages(0) {
		for i := range page {
			if page[i].flags&userKnown != 0 {
				users = append(users, t.user(uint32(first+i)))
			}
		}
	}
	slices.SortFunc(users, func(a, b User) int { return strings.Compare(a.ID, b.ID) })
	for _, u := range users {
		fmt.Fprintf(&b, "user %+v\n", u)
	}
	for first, page := range t.accounts.Pages(0) {
		for i := range page {
			if ord := uint32(first + i); page[i].text != "" {
				fmt.Fprintf(&b, "account {Account:%+v Secret:%v}\n", t.account(ord), t.sealedOf(ord))
			}
		}
	}
	for first, page := range t.sessions.Pages(0) {
		for i := range page {
			if page[i].seen() {
				fmt.Fprintf(&b, "session %+v\n", t.session(uint32(first+i)))
			}
		}
	}
	dumpTable(&b, "factor", &t.factors)
	for o := range t.organizations.all() {
		fmt.Fprintf(&b, "organization %+v\n", o.Organization)
	}
	dumpTable(&b, "member", &t.members)
	dumpTable(&b, "team", &t.teams)
	dumpTable(&b, "place", &t.teamMembers)
	dumpTable(&b, "invitation", &t.invitations)
	dumpTable(&b, "provider", &t.providers)
	dumpTable(&b, "directory", &t.directories)
	dumpTable(&b, "drain", &t.drains)
	dumpTable(&b, "drain position", &t.drainPositions)
	return b.String()
}

func dumpTable[R any, P interface {
	*R
	row
}](b *strings.Builder, name string, t *table[R, P]) {
	for r := range t.all() {
		fmt.Fprintf(b, "%s %+v\n", name, *r)
	}
}

// FirstSession is the ordinal of the first row of sessions that was not given up.
func FirstSession(t *Tables) int { return t.sessions.First() }

// ListUsersInParts is ListUsers of a table that is read in so many parts at a time.
func ListUsersInParts(t *Tables, q Query, parts int) (Page[User], error) {
	l := t.userListing(q.Now)
	l.parts = parts
	return l.page(&q)
}

// MemberSlots is the number of rows that the table of members has room for, empty ones too.
func MemberSlots(t *Tables) int { return t.members.rows.Len() }
