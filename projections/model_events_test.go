package projections_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"dashd/eventlog"
)

// generator makes up the events of a few applications and of the dashboard's commands on
// them. They are about so few people and things that they meet, repeat and contradict each other
// all the time.
type generator struct {
	*rand.Rand
	now  int64
	past []eventlog.Event
}

func newGenerator(seed uint64) *generator {
	return &generator{Rand: rand.New(rand.NewPCG(seed, 3)), now: noon}
}

// pick returns one of the choices.
func pick[T any](g *generator, choices ...T) T { return choices[g.IntN(len(choices))] }

// id returns one of n ids of a kind.
func (g *generator) id(kind string, n int) string { return fmt.Sprintf("%s%d", kind, g.IntN(n)) }

func (g *generator) user() string         { return g.id("u", 24) }
func (g *generator) organization() string { return g.id("o", 6) }

// event makes up the next event.
func (g *generator) event() eventlog.Event {
	g.now += int64(g.IntN(100_000))
	if g.IntN(400) == 0 {
		g.now += int64(g.IntN(100)) * int64(modelDay)
	}
	if len(g.past) > 0 && g.IntN(20) == 0 {
		return pick(g, g.past[max(0, len(g.past)-200):]...) // again, as it was
	}
	e := eventlog.Event{
		Project: pick(g, "shop", "shop", "shop", "blog"),
		Type:    g.kind(),
		Time:    g.now,
		Personal: eventlog.Personal{
			IPAddress: pick(g, "", "203.0.113.7", "2001:db8::1"),
			UserAgent: pick(g, "", "Browser/1.0", "Browser/2.0"),
			City:      pick(g, "", "Berlin"), Country: pick(g, "", "Germany", "France"),
			Origin: eventlog.Origin{Vocabulary: pick(g, eventlog.VocabularyDashd, eventlog.VocabularyDashd,
				eventlog.VocabularyDash, eventlog.VocabularyStudio, eventlog.VocabularyAPI)},
		},
		CountryCode: pick(g, "", "DE", "FR"),
		ActorID:     pick(g, "", "", "", "", "operator", g.user()),
	}
	switch g.IntN(40) {
	case 0:
		e.Project = eventlog.ReservedProject
	case 1:
		e.Status = eventlog.Failed
	case 2:
		e.Time -= int64(g.IntN(100_000_000)) // late
	}
	if e.Type == eventlog.LoginFailed || e.Type == "custom.thing" || e.Type.Category() == "security" {
		e.Origin.Vocabulary %= eventlog.VocabularyDashd // no command sends them
	}
	g.describe(&e)
	g.past = append(g.past, e)
	return e
}

// kind is the type of the next event: all that mean anything, and some that mean nothing.
func (g *generator) kind() eventlog.Type {
	return pick(g,
		eventlog.UserJoined, eventlog.UserJoined, eventlog.UserJoined, eventlog.UserLoggedIn, eventlog.UserLoggedIn,
		eventlog.UserUpdated, eventlog.UserUpdated, eventlog.UserLoggedOut, eventlog.UserPasswordChanged,
		eventlog.UserEmailVerified, eventlog.UserBanned, eventlog.UserUnbanned, eventlog.UserDeleted,
		eventlog.UserImageUpdated, eventlog.UserEmailChanged, eventlog.UserImpersonated,
		eventlog.UserImpersonationStopped, eventlog.UserEmailVerificationSent, eventlog.UserDeleteVerificationRequested,
		eventlog.SessionCreated, eventlog.SessionCreated, eventlog.SessionCreated, eventlog.SessionRevoked,
		eventlog.SessionRevokedAll, eventlog.LoginFailed, eventlog.OAuthSignIn,
		eventlog.OAuthLinked, eventlog.OAuthUnlinked, eventlog.AccountLinked, eventlog.AccountLinked, eventlog.AccountUnlinked,
		eventlog.TwoFactorEnabled, eventlog.TwoFactorDisabled, eventlog.TwoFactorVerified, eventlog.TwoFactorBackupCodesGenerated,
		eventlog.PasswordResetRequested, eventlog.PasswordResetCompleted, eventlog.PhoneNumberVerification,
		eventlog.OrganizationCreated, eventlog.OrganizationUpdated, eventlog.OrganizationDeleted,
		eventlog.MemberAdded, eventlog.MemberAdded, eventlog.MemberAdded, eventlog.MemberRemoved, eventlog.MemberRoleChanged,
		eventlog.TeamCreated, eventlog.TeamCreated, eventlog.TeamUpdated, eventlog.TeamDeleted,
		eventlog.TeamMemberAdded, eventlog.TeamMemberAdded, eventlog.TeamMemberRemoved,
		eventlog.InvitationCreated, eventlog.InvitationCreated, eventlog.InvitationAccepted,
		eventlog.InvitationRejected, eventlog.InvitationCancelled,
		eventlog.SSOProviderCreated, eventlog.SSOProviderCreated, eventlog.SSOProviderUpdated, eventlog.SSOProviderDeleted,
		eventlog.SSOProviderDomainVerified, eventlog.SSOProviderVerificationRequested,
		eventlog.DirectoryCreated, eventlog.DirectoryCreated, eventlog.DirectoryCredentialIssued,
		eventlog.DirectoryCredentialRevoked, eventlog.DirectoryDecommissioned, eventlog.DirectoryUnpaired,
		eventlog.DashdDrainCreated, eventlog.DashdDrainCreated, eventlog.DashdDrainUpdated, eventlog.DashdDrainDeleted,
		eventlog.DashdDrainReplayed, eventlog.DashdDrainSuspended, eventlog.DashdDrainAdvanced, eventlog.DashdDrainAdvanced, eventlog.DashdDrainAdvanced,
		eventlog.SecurityBlocked, "custom.thing",
	)
}

// metadata is an object that is being made up: its members in order, some keys twice.
type metadata struct {
	g    *generator
	text strings.Builder
}

// add adds a member, or forgets it, or adds something else under its key.
func (m *metadata) add(key string, value any) {
	switch m.g.IntN(24) {
	case 0:
		return
	case 1:
		value = json.RawMessage(pick(m.g, `null`, `true`, `false`, `0`, `7`, `-1.5e3`, `""`, `"unknown"`, `"\u0041\n"`, `{}`, `[]`,
			`[1,"a",null,{"id":"x"}]`, `{"a":{"b":[1]}}`, `"u1"`, `1750000000000`, `"2025-06-15T15:06:40Z"`, `1e300`,
			`"2025-06-15T17:06:40.123456+02:00"`, `"not a time"`, ` { "a" : 1 } `, `123456789012345678901`))
	case 2:
		m.member(key, nil) // and once more, as it should be
	}
	m.member(key, value)
}

func (m *metadata) member(key string, value any) {
	text, err := json.Marshal(value)
	if raw, ok := value.(json.RawMessage); ok {
		text, err = raw, nil // its white space too
	}
	if err != nil {
		panic(err)
	}
	if m.text.Len() > 0 {
		m.text.WriteString(pick(m.g, ",", ",", " ,\n"))
	}
	name, _ := json.Marshal(key)
	if m.g.IntN(50) == 0 {
		name = []byte(fmt.Sprintf(`"\u%04x%s"`, key[0], key[1:]))
	}
	m.text.Write(name)
	m.text.WriteString(pick(m.g, ":", ":", ": "))
	m.text.Write(text)
}

func (m *metadata) json() json.RawMessage { return json.RawMessage("{" + m.text.String() + "}") }

// some is an object with about a third of the given members.
func (g *generator) some(members map[string]func() any, keys ...string) json.RawMessage {
	m := &metadata{g: g}
	for _, key := range keys {
		if g.IntN(3) == 0 {
			m.add(key, members[key]())
		}
	}
	return m.json()
}

func (g *generator) time() any {
	at := time.UnixMilli(g.now + int64(g.IntN(2_000_000)) - 1_000_000).UTC()
	return pick[any](g, at.Format("2006-01-02T15:04:05.000Z"), at.UnixMilli(), at.Format(time.RFC3339), nil)
}

func (g *generator) box() []byte {
	if g.IntN(3) > 0 {
		return nil
	}
	return []byte{1, byte(g.IntN(256)), byte(g.IntN(256))}
}

// describe gives an event its subjects and its metadata, in one of the vocabularies.
func (g *generator) describe(e *eventlog.Event) {
	m := &metadata{g: g}
	user := g.user()
	if g.IntN(10) > 0 {
		e.UserID = pick(g, user, user, user, user, user, user, user, "unknown")
	}
	switch e.Type.Category() {
	case "organization", "member", "team", "invitation":
		g.describeGroup(e, m, user)
	case "sso", "directory", "dashd":
		g.describeSetting(e, m)
	default:
		g.describePerson(e, m, user)
	}
	if g.IntN(3) == 0 {
		m.add("triggeredBy", pick(g, "operator", g.user()))
	}
	e.Metadata = m.json()
}

// named adds who a user is, in the given words for his name and his address.
func (m *metadata) named(user, name, email string) {
	if m.g.IntN(2) == 0 {
		m.add(name, pick(m.g, "User "+user, "user "+user, "Ünïcode "+user, "unknown"))
	}
	if m.g.IntN(3) > 0 {
		m.add(email, pick(m.g, user+"@example.com", strings.ToUpper(user)+"@Example.com", "shared@example.com"))
	}
}

func (g *generator) describePerson(e *eventlog.Event, m *metadata, user string) {
	if g.IntN(2) == 0 {
		m.add("userId", user)
		m.named(user, "userName", "userEmail")
	} else {
		m.named(user, "name", "email")
	}
	if g.IntN(12) == 0 {
		g.inOrganization(e, m)
	}
	switch e.Type {
	case eventlog.SessionCreated, eventlog.SessionRevoked, eventlog.UserLoggedIn, eventlog.UserLoggedOut,
		eventlog.UserImpersonated, eventlog.UserImpersonationStopped:
		g.describeSession(e, m)
	case eventlog.AccountLinked, eventlog.AccountUnlinked, eventlog.OAuthLinked, eventlog.OAuthUnlinked,
		eventlog.UserPasswordChanged:
		m.add("accountId", g.id("a", 60))
		m.add("providerId", pick(g, "credential", "github", "google"))
		e.Sealed = g.box()
	case eventlog.UserBanned:
		m.add("banReason", pick[any](g, "spam", nil))
		m.add("banExpires", g.time())
	case eventlog.UserUpdated, eventlog.UserImageUpdated:
		m.add("updatedFields", pick[any](g, []string{"name"}, map[string]any{"name": "New " + user, "image": "https://example.com/i.png"}))
	case eventlog.TwoFactorEnabled, eventlog.TwoFactorBackupCodesGenerated:
		e.Sealed = g.box()
	}
	if g.IntN(3) == 0 {
		m.add("set", g.some(map[string]func() any{
			"name":                  func() any { return "Set " + user },
			"email":                 func() any { return pick(g, "Set-"+user+"@example.com", "shared@example.com") },
			"emailVerified":         func() any { return g.IntN(2) == 0 },
			"image":                 func() any { return pick[any](g, "https://example.com/"+user, "", nil) },
			"role":                  func() any { return pick[any](g, "user", "admin", nil) },
			"banned":                func() any { return g.IntN(2) == 0 },
			"banReason":             func() any { return pick[any](g, "rude", nil) },
			"banExpires":            g.time,
			"createdAt":             g.time,
			"updatedAt":             g.time,
			"lastActiveAt":          g.time,
			"twoFactorEnabled":      func() any { return g.IntN(2) == 0 },
			"pending":               func() any { return g.IntN(2) == 0 },
			"accountId":             func() any { return g.id("subject", 5) },
			"providerId":            func() any { return pick(g, "credential", "github") },
			"scope":                 func() any { return pick[any](g, "email profile", nil) },
			"accessTokenExpiresAt":  g.time,
			"refreshTokenExpiresAt": g.time,
			"hasPassword":           func() any { return g.IntN(2) == 0 },
			"expiresAt":             g.time,
			"ipAddress":             func() any { return "192.0.2.1" },
			"userAgent":             func() any { return "Set/1" },
			"impersonatedBy":        func() any { return pick[any](g, g.user(), nil) },
			"activeOrganizationId":  func() any { return pick[any](g, g.organization(), nil) },
			"activeTeamId":          func() any { return pick[any](g, g.id("t", 12), nil) },
			"country":               func() any { return "Spain" },
			"city":                  func() any { return "Madrid" },
			"countryCode":           func() any { return "ES" },
			"loginMethod":           func() any { return "passkey" },
		}, "name", "email", "emailVerified", "image", "role", "banned", "banReason", "banExpires", "createdAt", "updatedAt",
			"lastActiveAt", "twoFactorEnabled", "pending", "accountId", "providerId", "scope", "accessTokenExpiresAt",
			"refreshTokenExpiresAt", "hasPassword", "expiresAt", "ipAddress", "userAgent", "impersonatedBy",
			"activeOrganizationId", "activeTeamId", "country", "city", "countryCode", "loginMethod"))
	}
}

func (g *generator) describeSession(e *eventlog.Event, m *metadata) {
	session := g.id("s", 80)
	if g.IntN(6) > 0 {
		e.SessionID = session
	}
	if g.IntN(2) == 0 {
		m.add("sessionId", session)
	}
	m.add("loginMethod", pick(g, "email", "github", "unknown"))
	if g.IntN(2) == 0 {
		m.add("userAgent", pick(g, "Browser/3.0", "Browser/1.0"))
	}
	if e.Type == eventlog.UserImpersonated || e.Type == eventlog.UserImpersonationStopped {
		m.add("impersonatedBy", "Ada")
		m.add("impersonatedById", g.user())
	}
}

func (g *generator) inOrganization(e *eventlog.Event, m *metadata) {
	e.OrganizationID = g.organization()
	m.add("organizationId", e.OrganizationID)
	if g.IntN(4) > 0 {
		m.add("organizationSlug", pick(g, "slug-"+e.OrganizationID, "shared-slug"))
		m.add("organizationName", pick(g, "Org "+e.OrganizationID, "Ørg "+e.OrganizationID, "unknown"))
	}
}

func (g *generator) describeGroup(e *eventlog.Event, m *metadata, user string) {
	if g.IntN(20) > 0 {
		g.inOrganization(e, m)
	}
	team := g.id("t", 12)
	switch e.Type {
	case eventlog.OrganizationCreated, eventlog.OrganizationUpdated:
		m.named(user, "name", "email")
		g.maybeSet(m, map[string]func() any{
			"name":      func() any { return "Set " + e.OrganizationID },
			"slug":      func() any { return "set-" + e.OrganizationID },
			"logo":      func() any { return pick[any](g, "https://example.com/logo", nil) },
			"metadata":  func() any { return pick[any](g, `{"plan":"pro"}`, nil) },
			"createdAt": g.time,
		}, "name", "slug", "logo", "metadata", "createdAt")
	case eventlog.MemberAdded, eventlog.MemberRemoved, eventlog.MemberRoleChanged:
		m.add("userId", user)
		m.add("memberId", g.id("m", 60))
		m.named(user, pick(g, "memberName", "addedByName", "changedByName"), pick(g, "memberEmail", "addedByEmail", "changedByEmail"))
		m.add(pick(g, "role", "newRole"), pick(g, "member", "admin", "owner", "admin,owner"))
		g.maybeSet(m, map[string]func() any{
			"createdAt": g.time, "role": func() any { return "viewer" },
		}, "createdAt", "role")
	case eventlog.TeamCreated, eventlog.TeamUpdated, eventlog.TeamDeleted:
		m.add("teamId", team)
		m.add("teamName", pick(g, "Team "+team, "Crew "+team))
		g.maybeSet(m, map[string]func() any{
			"name":      func() any { return "Set " + team },
			"createdAt": g.time,
			"updatedAt": g.time,
			"members": func() any {
				return []any{map[string]string{"id": g.id("tm", 60), "userId": g.user()}, pick[any](g, 7, map[string]string{"userId": g.user()})}
			},
		}, "name", "createdAt", "updatedAt", "members")
	case eventlog.TeamMemberAdded, eventlog.TeamMemberRemoved:
		m.add("teamId", team)
		m.add("teamName", "Team "+team)
		m.add(pick(g, "userId", "userid"), user)
		m.named(user, pick(g, "memberName", "addedName"), pick(g, "memberEmail", "addedEmail"))
		if g.IntN(3) == 0 {
			m.add("teamMemberId", g.id("tm", 60))
		}
		g.maybeSet(m, map[string]func() any{
			"id": func() any { return g.id("tm", 60) }, "createdAt": g.time,
		}, "id", "createdAt")
	default:
		g.describeInvitation(e, m, user, team)
	}
}

func (g *generator) describeInvitation(e *eventlog.Event, m *metadata, user, team string) {
	studio := g.IntN(3) == 0
	if studio {
		m.add("invitationId", g.id("i", 30))
		m.add("email", user+"@example.com")
		m.add("role", "member")
	} else {
		m.add("inviteeId", g.id("i", 30))
		m.add("inviteeEmail", strings.ToUpper(user)+"@example.com")
		m.add("inviteeRole", pick(g, "member", "admin"))
		m.add("inviteeTeamId", pick[any](g, nil, nil, team, team+", "+g.id("t", 12)))
	}
	switch e.Type {
	case eventlog.InvitationCreated:
		m.add("inviterId", g.user())
		m.named(user, "inviterName", "inviterEmail")
		if g.IntN(4) == 0 {
			m.add("resend", true)
		}
	case eventlog.InvitationAccepted:
		m.add("acceptedById", user)
		m.named(user, pick(g, "acceptedByName", "name"), "acceptedByEmail")
		m.add("memberId", g.id("m", 60))
		m.add("memberRole", "member")
	case eventlog.InvitationRejected:
		m.add("rejectedById", user)
		m.named(user, pick(g, "rejectedByName", "name"), "rejectedByEmail")
	case eventlog.InvitationCancelled:
		m.add("cancelledById", g.user())
		m.named(user, "cancelledByName", "cancelledByEmail")
	}
	g.maybeSet(m, map[string]func() any{
		"expiresAt": g.time,
		"createdAt": g.time,
		"role":      func() any { return "viewer" },
		"teamId":    func() any { return team },
		"email":     func() any { return "Set@Example.com" },
		"inviterId": g.anyUser,
	}, "expiresAt", "createdAt", "role", "teamId", "email", "inviterId")
}

func (g *generator) anyUser() any { return g.user() }

func (g *generator) maybeSet(m *metadata, members map[string]func() any, keys ...string) {
	if g.IntN(2) == 0 {
		m.add("set", g.some(members, keys...))
	}
}

func (g *generator) describeSetting(e *eventlog.Event, m *metadata) {
	if g.IntN(20) > 0 {
		g.inOrganization(e, m)
	}
	e.Sealed = g.box()
	object := func() any { return pick[any](g, json.RawMessage(`{"issuer":"https://idp.example.com"}`), nil) }
	switch e.Type.Category() {
	case "sso":
		m.add("providerId", g.id("p", 8))
		g.maybeSet(m, map[string]func() any{
			"id":                  func() any { return g.id("row", 8) },
			"domain":              func() any { return "example.com" },
			"issuer":              func() any { return "https://idp.example.com" },
			"userId":              g.anyUser,
			"oidcConfig":          object,
			"samlConfig":          object,
			"domainVerified":      func() any { return g.IntN(2) == 0 },
			"createdAt":           g.time,
			"verificationToken":   func() any { return pick[any](g, "token", nil) },
			"verificationExpires": g.time,
			"domainMisses":        func() any { return g.IntN(3) },
			"domainMissedAt":      g.time,
		}, "id", "domain", "issuer", "userId", "oidcConfig", "samlConfig", "domainVerified", "createdAt",
			"verificationToken", "verificationExpires", "domainMisses", "domainMissedAt")
	case "directory":
		m.add("connectionId", g.id("c", 8))
		m.add("providerId", g.id("p", 4))
		m.add("credentialId", g.id("k", 12))
		g.maybeSet(m, map[string]func() any{
			"provisioningDomainId": func() any { return "domain" },
			"status":               func() any { return pick(g, "active", "decommissioned") },
			"pairing":              object,
			"pairingEnforced":      func() any { return g.IntN(2) == 0 },
			"createdAt":            g.time,
			"updatedAt":            g.time,
			"unpairedAt":           g.time,
			"unpairedBy":           g.anyUser,
			"decommissionedAt":     g.time,
			"credential":           g.credential,
		}, "provisioningDomainId", "status", "pairing", "pairingEnforced", "createdAt", "updatedAt", "unpairedAt",
			"unpairedBy", "decommissionedAt", "credential")
	default:
		m.add("drainId", g.id("d", 8))
		if e.Type == eventlog.DashdDrainAdvanced {
			e.Origin.Vocabulary = pick(g, eventlog.VocabularyDashd, eventlog.VocabularyDashd, eventlog.VocabularyDashd, eventlog.VocabularyAPI)
			m.add("set", map[string]any{"epoch": pick(g, 0, 0, 0, 1, 2), "seq": pick[any](g, g.IntN(100), g.IntN(1000), "none")})
			return
		}
		g.maybeSet(m, map[string]func() any{
			"name":            func() any { return "Drain" },
			"enabled":         func() any { return g.IntN(2) == 0 },
			"suspended":       func() any { return pick[any](g, "410", nil) },
			"destinationType": func() any { return pick(g, "webhook", "splunk") },
			"eventTypes":      func() any { return pick[any](g, []string{"all"}, []string{"auth", "email"}, []string{}, nil) },
			"config":          object,
			"createdAt":       g.time,
			"updatedAt":       g.time,
			"fromSeq":         func() any { return g.IntN(1000) },
			"epoch":           func() any { return g.IntN(5) },
		}, "name", "enabled", "suspended", "destinationType", "eventTypes", "config", "createdAt", "updatedAt", "fromSeq", "epoch")
	}
}

func (g *generator) credential() any {
	m := &metadata{g: g}
	m.add("credentialId", g.id("k", 12))
	m.add("scopes", []string{"scim.users.read", "scim.users.write"})
	m.add("expiresAt", g.time())
	m.add("hash", "00ff")
	if g.IntN(2) == 0 {
		m.add("createdAt", g.time())
		m.add("createdBy", "operator")
		m.add("lastUsedAt", g.time())
		m.add("status", pick(g, "active", "revoked"))
		m.add("revokedAt", g.time())
		m.add("revokedBy", pick[any](g, "operator", nil))
	}
	return m.json()
}
