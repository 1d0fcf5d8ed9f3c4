package projections

import (
	"iter"

	"github.com/RoaringBitmap/roaring/v2"
)

// The keys of members.
const (
	memberOrganization = iota
	memberUser
)

func (m *Member) rowID() string { return m.ID }

func (m *Member) rowKeys() [keysOfRow]string {
	return [keysOfRow]string{memberOrganization: m.OrganizationID, memberUser: m.UserID}
}

func codeMember(c *coder, m *Member) {
	codeText(c, &m.ID)
	codeText(c, &m.OrganizationID)
	codeText(c, &m.UserID)
	codeShared(c, &m.Role)
	c.time(&m.CreatedAt)
}

// Member finds a membership by its id.
func (t *Tables) Member(id string) (Member, bool) { return t.members.get(id) }

// MemberOf finds the membership of a user in an organization.
func (t *Tables) MemberOf(organizationID, userID string) (Member, bool) {
	for m := range t.members.having(memberUser, userID) {
		if m.OrganizationID == organizationID {
			return *m, true
		}
	}
	return Member{}, false
}

// Members yields the members of an organization.
func (t *Tables) Members(organizationID string) iter.Seq[Member] {
	return copies(t.members.having(memberOrganization, organizationID))
}

// MemberCount is the number of members of an organization, also of one that has no row.
func (t *Tables) MemberCount(organizationID string) int {
	if ord, ok := t.organizations.find(organizationID); ok {
		return int(t.organizations.rows.At(int(ord)).members)
	}
	return t.members.count(memberOrganization, organizationID)
}

// membersOf is a new set: the ordinals of the users that readers see who are members of
// an organization.
func (t *Tables) membersOf(organizationID string) *roaring.Bitmap {
	var who dense
	for m := range t.members.having(memberOrganization, organizationID) {
		if ord, ok := t.knownUser(m.UserID); ok {
			who.add(ord)
		}
	}
	return who.bitmap()
}

// Memberships are those of a user.
func (t *Tables) Memberships(userID string) []Member { return t.members.list(memberUser, userID) }

// countMember keeps the number of members of an organization.
func (g *groups) countMember(organizationID string, change int32) {
	if o := g.organizations.edit(organizationID); o != nil {
		o.members += change
	}
}

var memberNaming = naming{
	ids:    []string{"userId"},
	names:  []string{"memberName", "addedByName", "changedByName"}, // Studio says "by" of the member
	emails: []string{"memberEmail", "addedByEmail", "changedByEmail"},
}

const defaultRole = "member"

// foldMember folds member.added and member.role_changed. A member whose role changes is
// one, whether he was known or not.
func (t *Tables) foldMember(f *fact) {
	m, ok := t.memberMeant(f)
	if !ok {
		m, ok = t.newMember(f, memberNaming.user(f), f.text("memberId"))
	}
	if !ok {
		return
	}
	if role := f.first("newRole", "role"); role != "" {
		m.Role = role
	}
	set := f.set()
	putText(set, "role", &m.Role)
	putTime(set, "createdAt", &m.CreatedAt)
	t.putMember(m)
}

// memberMeant finds the membership that a fact is about: by its id, or else by the
// user, in the organization of the fact.
func (t *Tables) memberMeant(f *fact) (Member, bool) {
	if m, ok := t.members.get(f.text("memberId")); ok && m.OrganizationID == f.OrganizationID {
		return m, true
	}
	return t.MemberOf(f.OrganizationID, memberNaming.user(f))
}

// newMember is a membership that the organization of a fact does not have. It gets
// the id it is said to have, if it is free.
func (t *Tables) newMember(f *fact, userID, id string) (Member, bool) {
	if f.OrganizationID == "" || userID == "" {
		return Member{}, false
	}
	if id == "" || t.members.has(id) {
		id = derivedID("member", f.OrganizationID, userID)
	}
	return Member{
		ID: id, OrganizationID: f.OrganizationID, UserID: userID, Role: defaultRole, CreatedAt: f.at(),
	}, !t.members.has(id)
}

func (t *Tables) putMember(m Member) {
	if !t.members.has(m.ID) {
		t.countMember(m.OrganizationID, 1)
	}
	t.members.put(m)
}

// foldMemberRemoved folds member.removed: his places in the teams of the organization
// go with it.
func (t *Tables) foldMemberRemoved(f *fact) {
	m, ok := t.memberMeant(f)
	if !ok {
		return
	}
	t.members.remove(m.ID)
	t.countMember(m.OrganizationID, -1)
	for _, place := range t.teamMembers.list(teamMemberUser, m.UserID) {
		if team, ok := t.teams.get(place.TeamID); ok && team.OrganizationID == m.OrganizationID {
			t.teamMembers.remove(place.ID)
		}
	}
}
