package projections

import "dashd/eventlog"

// settings are the tables of what organizations have configured.
type settings struct {
	providers   table[SSOProvider, *SSOProvider]
	directories table[Directory, *Directory]
	drains      table[Drain, *Drain]

	drainPositions table[DrainPosition, *DrainPosition]
}

// settingRules are those of the events of settings. Only dashd's own commands can make
// them: who could forge one could let himself in, or have the events sent to him.
var settingRules = map[eventlog.Type]rule{
	eventlog.SSOProviderCreated:               {fold: (*Tables).foldProvider, knows: true, ours: true},
	eventlog.SSOProviderUpdated:               {fold: (*Tables).foldProvider, knows: true, ours: true},
	eventlog.SSOProviderDomainVerified:        {fold: (*Tables).foldProvider, knows: true, ours: true},
	eventlog.SSOProviderVerificationRequested: {fold: (*Tables).foldProvider, knows: true, ours: true},
	eventlog.SSOProviderDeleted:               {fold: (*Tables).foldProviderDeleted, ours: true},

	eventlog.DirectoryCreated:           {fold: (*Tables).foldDirectory, knows: true, ours: true},
	eventlog.DirectoryCredentialIssued:  {fold: (*Tables).foldDirectory, knows: true, ours: true},
	eventlog.DirectoryCredentialRevoked: {fold: (*Tables).foldDirectory, knows: true, ours: true},
	eventlog.DirectoryDecommissioned:    {fold: (*Tables).foldDirectory, knows: true, ours: true},
	eventlog.DirectoryUnpaired:          {fold: (*Tables).foldDirectory, knows: true, ours: true},

	eventlog.DashdDrainCreated:   {fold: (*Tables).foldDrain, knows: true, ours: true},
	eventlog.DashdDrainUpdated:   {fold: (*Tables).foldDrain, knows: true, ours: true},
	eventlog.DashdDrainReplayed:  {fold: (*Tables).foldDrain, knows: true, ours: true},
	eventlog.DashdDrainSuspended: {fold: (*Tables).foldDrain, knows: true, ours: true},
	eventlog.DashdDrainAdvanced:  {fold: (*Tables).foldDrainAdvanced, ours: true},
	eventlog.DashdDrainDeleted:   {fold: (*Tables).foldDrainDeleted, ours: true},
}

func (s *settings) freeze() settings {
	return settings{
		providers:   s.providers.freeze(),
		directories: s.directories.freeze(),
		drains:      s.drains.freeze(),

		drainPositions: s.drainPositions.freeze(),
	}
}

// kept are the tables that checkpoints hold.
func (s *settings) kept() []keptTable {
	return []keptTable{
		s.providers.kept("sso providers", codeProvider),
		s.directories.kept("directories", codeDirectory),
		s.drains.kept("drains", codeDrain),
		s.drainPositions.kept("drain positions", codeDrainPosition),
	}
}

// reindex makes everything but the rows from the rows.
func (s *settings) reindex() {
	s.providers.reindex()
	s.directories.reindex()
	s.drains.reindex()
	s.drainPositions.reindex()
}

// forgetUser removes the SSO providers that a user who was deleted had created.
func (s *settings) forgetUser(id string) { s.providers.removeHaving(providerUser, id, nil) }

// forgetOrganization removes what an organization that was deleted had configured.
func (s *settings) forgetOrganization(id string) {
	s.providers.removeHaving(providerOrganization, id, nil)
	s.directories.removeHaving(directoryOrganization, id, nil)
	s.drains.removeHaving(drainOrganization, id, func(d *Drain) { s.drainPositions.remove(d.ID) })
}
