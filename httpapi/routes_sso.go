package httpapi

import "dashd/eventlog"

// ssoRoutes are the rows of SSO providers and directories.
func (s *Server) ssoRoutes() []route {
	table := []route{
		{
			method: "GET", pattern: "/dash/organization/sso-providers", scope: orgsRead, handle: s.listSSOProviders,
			section: "10", aliases: []string{"GET /dash/organization/{organizationId}/sso-providers"}, whenOff: none,
		},
		{
			method: "POST", pattern: "/dash/organization/sso-provider", scope: orgsWrite, handle: s.createSSOProvider,
			section: "10", aliases: []string{"POST /dash/organization/{organizationId}/sso-provider/create"},
			command: "SSOProviderCreate", events: []eventlog.Type{eventlog.SSOProviderCreated},
		},
		{
			method: "PATCH", pattern: "/dash/organization/sso-provider", scope: orgsWrite, handle: s.updateSSOProvider,
			section: "10", aliases: []string{"POST /dash/organization/{organizationId}/sso-provider/update"},
			command: "SSOProviderUpdate", events: []eventlog.Type{eventlog.SSOProviderUpdated},
		},
		{
			method: "DELETE", pattern: "/dash/organization/sso-provider", scope: orgsWrite, handle: s.deleteSSOProvider,
			section: "10", aliases: []string{"POST /dash/organization/{organizationId}/sso-provider/delete"},
			command: "SSOProviderDelete",
			events:  []eventlog.Type{eventlog.SSOProviderDeleted, eventlog.OAuthUnlinked, eventlog.DirectoryUnpaired},
		},
		{
			method: "POST", pattern: "/dash/organization/sso-provider/verify-domain", scope: orgsWrite, handle: s.verifySSODomain,
			section: "10", aliases: []string{"POST /dash/organization/{organizationId}/sso-provider/verify-domain"},
			command: "SSOVerifyDomain", events: []eventlog.Type{eventlog.SSOProviderDomainVerified},
		},
		{
			method: "POST", pattern: "/dash/organization/sso-provider/request-verification-token", scope: orgsWrite, handle: s.requestSSOVerification,
			section: "17", aliases: []string{"POST /dash/organization/{organizationId}/sso-provider/request-verification-token"},
			command: "SSORequestVerification", events: []eventlog.Type{eventlog.SSOProviderVerificationRequested},
		},
		{
			method: "POST", pattern: "/dash/organization/sso-provider/mark-domain-verified", scope: orgsWrite, handle: s.markSSODomain,
			section: "17", aliases: []string{"POST /dash/organization/{organizationId}/sso-provider/mark-domain-verified"},
			command: "SSOMarkUnverified", events: []eventlog.Type{eventlog.SSOProviderUpdated},
		},
	}
	for i := range table {
		table[i].feature = SSO
	}
	return append(append(table, s.directoryRoutes()...), s.managedRoutes()...)
}

// directoryRoutes are the rows of directories that the seed has.
func (s *Server) directoryRoutes() []route {
	table := []route{
		{
			method: "GET", pattern: "/dash/organization/directories", scope: orgsRead, handle: s.listDirectories,
			section: "11", aliases: []string{"GET /dash/organization/{organizationId}/directories"}, whenOff: none,
		},
		{
			method: "GET", pattern: "/dash/organization/directory", scope: orgsRead, handle: s.legacyDirectory,
			section: "11", aliases: []string{"GET /dash/organization/{organizationId}/directory"},
		},
		{
			method: "POST", pattern: "/dash/organization/directory", scope: orgsWrite, handle: s.createDirectory,
			section: "11", aliases: []string{"POST /dash/organization/directory/create"},
			command: "DirectoryCreate", events: []eventlog.Type{eventlog.DirectoryCreated, eventlog.DirectoryCredentialIssued},
		},
		{
			method: "DELETE", pattern: "/dash/organization/directory", scope: orgsWrite, handle: s.endDirectory,
			section: "11", aliases: []string{"POST /dash/organization/directory/delete"},
			command: "DirectoryDecommission", events: []eventlog.Type{eventlog.DirectoryDecommissioned},
		},
		{
			method: "POST", pattern: "/dash/organization/directory/token", scope: orgsWrite, handle: s.directoryToken,
			section: "11", aliases: []string{"POST /dash/organization/directory/regenerate-token"},
			command: "DirectoryToken", events: []eventlog.Type{eventlog.DirectoryCredentialIssued, eventlog.DirectoryCredentialRevoked},
		},
	}
	for i := range table {
		table[i].feature = Directories
	}
	return table
}

// managedRoutes are the rows of directories that only the reference has.
func (s *Server) managedRoutes() []route {
	const (
		all = "/dash/organization/{organizationId}/directories"
		one = all + "/{providerId}"
	)
	table := []route{
		{
			method: "POST", pattern: all, scope: orgsWrite, handle: s.createManagedDirectory,
			command: "DirectoryCreate", events: []eventlog.Type{eventlog.DirectoryCreated, eventlog.DirectoryCredentialIssued},
		},
		{method: "GET", pattern: one, scope: orgsRead, handle: s.managedDirectory},
		{method: "GET", pattern: one + "/events", scope: orgsRead, handle: s.directoryEvents},
		{
			method: "POST", pattern: one + "/credentials/rotate", scope: orgsWrite, handle: s.rotateCredential, bodyOptional: true,
			command: "DirectoryToken", events: []eventlog.Type{eventlog.DirectoryCredentialIssued, eventlog.DirectoryCredentialRevoked},
		},
		{
			method: "POST", pattern: one + "/credentials/{credentialId}/revoke", scope: orgsWrite, handle: s.revokeCredential, bodyOptional: true,
			command: "DirectoryCredentialRevoke", events: []eventlog.Type{eventlog.DirectoryCredentialRevoked},
		},
		{
			method: "POST", pattern: one + "/decommission", scope: orgsWrite, handle: s.decommissionDirectory, bodyOptional: true,
			command: "DirectoryDecommission", events: []eventlog.Type{eventlog.DirectoryDecommissioned},
		},
		{
			method: "POST", pattern: one + "/unpair", scope: orgsWrite, handle: s.unpairDirectory, bodyOptional: true,
			command: "DirectoryUnpair", events: []eventlog.Type{eventlog.DirectoryUnpaired},
		},
	}
	for i := range table {
		table[i].section, table[i].feature = "17", Directories
	}
	return table
}
