package httpapi_test

import "slices"

const (
	objects    = "10 [D]: configs as objects, without secrets"
	managed    = "11 [D]: the managed record behind the seed's four endpoints"
	ownProject = "2.2 [D]: an API key is for all organizations of its project, so no claim can contradict the path"
	works      = "11 [D]: dashd implements what failed on the recorded instance, whose tables were missing"
)

// ssoDeviations are those of SSO providers and directories.
var ssoDeviations = slices.Concat(
	[]exception{
		{"get-dash-organization-sso-providers", 1, "body[].oidcConfig: object, captured string", objects},
		{"get-dash-organization-sso-providers", 1, "body[].samlConfig: object, captured string", objects},
		{"get-dash-organization-sso-providers", 2, "status 200, captured 403", ownProject},
		{"post-dash-organization-sso-provider", 9, "status 200, captured 403", ownProject},
		{"patch-dash-organization-sso-provider", 5, "body[].oidcConfig: object, captured string", objects},

		{"get-dash-organization-directories", 4, "status 401, captured 200", "11: managed calls need the claim purpose"},
		{"get-dash-organization-directories", 4, "message \"Invalid directory sync management authorization\", captured*", "11: managed calls need the claim purpose"},
		{"post-dash-organization-directory", 0, "status 200, captured 500", works},
		{"post-dash-organization-directory", 0, "a body, captured none", works},
		{"post-dash-organization-directory", 1, "status 409, captured 500", works},
		{"post-dash-organization-directory", 1, "a body, captured none", works},
		{"post-dash-organization-directory", 2, "status 409, captured 500", works},
		{"post-dash-organization-directory", 2, "a body, captured none", works},
		{"post-dash-organization-directory", 5, "status 200, captured 400", managed},
		{"post-dash-organization-directory-token", 0, "body.connectionId: added", managed},
		{"post-dash-organization-directory-token", 0, "body.credential: added", managed},
		{"post-dash-organization-directory", 6, "body.credential: added", managed},
		{"delete-dash-organization-directory", 0, "body.organizationId: added", managed},
		{"delete-dash-organization-directory", 0, "body.providerId: added", managed},
		{"delete-dash-organization-directory", 0, "body.scimEndpoint: added", managed},
	},
	managedKeys("get-dash-organization-directories", 4, "body[]."),
	managedKeys("post-dash-organization-directory", 6, "body."),
	managedKeys("delete-dash-organization-directory", 0, "body."),
	managedKeys("extra-sso-and-directories", 9, "body."),
)

// managedKeys are what a directory has besides what the first ones had.
func managedKeys(file string, index int, at string) (all []exception) {
	for _, key := range []string{
		"connectionId", "createdAt", "credentials", "decommissionedAt", "pairing", "pairingEnforced",
		"provisioningDomainId", "status", "unpairedAt", "unpairedBy", "updatedAt",
	} {
		all = append(all, exception{file, index, at + key + ": added", managed})
	}
	return all
}
