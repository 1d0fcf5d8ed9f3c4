package projections

import "dashd/eventlog"

// A rule says what an event of one type does to the tables of its project.
type rule struct {
	// fold applies what the type means. It reads the tables and the fact and nothing
	// else, and is nil if there is nothing but names to be learnt. It ignores what is
	// malformed, and what contradicts the tables it takes as the newer truth if it can.
	fold func(*Tables, *fact)
	// knows says that whom and what the event names exists afterwards, so that rows are made
	// for them first. Events that end something may come after the user is gone, and
	// know nobody.
	knows bool
	// ours says that only dashd's own commands can do it: an event of a producer
	// changes nothing.
	ours bool
}

// rules are those of all types that mean something to the dashboard's tables.
var rules = joined(
	userRules,
	organizationRules,
	settingRules,
)

func joined(parts ...map[eventlog.Type]rule) map[eventlog.Type]rule {
	all := map[eventlog.Type]rule{}
	for _, part := range parts {
		for t, r := range part {
			if _, twice := all[t]; twice {
				panic("two rules for " + t)
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

// apply folds a fact according to the rule of its type.
func (t *Tables) apply(r rule, f *fact) {
	if r.knows {
		t.know(f)
	}
	if r.fold != nil {
		r.fold(t, f)
	}
}

// know makes the rows of the user and the organization that an event names, if there are
// none.
func (t *Tables) know(f *fact) {
	if f.UserID != "" && f.UserID != unknown && !t.hasUser(f.UserID) {
		t.knowUser(f)
	}
	if f.OrganizationID != "" && !t.hasOrganization(f.OrganizationID) {
		t.knowOrganization(f)
	}
}

// The names that the two vocabularies have for whom an event is about.
var (
	userNames  = []string{"userName", "memberName", "acceptedByName", "rejectedByName", "cancelledByName", "inviterName", "name"}
	userEmails = []string{"userEmail", "memberEmail", "acceptedByEmail", "rejectedByEmail", "cancelledByEmail", "inviterEmail", "email"}
)

func (t *Tables) knowUser(f *fact) {
	name, email := f.name(userNames...), f.name(userEmails...)
	if name == "" && email == "" {
		return
	}
	t.addUser(User{ID: f.UserID, Name: name, Email: email, CreatedAt: f.at(), UpdatedAt: f.at()})
}

func (t *Tables) knowOrganization(f *fact) {
	name, slug := f.name("organizationName"), f.name("organizationSlug")
	if name == "" && slug == "" {
		return
	}
	t.addOrganization(Organization{ID: f.OrganizationID, Name: name, Slug: slug, CreatedAt: f.at()})
}
