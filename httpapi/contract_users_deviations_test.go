package httpapi_test

import (
	"fmt"
	"slices"
)

const (
	noFields    = "19 #9: a condition or a column that is none is refused"
	noUser      = "19 #9: an unknown user is told"
	withoutKeys = "19 #1: no secrets of accounts"
	places      = "3 [D]: where and how a session began"
	nulls       = "2.4: absent values are null"
	empties     = "3: the address and the browser of a session are empty if they are not known"
	inBody      = "19 #15: every answer has a body"
	skipped     = "19 #10: what does not exist is skipped"
	lengths     = "4 [D]: a password has 8 characters or more"
	theirMail   = "2.8: dashd sends no mail to users"
	theirPart   = "4: it is the application's endpoint"
	asPost      = "4 [D]: POST with an answer in JSON; see TestImpersonateUser"
	always      = "15: second factors always are TOTP"
	typeable    = "15 [D]: the secret as a person can type it"
	claimsLack  = "2.2: the claims lack what the endpoint needs"
	optionalOne = "5 [D]: sessionId is required, userId is not"
)

// userDeviations are those of users, their sessions and second factors.
var userDeviations = slices.Concat(
	refusedNow("get-dash-users", noFields, 400, 10, 11, 12),
	refusedNow("patch-dash-user", "4 [D]: the e-mail address of another is refused", 400, 4),
	refusedNow("patch-dash-user", noUser, 404, 7),
	refusedNow("patch-dash-user", "4 [D]: a name is a string", 400, 9),
	refusedNow("post-dash-user-password", noUser, 404, 3),
	refusedNow("post-dash-user-2fa-disable", noUser, 404, 2),
	[]exception{
		{"get-dash-users", 5, "body.users: 0 items, captured 1", "2.7 [D]: conditions mind capitals unless told otherwise"},

		{"post-dash-user", 1, "body.generatedPassword: added", "4 [D]: a generated password is shown once"},
		{"post-dash-user", 8, "status 400, captured 200", lengths},
		{"post-dash-user", 8, "message \"[body.password] Too small: expected string to have >=8 characters\", captured none", lengths},
		{"post-dash-user", 12, "status 400, captured 200", "4 [D]: an unknown organization is refused"},
		{"post-dash-user", 12, "message \"Organization not found\", captured none", "4 [D]: an unknown organization is refused"},
		{"post-dash-user", 13, "status 400, captured 200", "4 [D]: an unknown role is refused"},
		{"post-dash-user", 13, "message \"Invalid role. Allowed roles: member, admin, owner\", captured none", "4 [D]: an unknown role is refused"},

		{"delete-dash-user", 0, "a body, captured none", inBody},
		{"delete-dash-user", 1, "a body, captured none", inBody},
		{"delete-dash-user", 1, "status 404, captured 200", "4 [D]: an unknown user is told"},
		{"delete-dash-user", 2, "a body, captured none", inBody},
		{"delete-dash-user", 2, "status 400, captured 200", "4 [D]: the only owner of an organization stays"},

		{"post-dash-user-ban", 2, "status 200, captured 400", "4 [D]: ISO 8601 as well"},
		{"post-dash-user-ban", 3, "status 200, captured 400", "2.3 [D]: the user's id stands in the body, so there is one"},
		{"post-dash-user-ban", 4, "not replayed", theirPart},
		{"post-dash-user-impersonate", every, "not replayed", asPost},

		{"delete-dash-sessions", 0, "body.deletedCount: added", "5 [D]"},
		{"delete-dash-sessions", 0, "body.success: added", "5 [D]"},
		{"get-dash-sessions", 0, "body[].sessions[].token: missing", "19 #3: no tokens of sessions"},
		{"get-dash-sessions", 1, "status 200, captured 400", "5 [D]: the query string is text, and limits are read from it"},
		{"post-dash-session-revoke", 2, "status 401, captured 403", claimsLack},
		{"post-dash-session-revoke", 2, "message \"Invalid API key\", captured*", claimsLack},
		{"post-dash-session-revoke", 2, "status 400, captured 403", optionalOne},
		{"post-dash-session-revoke", 2, "message \"[body.sessionId] Invalid input: expected string, received undefined\"*", optionalOne},

		{"post-dash-user-2fa-enable", 0, "body.secretBase32: added", typeable},
		{"post-dash-user-2fa-enable", 1, "body.secretBase32: added", typeable},
		{"post-dash-user-2fa-enable", 7, "not replayed", always},
		{"post-dash-user-2fa-enable", 8, "not replayed", always},
		{"get-dash-user-2fa-totp-uri", 1, "body.secret: missing", "15: only until 0.1.12"},
		{"get-dash-user-2fa-backup-codes", 0, "code \"BACKUP_CODES_NOT_VIEWABLE\"*", "15 [D]"},

		{"extra-users", 0, "body.bannedUserIds: 2 items, captured 3", skipped},
		{"extra-users", 0, "body.skippedUserIds: 1 items, captured 0", skipped},
		{"extra-users", 1, "body.deletedUserIds: 1 items, captured 2", skipped},
		{"extra-users", 1, "body.skippedUserIds: 1 items, captured 0", skipped},
		{"extra-users", 2, "body.skippedUserIds: added", skipped},
		{"extra-users", 10, "status 400, captured 200", theirMail},
		{"extra-users", 10, "message \"Email verification is not enabled\", captured none", theirMail},
		{"extra-users", 14, "status 400, captured 200", theirMail},
		{"extra-users", 14, "message \"Email verification is not enabled\", captured none", theirMail},
		{"extra-users", 15, "status 400, captured 200", theirMail},
		{"extra-users", 15, "message \"Reset password isn't enabled\", captured none", theirMail},
	},
	accountKeys(0, 3, 7),
	sessionKeys("get-dash-user", "body.session[].", []int{0, 2, 7, 11}, places, "city", "country", "countryCode", "loginMethod"),
	sessionKeys("get-dash-sessions", "body[].sessions[].", []int{0}, places, "countryCode", "loginMethod"),
	sessionKeys("get-dash-sessions", "body[].sessions[].", []int{0}, nulls, "activeOrganizationId", "activeTeamId", "impersonatedBy", "ipAddress", "userAgent"),
	sessionKeys("get-dash-sessions", "body[].", []int{0}, nulls, "banExpires", "banReason", "image"),
	[]exception{
		{"get-dash-user", 11, "body.session[].ipAddress: string, captured null", empties},
		{"get-dash-user", 11, "body.session[].userAgent: string, captured null", empties},
	},
)

// refusedNow are requests that the reference failed at, without a body.
func refusedNow(file, why string, status int, indexes ...int) (all []exception) {
	for _, i := range indexes {
		all = append(all,
			exception{file, i, fmt.Sprintf("status %d, captured 500", status), why},
			exception{file, i, "a body, captured none", why})
	}
	return all
}

// accountKeys are the keys of accounts that a user's details lack, and the one they have instead.
func accountKeys(indexes ...int) (all []exception) {
	for _, i := range indexes {
		for _, what := range []string{"accessToken: missing", "idToken: missing", "refreshToken: missing", "password: missing", "hasPassword: added"} {
			all = append(all, exception{"get-dash-user", i, "body.account[]." + what, withoutKeys})
		}
	}
	return all
}

// sessionKeys are keys that dashd adds.
func sessionKeys(file, at string, indexes []int, why string, keys ...string) (all []exception) {
	for _, i := range indexes {
		for _, key := range keys {
			all = append(all, exception{file, i, at + key + ": added", why})
		}
	}
	return all
}
