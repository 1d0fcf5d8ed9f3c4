package projections

import (
	"strings"

	"dashd/eventlog"
)

// A rule says what an event of one type does to the tables of its project.
type rule struct {
	// fold applies what the type means. It reads the tables and the fact and nothing
	// else, and is nil if there is nothing but names to be learnt. It ignores what is
	// malformed; of two facts that contradict each other, it believes the later.
	fold func(*Tables, *fact)
	// knows says that whom and what the event names exists afterwards, so that rows are made
	// for them first. Events that end something may come after the user is gone, and
	// know nobody.
	knows bool
	// who says how it names a user; nil: as most do.
	who *naming
	// copies says that fold copies the texts of the event that it keeps. Those of other folds
	// are copied for it.
	copies bool
	// ours says that only dashd's own commands can do it: an event of a producer
	// changes nothing.
	ours bool
}

// rules are those of all types that mean something to the dashboard's tables.
var rules = joined(
	copying(userRules),
	organizationRules,
	settingRules,
)

// copying are rules whose folds keep rows that are packed: those are copies.
func copying(rules map[eventlog.Type]rule) map[eventlog.Type]rule {
	for t, r := range rules {
		r.copies = true
		rules[t] = r
	}
	return rules
}

func joined(parts ...map[eventlog.Type]rule) map[eventlog.Type]rule {
	all := map[eventlog.Type]rule{}
	for _, part := range parts {
		for t, r := range part {
			if _, twice := all[t]; twice {
				panic("two rules for " + t)
			}
			if r.who == nil {
				r.who = &mostNaming
			}
			all[t] = r
		}
	}
	return all
}

// wants reports whether an event of type t can change the tables.
func wants(t eventlog.Type) bool {
	_, ok := rules[t]
	return ok
}

// naming says under which keys of the metadata an event names a user: the first that
// has a text counts. The keys of the dash plugin come first, then those of Better Auth
// Studio. Without an id there, it is the event's user.
type naming struct{ ids, names, emails []string }

var mostNaming = naming{
	names:  []string{"userName", "name"},
	emails: []string{"userEmail", "email"},
}

// user is the id of the user whom a fact is about, "" if it does not say.
func (n *naming) user(f *fact) string {
	if id := f.name(n.ids...); id != "" {
		return id
	}
	if f.UserID == unknown {
		return ""
	}
	return f.UserID
}

// apply folds a fact according to the rule of its type.
func (t *Tables) apply(r *rule, f *fact) {
	if !r.copies {
		f.copyTexts()
	}
	if r.knows {
		t.knowUser(r.who, f)
		t.knowOrganization(f)
	}
	if r.fold != nil {
		r.fold(t, f)
	}
}

// knowUser makes the row of the user whom a fact names, if there is none.
func (t *Tables) knowUser(who *naming, f *fact) {
	id := who.user(f)
	if id == "" || t.hasUser(id) {
		return
	}
	name, email := f.name(who.names...), f.name(who.emails...)
	if name == "" && email == "" {
		return
	}
	t.addUser(User{ID: id, Name: name, Email: strings.ToLower(email), CreatedAt: f.at(), UpdatedAt: f.at()})
}

// knowOrganization makes the row of the organization that a fact names, if there is
// none: the plugin tells of members and teams before it tells of the organization.
func (t *Tables) knowOrganization(f *fact) {
	if f.OrganizationID == "" || t.organizations.has(f.OrganizationID) {
		return
	}
	name, slug := f.name("organizationName"), f.name("organizationSlug")
	if name == "" && slug == "" {
		return
	}
	t.addOrganization(Organization{
		ID: strings.Clone(f.OrganizationID), Name: strings.Clone(name), Slug: strings.Clone(slug), CreatedAt: f.at(),
	})
}
