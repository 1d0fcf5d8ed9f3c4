package commands

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"dashd/internal/errs"
	"dashd/projections"
)

// Organizations are the rules that organizations live by. The zero value is the
// recommended one.
type Organizations struct {
	// Roles a member may have, as from ParseRoles. Empty: member, admin, owner. Only
	// owners and admins invite, and only owners invite owners.
	Roles []string
	// MaxTeams and MaxTeamMembers bound the teams of an organization and the members
	// of a team. 0: no bound.
	MaxTeams, MaxTeamMembers int
	// KeepLastTeam refuses to delete the only team of an organization.
	KeepLastTeam bool
}

// The roles that mean something to dashd. Any other is only a name.
const (
	roleOwner  = "owner"
	roleAdmin  = "admin"
	roleMember = "member"
)

// DefaultRoles are the roles of members if nothing else is configured.
var DefaultRoles = []string{roleMember, roleAdmin, roleOwner}

// checkRole refuses a role that no member may have. An application's invitation may
// name several, with commas between.
func (o *Organizations) checkRole(role string) error {
	allowed := o.Roles
	if len(allowed) == 0 {
		allowed = DefaultRoles
	}
	for r := range strings.SplitSeq(role, ",") {
		if !slices.Contains(allowed, r) {
			return refuse(errs.Invalid, "Invalid role. Allowed roles: %s", strings.Join(allowed, ", "))
		}
	}
	return nil
}

// hasRole reports whether a role is one of those a member has. Applications may give
// several, with commas between.
func hasRole(roles, role string) bool {
	for r := range strings.SplitSeq(roles, ",") {
		if strings.TrimSpace(r) == role {
			return true
		}
	}
	return false
}

// oldestOwner returns the owner who has been a member for longest.
func oldestOwner(t *projections.Tables, organizationID string) (projections.Member, bool) {
	for m := range t.Members(organizationID) {
		if hasRole(m.Role, roleOwner) {
			return m, true
		}
	}
	return projections.Member{}, false
}

// onlyOwner reports whether an organization would have no owner without m.
func onlyOwner(t *projections.Tables, m projections.Member) bool {
	if !hasRole(m.Role, roleOwner) {
		return false
	}
	for other := range t.Members(m.OrganizationID) {
		if other.ID != m.ID && hasRole(other.Role, roleOwner) {
			return false
		}
	}
	return true
}

// organization finds the organization a command is about.
func organization(t *projections.Tables, id string) (projections.Organization, error) {
	o, ok := t.Organization(id)
	if !ok {
		return o, refuse(errs.NotFound, "Organization not found")
	}
	return o, nil
}

func userNotFound(kind errs.Kind) error { return refuse(kind, "User not found") }

func alreadyMember() error {
	return refuse(errs.Invalid, "User is already a member of this organization")
}

// ParseRoles reads the roles of Organizations, with commas between.
func ParseRoles(text string) ([]string, error) {
	var roles []string
	for name := range strings.SplitSeq(text, ",") {
		name = strings.TrimSpace(name)
		if !roleForm.MatchString(name) {
			return nil, fmt.Errorf("%q is not the name of a role: a letter, then letters, digits, hyphens and underscores, 64 at most", name)
		}
		if !slices.Contains(roles, name) {
			roles = append(roles, name)
		}
	}
	if !slices.Contains(roles, roleOwner) {
		return nil, fmt.Errorf("%s is not among the roles: who makes an organization gets it", roleOwner)
	}
	return roles, nil
}

var roleForm = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_-]{0,63}$`)
