package destination

import (
	"strings"

	"dashd/eventlog"
)

// The categories of events that a drain can ask for.
const (
	CategoryAuth     = "auth"
	CategorySecurity = "security"
	CategoryEmail    = "email"
	CategoryAll      = "all"
)

// Categories are the categories in the order in which messages list them.
var Categories = []string{CategoryAuth, CategorySecurity, CategoryEmail, CategoryAll}

// categoryOf types that are in another category than the first part of their name says.
var categoryOf = map[eventlog.Type]string{
	eventlog.UserEmailVerificationSent: CategoryEmail,
	eventlog.UserEmailVerified:         CategoryEmail,
	eventlog.UserEmailChanged:          CategoryEmail,
	eventlog.PasswordResetRequested:    CategoryEmail,
	eventlog.PasswordResetCompleted:    CategoryEmail,
	eventlog.InvitationCreated:         CategoryEmail,

	eventlog.LoginFailed:              CategorySecurity,
	eventlog.UserBanned:               CategorySecurity,
	eventlog.UserUnbanned:             CategorySecurity,
	eventlog.UserDeleted:              CategorySecurity,
	eventlog.UserImpersonated:         CategorySecurity,
	eventlog.UserImpersonationStopped: CategorySecurity,
	eventlog.UserPasswordChanged:      CategorySecurity,
	eventlog.SessionRevoked:           CategorySecurity,
	eventlog.SessionRevokedAll:        CategorySecurity,
}

// Category is the category of an event.
func Category(t eventlog.Type, status eventlog.Status) string {
	if category, ok := categoryOf[t]; ok {
		return category
	}
	switch t.Category() {
	case "two_factor", "sso", "directory", "security":
		return CategorySecurity
	}
	if t == eventlog.UserLoggedIn && status == eventlog.Failed {
		return CategorySecurity // what the dash plugin calls user_sign_in_failed
	}
	return CategoryAuth
}

// Filter says which events a drain wants. The zero value wants none. It is immutable.
type Filter struct {
	categories map[string]bool
	types      map[eventlog.Type]bool // the value: only the failed ones
}

// NewFilter returns the filter for a drain's event types: categories, or names of
// types in any of the vocabularies.
func NewFilter(eventTypes []string) Filter {
	f := Filter{map[string]bool{}, map[eventlog.Type]bool{}}
	for _, name := range eventTypes {
		switch name {
		case CategoryAuth, CategorySecurity, CategoryEmail, CategoryAll:
			f.categories[name] = true
			continue
		}
		types, failed := eventlog.TypesOf(name)
		for _, t := range types {
			known, ok := f.types[t]
			f.types[t] = failed && (known || !ok)
		}
	}
	return f
}

// Selects reports whether the drain wants events of a type and status. Nobody gets dashd's
// own audit trail.
func (f Filter) Selects(t eventlog.Type, status eventlog.Status) bool {
	if t.Reserved() {
		return false
	}
	if f.categories[CategoryAll] || f.categories[Category(t, status)] {
		return true
	}
	onlyFailed, ok := f.types[t]
	return ok && (!onlyFailed || status == eventlog.Failed)
}

// ValidEventType reports whether a drain can ask for a name: a category, a name that a
// vocabulary has, or a dotted name of a producer's own.
func ValidEventType(name string) bool {
	switch name {
	case CategoryAuth, CategorySecurity, CategoryEmail, CategoryAll:
		return true
	}
	types, _ := eventlog.TypesOf(name)
	switch {
	case len(types) == 0 || types[0].Reserved():
		return false
	case len(types) > 1 || strings.Contains(name, "."):
		return true
	}
	// Any word without a dot is the name of a custom type: only known ones are meant.
	return string(types[0]) != "custom."+name
}
