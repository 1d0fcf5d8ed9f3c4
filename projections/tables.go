package projections

// Tables are the tables of one project as of one seq. Published ones are immutable,
// and safe for any number of readers. Rows are copies; what their slices hold must not be changed.
// Lists of rows that belong to something are in the order in which the rows were made.
type Tables struct {
	people
	groups
	settings
	presence
}

// freeze returns a copy for readers.
func (t *Tables) freeze() *Tables {
	return &Tables{
		people:   t.people.freeze(),
		groups:   t.groups.freeze(),
		settings: t.settings.freeze(),
		presence: t.presence.freeze(),
	}
}

// forgetUser removes what a user who was deleted had in organizations: memberships,
// places in teams, the invitations he sent, the SSO providers he created.
func (t *Tables) forgetUser(id string) {
	t.groups.forgetUser(id)
	t.settings.forgetUser(id)
}
