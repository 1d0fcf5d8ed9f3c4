package projections

import (
	"encoding/json"
	"time"
)

// Time is an instant in ms since 1970 UTC. Zero is none: null in JSON.
type Time int64

// MarshalJSON writes ISO 8601 in UTC with milliseconds.
func (t Time) MarshalJSON() ([]byte, error) {
	if t == 0 {
		return []byte("null"), nil
	}
	return Instant(t).MarshalJSON()
}

// Instant is a Time that is there: 0 is the beginning of 1970, not none.
type Instant int64

// MarshalJSON writes ISO 8601 in UTC with milliseconds.
func (i Instant) MarshalJSON() ([]byte, error) {
	return time.UnixMilli(int64(i)).UTC().AppendFormat(make([]byte, 0, 26), `"2006-01-02T15:04:05.000Z"`), nil
}

// Text is a text that may be absent: "" is null in JSON.
type Text string

// MarshalJSON writes the text, or null.
func (t Text) MarshalJSON() ([]byte, error) {
	if t == "" {
		return []byte("null"), nil
	}
	return json.Marshal(string(t))
}

// User is a person known to the application of a project.
type User struct {
	ID               string `json:"id"`
	Name             string `json:"name"`
	Email            string `json:"email"` // lower case
	EmailVerified    bool   `json:"emailVerified"`
	Image            Text   `json:"image"`
	CreatedAt        Time   `json:"createdAt"`
	UpdatedAt        Time   `json:"updatedAt"`
	Role             Text   `json:"role"`
	Banned           bool   `json:"banned"`
	BanReason        Text   `json:"banReason"`
	BanExpires       Time   `json:"banExpires"`
	TwoFactorEnabled bool   `json:"twoFactorEnabled"`
	LastActiveAt     Time   `json:"lastActiveAt"`
}

// Account is a way in which a user can sign in: a password, or an identity at a
// provider. Its secrets are not part of it.
type Account struct {
	ID                    string `json:"id"`
	AccountID             string `json:"accountId"`  // the provider's subject; the user's id for a password
	ProviderID            string `json:"providerId"` // "credential" for a password
	UserID                string `json:"userId"`
	AccessTokenExpiresAt  Time   `json:"accessTokenExpiresAt"`
	RefreshTokenExpiresAt Time   `json:"refreshTokenExpiresAt"`
	Scope                 Text   `json:"scope"`
	HasPassword           bool   `json:"hasPassword"`
	CreatedAt             Time   `json:"createdAt"`
	UpdatedAt             Time   `json:"updatedAt"`
}

// Session is a session of a user. Its bearer token is not part of it.
type Session struct {
	ID                   string `json:"id"`
	UserID               string `json:"userId"`
	ExpiresAt            Time   `json:"expiresAt"`
	CreatedAt            Time   `json:"createdAt"`
	UpdatedAt            Time   `json:"updatedAt"`
	IPAddress            string `json:"ipAddress"`
	UserAgent            string `json:"userAgent"`
	ImpersonatedBy       Text   `json:"impersonatedBy"`
	ActiveOrganizationID Text   `json:"activeOrganizationId"`
	ActiveTeamID         Text   `json:"activeTeamId"`
	Country              Text   `json:"country"`
	City                 Text   `json:"city"`
	CountryCode          Text   `json:"countryCode"`
	LoginMethod          Text   `json:"loginMethod"`
}

// Organization is a group of users.
type Organization struct {
	ID        string `json:"id"`
	Name      string `json:"name"`
	Slug      string `json:"slug"`
	Logo      Text   `json:"logo"`
	Metadata  Text   `json:"metadata"` // JSON text
	CreatedAt Time   `json:"createdAt"`
}

// Member is a user's membership in an organization.
type Member struct {
	ID             string `json:"id"`
	OrganizationID string `json:"organizationId"`
	UserID         string `json:"userId"`
	Role           string `json:"role"`
	CreatedAt      Time   `json:"createdAt"`
}

// Team is a part of an organization. How many members it has is counted when asked.
type Team struct {
	ID             string `json:"id"`
	Name           string `json:"name"`
	OrganizationID string `json:"organizationId"`
	CreatedAt      Time   `json:"createdAt"`
	UpdatedAt      Time   `json:"updatedAt"`
}

// TeamMember is a user's membership in a team.
type TeamMember struct {
	ID        string `json:"id"`
	TeamID    string `json:"teamId"`
	UserID    string `json:"userId"`
	CreatedAt Time   `json:"createdAt"`
}

// The states of an invitation.
const (
	InvitationPending  = "pending"
	InvitationAccepted = "accepted"
	InvitationRejected = "rejected"
	InvitationCanceled = "canceled"
)

// Invitation asks somebody to join an organization.
type Invitation struct {
	ID             string `json:"id"`
	OrganizationID string `json:"organizationId"`
	Email          string `json:"email"` // lower case
	Role           Text   `json:"role"`
	TeamID         Text   `json:"teamId"`
	Status         string `json:"status"`
	ExpiresAt      Time   `json:"expiresAt"`
	CreatedAt      Time   `json:"createdAt"`
	InviterID      string `json:"inviterId"`
}

// SSOProvider is an identity provider of an organization, without its secrets.
type SSOProvider struct {
	ID             string          `json:"id"`
	ProviderID     string          `json:"providerId"` // unique in the project
	OrganizationID Text            `json:"organizationId"`
	Domain         string          `json:"domain"` // may be a comma-separated list
	Issuer         string          `json:"issuer"`
	UserID         string          `json:"userId"`     // who created it
	OIDCConfig     json.RawMessage `json:"oidcConfig"` // an object without secrets, or nil
	SAMLConfig     json.RawMessage `json:"samlConfig"`
	DomainVerified bool            `json:"domainVerified"`
	CreatedAt      Time            `json:"-"`
	// VerificationToken is what a TXT record of the domain has to hold, until
	// VerificationExpires; "" if none was asked for.
	VerificationToken   string `json:"-"`
	VerificationExpires Time   `json:"-"`
	// DomainMisses counts how often in a row the record of a verified domain was not
	// found when it was looked for again; DomainMissedAt is the last time.
	DomainMisses   uint64 `json:"-"`
	DomainMissedAt Time   `json:"-"`
	// Sealed holds the secrets: seal.Object{seal.SSO, project, ID}.
	Sealed []byte `json:"-"`
}

// The states of a directory and of its credentials.
const (
	DirectoryActive         = "active"
	DirectoryDecommissioned = "decommissioned"
	CredentialActive        = "active"
	CredentialRevoked       = "revoked"
)

// Directory is a SCIM connection of an organization.
type Directory struct {
	ConnectionID         string                `json:"connectionId"`
	OrganizationID       string                `json:"organizationId"`
	ProviderID           string                `json:"providerId"`
	ProvisioningDomainID string                `json:"provisioningDomainId"`
	Status               string                `json:"status"`
	Credentials          []DirectoryCredential `json:"credentials"` // oldest first
	Pairing              json.RawMessage       `json:"pairing"`     // an object, or nil
	PairingEnforced      bool                  `json:"pairingEnforced"`
	CreatedAt            Time                  `json:"createdAt"`
	UpdatedAt            Time                  `json:"updatedAt"`
	UnpairedAt           Time                  `json:"unpairedAt"`
	UnpairedBy           Text                  `json:"unpairedBy"`
	DecommissionedAt     Time                  `json:"decommissionedAt"`
}

// DirectoryCredential is a token of a SCIM client; only the hash of it is kept.
type DirectoryCredential struct {
	CredentialID string   `json:"credentialId"`
	Status       string   `json:"status"` // active or revoked; whether it has expired depends on when one looks
	Scopes       []string `json:"scopes"`
	ExpiresAt    Time     `json:"expiresAt"`
	CreatedAt    Time     `json:"createdAt"`
	CreatedBy    string   `json:"createdBy"`
	LastUsedAt   Time     `json:"lastUsedAt"`
	RevokedAt    Time     `json:"revokedAt"`
	RevokedBy    Text     `json:"revokedBy"`
	Hash         string   `json:"-"` // SHA-256 of the whole token, hex
}

// Drain sends the events of an organization to another system.
type Drain struct {
	ID              string          `json:"id"`
	OrganizationID  string          `json:"organizationId"`
	Name            string          `json:"name"`
	Enabled         bool            `json:"enabled"`
	DestinationType string          `json:"destinationType"` // webhook, datadog, splunk
	EventTypes      []string        `json:"eventTypes"`
	Config          json.RawMessage `json:"config"` // an object; what is secret in it is masked
	CreatedAt       Time            `json:"createdAt"`
	UpdatedAt       Time            `json:"updatedAt"`
	// FromSeq is the first event it is to deliver: set when it is created and when
	// a replay is asked for. Epoch counts these, so that a position of before is known to be old.
	FromSeq uint64 `json:"-"`
	Epoch   uint64 `json:"-"`
	// Suspended is why dashd has switched it off; "" if it has not.
	Suspended Text `json:"-"`
	// Sealed holds the whole config: seal.Object{seal.Drain, project, ID}.
	Sealed []byte `json:"-"`
}

// DrainPosition is how far a log drain has come, as the node that delivered has told the log.
// It is a little behind where that stood.
type DrainPosition struct {
	DrainID string
	Epoch   uint64 // of the drain: after a replay an older position is void
	Seq     uint64 // everything up to it is delivered, or none of the drain's business
	At      Time   // when that was told
}

// TwoFactor is the second factor of a user, without its secret.
type TwoFactor struct {
	UserID  string
	Pending bool // set up, but not yet in use
	// Sealed holds the secret and the hashes of the backup codes:
	// seal.Object{seal.TwoFactor, project, UserID}. It is empty if the
	// application keeps them.
	Sealed []byte
}
