package display

// A slot is a place in a template that is filled from the event. Its candidates
// are tried in order, and the first that holds text is taken:
//
//	name           the metadata's field name
//	?userName      the same, but there the text "unknown" is no text: the dash
//	               plugin writes it for what it does not know
//	name/first     the first word of it
//	@userId        the event's own user; @actorId, @ipAddress: its actor, its address
//
// If none holds text, the slot holds otherwise.
type slot struct {
	candidates string
	otherwise  string
}

const who = "name email ?userName ?userEmail"

// slots names all of them. The names in capitals are those of the contract.
var slots = map[string]slot{
	"WHO":     {who, "User"},
	"SOMEONE": {who, "Someone"},
	"MAIL":    {"email ?userEmail", "User"},
	"ORG":     {"organizationName", "Organization"},
	"org":     {"organizationName", "organization"},
	"TEAM":    {"teamName", "Team"},
	"team":    {"teamName", "team"},
	"PROV":    {"provider ?providerId", "OAuth"},
	"ACCOUNT": {"provider ?providerId", "account"},
	"INV":     {"email ?inviteeEmail", "user"},
	"PH":      {"phoneNumber", "phone number"},

	"FIRST":    {"name/first email ?userName/first ?userEmail", ""},
	"NEWMAIL":  {"newEmail", ""},
	"ADMIN":    {"?impersonatedBy ?impersonatedById", "an admin"},
	"VERIFIED": {who + " @userId", "User"},
	"VISITOR":  {"?identifier ?email ?userEmail @userId ?userId ?visitorId @ipAddress", "unknown visitor"},

	"SIGNER": {"name userEmail ?userName", "User"},
	"VIA":    {"provider providerId ?loginMethod", "OAuth"},

	"ADDED":    {"addedByName addedByEmail ?memberName ?memberEmail", "Member"},
	"REMOVED":  {"removedByName removedByEmail ?memberName ?memberEmail", "Member"},
	"CHANGED":  {"changedByName changedByEmail ?memberName ?memberEmail", "Member"},
	"TADDED":   {"addedName addedEmail ?memberName ?memberEmail", "Member"},
	"TREMOVED": {"removedName removedEmail ?memberName ?memberEmail", "Member"},

	"OLDROLE": {"oldRole", "member"},
	"NEWROLE": {"newRole", "member"},
	"ROLE":    {"role ?inviteeRole", "member"},

	"SSO":    {"providerId connectionId", "provider"},
	"DOMAIN": {"domain", ""},
	"DRAIN":  {"drainName drainId", "drain"},

	"PROJECT":    {"projectId", "project"},
	"KEY":        {"name keyId", "key"},
	"SIGNING":    {"kid", "key"},
	"OPERATOR":   {"@actorId", ""},
	"DATABASE":   {"databaseType", "file"},
	"PROJECTION": {"projection", "projection"},
	"NODE":       {"nodeId", ""},
	"REASON":     {"reason", ""},
	"CLUSTER":    {"clusterId", ""},
	"JOIN":       {"tokenId", ""},
	"ADDRESS":    {"address", ""},
	"TARGET":     {"to", ""},
	"METHOD":     {"method", ""},
	"ROUTE":      {"route", ""},
	"PEER":       {"@ipAddress", ""},
	"COUNT":      {"refused", "Some"},
	"SOURCE":     {"source", ""},
}
