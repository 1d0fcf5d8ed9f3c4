package httpapi_test

import "time"

// at is a time so many seconds after the first exchange was recorded, as events write it.
func at(seconds int) string {
	return time.Date(2026, 3, 18, 12, 0, seconds, 0, time.UTC).Format("2006-01-02T15:04:05.000Z")
}

// person is the event that makes a user; set are columns of his row.
func person(id, name, email string, second int, set told) told {
	return told{"type": "user.joined", "userId": id, "timestamp": at(second), "metadata": told{
		"userId": id, "userName": name, "userEmail": email, "set": set,
	}}
}

// signedIn is the event that makes a session of a user.
func signedIn(id, user string, second int, set told) told {
	return told{"type": "session.created", "userId": user, "sessionId": id, "timestamp": at(second), "metadata": told{
		"userId": user, "sessionId": id, "loginMethod": "email", "set": set,
	}}
}

// founded is the event that makes an organization.
func founded(id, name, slug string, second int, set told) told {
	return told{"type": "organization.created", "organizationId": id, "timestamp": at(second), "metadata": told{
		"organizationId": id, "organizationName": name, "organizationSlug": slug, "set": set,
	}}
}

// joined is the event that makes a user a member of an organization.
func joined(id, organization, user, role string, second int) told {
	return told{"type": "member.added", "organizationId": organization, "userId": user, "timestamp": at(second), "metadata": told{
		"organizationId": organization, "userId": user, "memberId": id, "role": role,
	}}
}

// formed is the event that makes a team of an organization.
func formed(id, organization, name string, second int) told {
	return told{"type": "team.created", "organizationId": organization, "timestamp": at(second), "metadata": told{
		"organizationId": organization, "teamId": id, "teamName": name,
	}}
}

// teamed is the event that makes a user a member of a team.
func teamed(id, organization, team, user string, second int) told {
	return told{"type": "team.member.added", "organizationId": organization, "userId": user, "timestamp": at(second), "metadata": told{
		"organizationId": organization, "teamId": team, "userId": user, "set": told{"id": id},
	}}
}

// invited is the event that asks somebody to join an organization.
func invited(id, organization, inviter, email, role string, second int) told {
	return told{"type": "invitation.created", "organizationId": organization, "timestamp": at(second), "metadata": told{
		"organizationId": organization, "inviteeId": id, "inviteeEmail": email, "inviteeRole": role, "inviterId": inviter,
	}}
}

// people are the four users that most exchanges are about.
func people() []any {
	return []any{
		person("user_001", "Ada Lovelace", "ada@example.com", 0, nil),
		person("user_002", "Grace Hopper", "grace@example.com", 3, nil),
		person("user_003", "Alan Turing", "alan@example.com", 5, nil),
		person("user_004", "Edsger Dijkstra", "edsger@example.com", 6, nil),
	}
}

// company is what they have to do with one another: Ada owns Acme, where Grace and Alan work
// too, and Grace owns Globex.
func company() []any {
	return append(people(),
		founded("organization_001", "Acme Inc", "acme", 6, nil),
		joined("member_001", "organization_001", "user_001", "owner", 6),
		founded("organization_002", "Globex", "globex", 7, nil),
		joined("member_002", "organization_002", "user_002", "owner", 7),
		joined("member_004", "organization_001", "user_002", "admin", 14),
		joined("member_005", "organization_001", "user_003", "member", 15),
	)
}
