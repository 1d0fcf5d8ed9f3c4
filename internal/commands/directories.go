package commands

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"time"

	"dashd/eventlog"
	"dashd/internal/errs"
	"dashd/projections"
)

// The rights of a directory's credential.
var DirectoryScopes = []string{"scim.users.read", "scim.users.write", "scim.groups.read", "scim.groups.write"}

const (
	credentialLife = 365 * 24 * time.Hour
	// maxCredentials is how many credentials of a directory may be in use at once: a
	// client that takes over a new one needs two.
	maxCredentials = 5
	tokenSecret    = 43 // 256 bits
)

// Pairing ties a directory to an SSO provider: who is provisioned there signs in here.
type Pairing struct {
	SSOProviderID    string `json:"ssoProviderId"`
	Protocol         string `json:"protocol"` // that of the provider
	ExternalIDSource string `json:"externalIdSource"`
}

// pairingOf is the pairing of a stored directory, the zero one if it has none.
func pairingOf(d projections.Directory) (p Pairing) {
	if d.Pairing != nil {
		_ = json.Unmarshal(d.Pairing, &p) // what does not read as one pairs nothing
	}
	return p
}

// IssuedCredential is a new token of a directory. Token is "" in the answer to a repeat: only its
// hash is kept.
type IssuedCredential struct {
	ConnectionID string
	CredentialID string
	Token        string
}

// directory finds the organization and the directory a command is about.
func directory(t *projections.Tables, organizationID, providerID string) (projections.Organization, projections.Directory, error) {
	o, ok := t.Organization(organizationID)
	if !ok {
		return o, projections.Directory{}, refuse(errs.NotFound, "Target organization not found")
	}
	d, ok := t.Directory(organizationID, providerID)
	if !ok {
		return o, d, refuse(errs.NotFound, "Directory sync connection not found")
	}
	return o, d, nil
}

// aboutDirectory makes an event of an organization's stream about one of its directories.
func (c *Commands) aboutDirectory(call Call, t eventlog.Type, o projections.Organization, d projections.Directory, more, set data) eventlog.Event {
	return c.aboutOrganization(call, t, o, append(data{"providerId", d.ProviderID, "connectionId", d.ConnectionID}, more...), set)
}

// CredentialWish is what is asked of a new credential.
type CredentialWish struct {
	Scopes    []string // nil: the default
	ExpiresAt *int64   // ms; nil: in a year
}

// check refuses what no credential can be, as of now.
func (w CredentialWish) check(now int64) error {
	for i, s := range w.Scopes {
		if slices.Contains(w.Scopes[:i], s) {
			return refuse(errs.Invalid, "Directory sync credential scopes must be unique")
		}
	}
	if w.ExpiresAt != nil && *w.ExpiresAt <= now {
		return refuse(errs.Invalid, "Directory sync credential expiry must be in the future")
	}
	return nil
}

// newCredential names a credential and makes its token.
func newCredential(call Call) (id, token string) {
	id = "ba_scim_credential_" + call.newID("credential")
	return id, id + "." + randomText(tokenSecret)
}

// credentialIssued says that a directory has a new credential.
func (c *Commands) credentialIssued(call Call, o projections.Organization, d projections.Directory, id, token string, w CredentialWish, scopes []string) eventlog.Event {
	now := c.o.Now()
	if w.Scopes != nil {
		scopes = w.Scopes
	}
	expires := now + credentialLife.Milliseconds()
	if w.ExpiresAt != nil {
		expires = *w.ExpiresAt
	}
	hash := sha256.Sum256([]byte(token))
	return c.aboutDirectory(call, eventlog.DirectoryCredentialIssued, o, d, data{"credentialId", id}, data{
		"updatedAt", projections.Time(now),
		"credential",
		data{
			"credentialId", id, "status", projections.CredentialActive, "scopes", scopes, "expiresAt", projections.Time(expires),
			"createdAt", projections.Time(now), "createdBy", call.Actor, "hash", hex.EncodeToString(hash[:]),
		},
	})
}

// credentialRevoked says that a credential opens nothing any more.
func (c *Commands) credentialRevoked(call Call, o projections.Organization, d projections.Directory, id string) eventlog.Event {
	now := projections.Time(c.o.Now())
	return c.aboutDirectory(call, eventlog.DirectoryCredentialRevoked, o, d, data{"credentialId", id}, data{
		"updatedAt", now,
		"credential",
		data{"credentialId", id, "status", projections.CredentialRevoked, "revokedAt", now, "revokedBy", call.Actor},
	})
}

// usable are the credentials of a directory that are neither revoked nor expired.
func usable(d projections.Directory, now int64) (list []projections.DirectoryCredential) {
	for _, v := range d.Credentials {
		if v.Status == projections.CredentialActive && int64(v.ExpiresAt) > now {
			list = append(list, v)
		}
	}
	return list
}
