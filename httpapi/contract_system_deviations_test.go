package httpapi_test

import "slices"

const (
	moreKeys    = "13 [D]: items carry AuthEvent's keys too, and pages both ways of paging"
	errorBodies = "2.1, 2.5 [D]: an unknown path and a wrong method have the common error body, the latter 405"
	noAdapter   = "17: execute-adapter is not reproduced; it bypasses every rule"
	allColumns  = "2.8: features that are off leave the columns of a user where they are"
	ownConfig   = "17 [D]: dashd's own settings; of the application's it knows nothing"
)

// systemDeviations are those that are about no area in particular.
var systemDeviations = slices.Concat(
	[]exception{
		{"app-events", every, "not replayed", "the application's own endpoints; what they report is folded, see the state that other files are replayed in"},

		{"common-errors", 4, "a body, captured none", errorBodies},
		{"common-errors", 5, "a body, captured none", errorBodies},
		{"common-errors", 5, "status 405, captured 404", errorBodies},
		{"common-errors", 7, "body.users[].*: added", allColumns},
		{"common-errors", 8, "body.*: added", allColumns},

		{"common-errors", 23, `message "Callback URL must*`, "2.8: the table has no switch for it"},

		{"extra-system", 1, "status 404, captured 200", noAdapter},
		{"extra-system", 2, "status 404, captured 200", noAdapter},
		{"extra-system", 3, "status 404, captured 400", noAdapter},
		{"extra-system", 3, `message "there is nothing at this path", captured*`, noAdapter},
		{"extra-system", 4, "body.insights.*", ownConfig},
		{"extra-system", 4, "body.plugins*", ownConfig},

		{"get-events-types", 0, "body.aliases: added", "13 GET /events/types [D]: the other names too"},
		{"get-events-list", 3, `message "Invalid API key", captured "Unauthorized"`, "2.2 [D]: one body for all 401"},
		{"get-events-list", 4, "status 200, captured 401", "2.2 [D]: an operator may read events"},
		{"get-events-list", 5, "status 200, captured 500", "18: dashd is the store that is asked; it needs no key for itself"},
	},
	eventDeviations("get-events-list"), eventDeviations("get-events-audit-logs"), eventDeviations("extra-events"),
)

// eventDeviations are those of a file of pages of events.
func eventDeviations(file string) []exception {
	return []exception{
		{file, every, "body.events[].*: added", moreKeys},
		{file, every, "body.hasMore: added", moreKeys},
		{file, every, "body.nextCursor: added", moreKeys},
	}
}
