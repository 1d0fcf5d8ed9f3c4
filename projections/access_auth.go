package projections

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"slices"
	"strings"

	"dashd/eventlog"
	"dashd/internal/errs"
)

// Why a presented key was refused. The client is told the same in all three
// cases; the audit trail may tell them apart.
var (
	ErrUnknownKey = errors.New("unknown API key")
	ErrRevokedKey = errors.New("revoked API key")
	ErrExpiredKey = errors.New("expired API key")
)

// BadKey is why a key that is known was refused. It is the cause of the refusal, for the
// audit trail.
type BadKey struct {
	KeyID, Project string
	Err            error // ErrRevokedKey or ErrExpiredKey
}

func (e *BadKey) Error() string { return e.Err.Error() }

// Unwrap returns the reason.
func (e *BadKey) Unwrap() error { return e.Err }

// Principal is who makes a request: an API key, or the operator of the machine.
type Principal struct {
	KeyID   string   // the actor of the events it causes
	Project string   // the only one it sees; empty for an operator, who names one
	Scopes  []string // must not be changed
	KeyHash KeyHash  // zero for an operator
}

// Operator is a principal that may do everything, in all projects. name stands in
// the events it causes.
func Operator(name string) Principal { return Principal{KeyID: name, Scopes: []string{ScopeAll}} }

// Authenticate finds the API key that was presented, as of now (ms). The error is
// of kind Unauthorized and wraps the reason, or of kind Unavailable while the node
// has not read its keys yet: a right key must not be called wrong then.
//
// The table is looked up by the SHA-256 of what was presented. How long that takes
// depends on the hash, and nobody can choose a hash that comes step by step
// nearer to a stored one, so the time gives nothing away about the keys; the
// comparison that decides takes constant time, also against the zero hash of an
// unknown key. A key need not have the form dashd gives it: an operator may bring
// his own.
func (m *AccessImage) Authenticate(presented string, now int64) (Principal, error) {
	return m.AuthenticateHash(HashKey(presented), now)
}

// AuthenticateHash is Authenticate for a key that is named by its hash, by somebody who
// is trusted to do so.
func (m *AccessImage) AuthenticateHash(hash KeyHash, now int64) (Principal, error) {
	if !m.complete {
		return Principal{}, errs.New(errs.Unavailable, "STARTING", "this node is starting; try again")
	}
	stored := m.byHash[hash]
	if stored == nil {
		stored = &Key{}
	}
	if subtle.ConstantTimeCompare(stored.Hash[:], hash[:]) != 1 {
		return Principal{}, refuse(ErrUnknownKey)
	}
	if err := stored.good(now); err != nil {
		return Principal{}, err
	}
	return Principal{KeyID: stored.ID, Project: stored.Project, Scopes: stored.Scopes, KeyHash: stored.Hash}, nil
}

// Recheck reports whether the key of a principal that was authenticated before, and
// perhaps elsewhere, still is good as of this image and of now (ms). An operator is
// not a key, and always good.
func (m *AccessImage) Recheck(p Principal, now int64) error {
	if p.KeyHash == (KeyHash{}) {
		return nil
	}
	k := m.byHash[p.KeyHash]
	if k == nil {
		return refuse(ErrUnknownKey)
	}
	return k.good(now)
}

// good says why the key opens nothing any more.
func (k *Key) good(now int64) error {
	switch {
	case k.Revoked():
		return refuse(&BadKey{k.ID, k.Project, ErrRevokedKey})
	case k.Expired(now):
		return refuse(&BadKey{k.ID, k.Project, ErrExpiredKey})
	}
	return nil
}

func refuse(why error) error {
	return errs.Wrap(why, errs.Unauthorized, "UNAUTHORIZED", "Invalid API key")
}

// HashKey is the hash of a key's text.
func HashKey(text string) KeyHash { return sha256.Sum256([]byte(text)) }

// Revoked reports whether the key was revoked.
func (k *Key) Revoked() bool { return !k.RevokedAt.IsZero() }

// Expired reports whether the key has expired by now (ms).
func (k *Key) Expired(now int64) bool { return !k.ExpiresAt.IsZero() && now >= k.ExpiresAt.UnixMilli() }

// Scopes that dashd's own commands ask for. ScopeAll holds all others.
//
// ScopeProjects and ScopeAdmin reach beyond a key's project. Only keys of
// DefaultProject, and the operator of the machine, can hold them, also by way of
// ScopeAll: whoever has every right in one project has none in another.
const (
	ScopeAll      = "*"
	ScopeProjects = "projects:*"
	ScopeAdmin    = "admin"
	ScopeKeys     = "keys:*"
)

// DefaultProject is the project of a new cluster: that of the people who run it.
const DefaultProject = "default"

// Spans reports whether a scope reaches beyond the project of a key.
func Spans(scope string) bool { return scope == ScopeProjects || scope == ScopeAdmin }

// scopes are those a key can have.
var scopes = []string{
	"events:write", "events:read", "users:*", "users:read", "users:write", "orgs:*", "orgs:read", "orgs:write",
	"drains:*", "drains:read", "drains:write", ScopeProjects, ScopeKeys,
	"erase", "export", ScopeAdmin, ScopeAll,
}

// ValidScope reports whether a key can have the scope s.
func ValidScope(s string) bool { return slices.Contains(scopes, s) }

// Scopes lists the scopes a key can have.
func Scopes() []string { return slices.Clone(scopes) }

// Can reports whether p holds a scope: itself, "*", or "users:*" for a scope that
// begins with "users:"; and one that spans projects only if p is of those who may.
func (p Principal) Can(scope string) bool {
	operator := p.KeyHash == KeyHash{}
	if Spans(scope) && !operator && p.Project != DefaultProject {
		return false
	}
	for _, own := range p.Scopes {
		if own == scope || own == ScopeAll {
			return true
		}
		if family, ok := strings.CutSuffix(own, "*"); ok && strings.HasSuffix(family, ":") && strings.HasPrefix(scope, family) {
			return true
		}
	}
	return false
}

// Manages reports whether p may use its scopes on the keys and settings of a
// project: its own, or any if it manages projects.
func (p Principal) Manages(project string) bool {
	return project != "" && p.Project == project || p.Can(ScopeProjects)
}

// ValidProjectID reports whether id can name a project: 1 to 63 lower-case letters,
// digits and hyphens, with a letter or digit first. The reserved project cannot be
// named so.
func ValidProjectID(id string) bool {
	if id == "" || len(id) > 63 || id[0] == '-' || id == eventlog.ReservedProject {
		return false
	}
	for _, c := range []byte(id) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return true
}
