package commands

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/go-jose/go-jose/v4"

	"dashd/eventlog"
	"dashd/internal/errs"
	"dashd/projections"
)

// UserImpersonate asks for a session of a user, for somebody else.
type UserImpersonate struct {
	UserID string
	// By is who impersonates. Empty: the operator.
	By       string
	Reason   string // may be empty
	Lifetime int64  // of the session, in seconds
	// RedirectURL is where the application sends the browser to. It must have been
	// checked.
	RedirectURL string
	// KeyID is the API key the application has. Empty: the one that asks.
	KeyID string
}

// Impersonation is a session that is somebody else's.
type Impersonation struct {
	Session projections.Session
	// Token makes the application begin a session of its own, see [tokenLifetime].
	Token string
}

// tokenLifetime bounds how long a token can be used, in seconds: long enough for a
// browser to be sent to the application.
const tokenLifetime = 60

// bannedText is what the application says to who is banned.
const bannedText = "You have been banned from this application. Please contact support if you believe this is an error."

// Impersonate begins a session of a user for somebody else, and makes a token that
// the application accepts at /dash/impersonate-user. Nobody becomes one who is banned.
func (c *Commands) Impersonate(ctx context.Context, call Call, cmd UserImpersonate) (done Done, did Impersonation, err error) {
	by := cmp.Or(cmd.By, call.Actor)
	id := call.newID("session")
	done, err = c.change(ctx, call, func(t *projections.Tables) ([]eventlog.Event, error) {
		u, err := user(t, cmd.UserID)
		if err != nil {
			return nil, err
		}
		if u.BannedAt(projections.Time(c.o.Now())) {
			return nil, errs.New(errs.Forbidden, "BANNED_USER", bannedText)
		}
		if _, err := c.applicationKey(call, cmd.KeyID); err != nil {
			return nil, err
		}
		s := projections.Session{ID: id, UserID: u.ID, LoginMethod: "impersonation"}
		begun := c.aboutSession(call, eventlog.SessionCreated, u, s, nil, data{
			"expiresAt", projections.Time(c.o.Now() + cmd.Lifetime*1000), "impersonatedBy", by,
		})
		told := append(impersonator(t, by), "reason", projections.Text(cmd.Reason))
		return []eventlog.Event{begun, c.aboutSession(call, eventlog.UserImpersonated, u, s, told, nil)}, nil
	})
	if err != nil {
		return done, did, err
	}
	s, ok := done.Tables.Session(id)
	if !ok {
		return done, did, refuse(errs.NotFound, "Session not found") // a repeat, and it has ended since
	}
	did.Session = s
	did.Token, err = c.impersonationToken(call, cmd, s)
	return done, did, err
}

// impersonationClaims are those that the dash plugin reads, and what dashd knows
// besides.
type impersonationClaims struct {
	UserID         string `json:"userId"`
	RedirectURL    string `json:"redirectUrl,omitempty"`
	ImpersonatedBy string `json:"impersonatedBy,omitempty"`
	SessionID      string `json:"sessionId"`
	APIKeyHash     string `json:"apiKeyHash,omitempty"`
	IssuedAt       int64  `json:"iat"`
	ExpiresAt      int64  `json:"exp"`
	ID             string `json:"jti"`
}

func (c *Commands) impersonationToken(call Call, cmd UserImpersonate, s projections.Session) (string, error) {
	hash, err := c.applicationKey(call, cmd.KeyID)
	if err != nil {
		return "", err
	}
	now := c.o.Now() / 1000
	var jti [16]byte
	_, _ = rand.Read(jti[:]) // never fails
	return c.signToken(impersonationClaims{
		UserID:         s.UserID,
		RedirectURL:    cmd.RedirectURL,
		ImpersonatedBy: string(s.ImpersonatedBy),
		SessionID:      s.ID,
		APIKeyHash:     hash,
		IssuedAt:       now,
		ExpiresAt:      min(now+tokenLifetime, int64(s.ExpiresAt)/1000),
		ID:             hex.EncodeToString(jti[:]),
	})
}

// applicationKey returns the hash of the API key by which an application knows that a
// token is for it: that of the key with the id, or of the one that asks. The operator of
// the machine has none, and without an id gets that of the project's oldest good key.
func (c *Commands) applicationKey(call Call, keyID string) (string, error) {
	hash := call.By.KeyHash
	if keyID == "" && hash != (projections.KeyHash{}) {
		return hex.EncodeToString(hash[:]), nil
	}
	now := time.UnixMilli(c.o.Now())
	for _, k := range c.o.Access.Image().Keys(call.Project) {
		if !k.Revoked() && !k.Expired(now.UnixMilli()) && (keyID == "" || keyID == k.ID) {
			return hex.EncodeToString(k.Hash[:]), nil
		}
	}
	if keyID == "" {
		return "", nil // a project without keys has no application
	}
	return "", errs.New(errs.NotFound, "KEY_NOT_FOUND", "no API key %q", keyID)
}

// signToken makes a JSON Web Token that applications of this cluster accept.
func (c *Commands) signToken(claims any) (string, error) {
	keys := c.o.Access.Image().SigningKeys()
	if len(keys) == 0 {
		return "", errors.New("there is no key to sign with")
	}
	// A new key is not used at once: applications keep the key set for a while. The
	// oldest is the one that all of them have.
	key := keys[0]
	private, err := key.Private(c.o.Sealer)
	if err != nil {
		return "", err
	}
	defer clear(private)
	signer, err := jose.NewSigner(
		jose.SigningKey{Algorithm: jose.EdDSA, Key: jose.JSONWebKey{Key: private, KeyID: key.ID}},
		(&jose.SignerOptions{}).WithType("JWT"))
	if err != nil {
		return "", fmt.Errorf("sign a token: %w", err)
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", fmt.Errorf("sign a token: %w", err)
	}
	signed, err := signer.Sign(payload)
	if err != nil {
		return "", fmt.Errorf("sign a token: %w", err)
	}
	return signed.CompactSerialize()
}
