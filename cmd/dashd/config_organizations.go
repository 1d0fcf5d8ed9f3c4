package main

import (
	"dashd/httpapi"
	"dashd/internal/commands"
)

// validateOrganizations checks the rules for organizations and the features.
func (c *Config) validateOrganizations() error {
	if _, err := httpapi.ParseFeatures(c.FeaturesOff); err != nil {
		return refuse("features-off: %v", err)
	}
	if _, err := commands.ParseRoles(c.OrganizationRoles); err != nil {
		return refuse("organization-roles: %v", err)
	}
	if c.MaxTeams < 0 || c.MaxTeamMembers < 0 {
		return refuse("neither max-teams (%d) nor max-team-members (%d) may be below 0", c.MaxTeams, c.MaxTeamMembers)
	}
	return nil
}

// organizations are the rules for organizations.
func (c *Config) organizations() commands.Organizations {
	roles, _ := commands.ParseRoles(c.OrganizationRoles) // validated
	return commands.Organizations{
		Roles: roles, MaxTeams: c.MaxTeams, MaxTeamMembers: c.MaxTeamMembers, KeepLastTeam: c.KeepLastTeam,
	}
}

// off are the features that are switched off.
func (c *Config) off() map[httpapi.Feature]bool {
	off, _ := httpapi.ParseFeatures(c.FeaturesOff) // validated
	return off
}
