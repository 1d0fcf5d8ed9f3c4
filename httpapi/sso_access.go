package httpapi

import (
	"encoding/json"

	"dashd/internal/commands"
	"dashd/internal/errs"
)

// What a signed token is told that is not one for the organization.
var (
	errNoAccess = because(commands.BeyondToken, errs.New(errs.Forbidden,
		"YOU_DO_NOT_HAVE_ACCESS_TO_THIS_ORGANIZATION", "You do not have access to this organization"))
	errUnmanned = because(commands.BeyondToken, errs.New(errs.Unauthorized,
		"INVALID_DIRECTORY_SYNC_MANAGEMENT_AUTHORIZATION", "Invalid directory sync management authorization"))
)

// directoryPurpose is the claim purpose of a token that manages directories.
const directoryPurpose = "directory-sync-management"

// ownOrganization returns the organization that a request is about. A signed token must be for
// it, or refusal is the answer.
func (in *input) ownOrganization(refusal error) string {
	const name = "organizationId"
	if in.r.claims != nil {
		claimed := in.claimed(name)
		if claimed == "" {
			in.fail(refusal)
		}
		var inBody string
		_ = json.Unmarshal(in.body[name], &inBody) // id looks at it again
		for _, other := range []string{in.r.params.ByName(name), in.query.Get(name), inBody} {
			if other != "" && other != claimed {
				in.fail(refusal)
			}
		}
	}
	return in.id(name)
}

// managedOrganization is ownOrganization for the management of directories: a signed token
// must be made for that, by somebody.
func (in *input) managedOrganization() string {
	if in.r.claims != nil && (in.claimed("purpose") != directoryPurpose || in.r.actor == in.r.principal.KeyID) {
		in.fail(errUnmanned)
	}
	return in.ownOrganization(errUnmanned)
}

// claimed returns a claim that is a text, or "".
func (in *input) claimed(name string) (text string) {
	if claim, ok := in.claim(name); ok {
		_ = json.Unmarshal(claim, &text)
	}
	return text
}
