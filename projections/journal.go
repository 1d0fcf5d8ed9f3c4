package projections

import (
	"cmp"
	"encoding/json"
	"slices"

	"dashd/internal/cow"
)

// A journal notes which rows of the tables of one project an event has changed, and what they
// were before. It watches the arrays that the rows stand in: what is touched is shown as it
// is before, once, and compared with what it is when the event has been folded.
//
// Rows are the same before and after if they have the same id; their ordinals may change when a
// table is made anew of the rows that are left.
type journal struct {
	t      *Tables
	filter rowFilter

	before map[rowName]entity // of the rows that were touched since the last event
	order  []rowName
}

// rowName names a row: by its ordinal, where that stays, or by its id.
type rowName struct {
	kind string
	ord  uint32
	id   string
}

// rowFilter says which rows are looked at. The zero value says all.
type rowFilter struct {
	kinds              map[string]bool // nil: all
	user, organization string          // "": of anybody
}

func (f *rowFilter) kind(kind string) bool { return f.kinds == nil || f.kinds[kind] }

// of is a row if it belongs to whom the filter says, else no row: one that is given to somebody else
// is taken away from him.
func (f *rowFilter) of(e entity) entity {
	if f.user != "" && e.user != f.user || f.organization != "" && e.organization != f.organization {
		return entity{}
	}
	return e
}

// rowChange is what happened to a row.
type rowChange struct {
	kind          string
	before, after entity // of one of them there may be none
}

func (c *rowChange) id() string { return cmp.Or(c.after.id, c.before.id) }

// watch begins a journal of t, which the caller folds. It ends with stop.
func watch(t *Tables, f rowFilter) *journal {
	j := &journal{t: t, filter: f, before: map[rowName]entity{}}
	j.watchPeople()
	watchTable(j, KindSecondFactor, &t.factors, factorEntity)
	watchTable(j, KindOrganization, &t.organizations, organizationEntity)
	watchTable(j, KindMember, &t.members, memberEntity)
	watchTable(j, KindTeam, &t.teams, teamEntity)
	watchTable(j, KindTeamMember, &t.teamMembers, j.teamMember)
	watchTable(j, KindInvitation, &t.invitations, invitationEntity)
	watchTable(j, KindSSOProvider, &t.providers, providerEntity)
	watchTable(j, KindDirectory, &t.directories, directoryEntity)
	watchTable(j, KindDrain, &t.drains, drainEntity)
	return j
}

// stop ends the journal.
func (j *journal) stop() {
	t := j.t
	t.users.Watch(nil)
	t.activity.Watch(nil)
	t.accounts.Watch(nil)
	t.sessions.Watch(nil)
	t.factors.rows.Watch(nil)
	t.organizations.rows.Watch(nil)
	t.members.rows.Watch(nil)
	t.teams.rows.Watch(nil)
	t.teamMembers.rows.Watch(nil)
	t.invitations.rows.Watch(nil)
	t.providers.rows.Watch(nil)
	t.directories.rows.Watch(nil)
	t.drains.rows.Watch(nil)
}

// changes are the rows that were changed since the last call, in the order in which they were
// touched first.
func (j *journal) changes() (list []rowChange) {
	for _, name := range j.order {
		c := rowChange{kind: name.kind, before: j.filter.of(j.before[name]), after: j.filter.of(j.show(name))}
		if j.filter.kind(name.kind) && !sameEntity(&c.before, &c.after) {
			list = append(list, c)
		}
	}
	clear(j.before)
	j.order = j.order[:0]
	return list
}

// note keeps what a row is before it is changed, the first time.
func (j *journal) note(name rowName, show func() entity) {
	if _, known := j.before[name]; !known {
		j.before[name] = show()
		j.order = append(j.order, name)
	}
}

// teamMember is a place in a team, which is of the organization that the team was of before an event
// took both away.
func (j *journal) teamMember(r *TeamMember) entity {
	e := j.t.teamMemberEntity(r)
	if e.organization == "" {
		e.organization = j.before[rowName{kind: KindTeam, id: r.TeamID}].organization
	}
	return e
}

func absent() entity { return entity{} }

// show is a row as it is now.
func (j *journal) show(name rowName) entity {
	t := j.t
	switch name.kind {
	case KindUser:
		return t.userEntity(name.ord)
	case KindAccount:
		return t.accountEntity(name.ord)
	case KindSession:
		return t.sessionEntity(name.ord)
	case KindSecondFactor:
		return showRow(&t.factors, name.id, factorEntity)
	case KindOrganization:
		return showRow(&t.organizations, name.id, organizationEntity)
	case KindMember:
		return showRow(&t.members, name.id, memberEntity)
	case KindTeam:
		return showRow(&t.teams, name.id, teamEntity)
	case KindTeamMember:
		return showRow(&t.teamMembers, name.id, j.teamMember)
	case KindInvitation:
		return showRow(&t.invitations, name.id, invitationEntity)
	case KindSSOProvider:
		return showRow(&t.providers, name.id, providerEntity)
	case KindDirectory:
		return showRow(&t.directories, name.id, directoryEntity)
	case KindDrain:
		return showRow(&t.drains, name.id, drainEntity)
	}
	panic("no kind of rows: " + name.kind)
}

func showRow[R any, P interface {
	*R
	row
}](t *table[R, P], id string, show func(*R) entity) (e entity) {
	if ord, ok := t.find(id); ok {
		e = show(t.rows.At(int(ord)))
	}
	return e
}

// watchTable watches a table whose rows are known by their ids.
func watchTable[R any, P interface {
	*R
	row
}](j *journal, kind string, t *table[R, P], show func(*R) entity) {
	// Teams say of which organization the places in them are.
	if j.filter.kind(kind) || kind == KindTeam && j.filter.kind(KindTeamMember) {
		t.rows.Watch(&tableWatcher[R, P]{j, kind, t, show})
	}
}

type tableWatcher[R any, P interface {
	*R
	row
}] struct {
	j    *journal
	kind string
	t    *table[R, P]
	show func(*R) entity
}

func (w *tableWatcher[R, P]) Editing(i int) {
	r := w.t.rows.At(i)
	if id := P(r).rowID(); id != "" {
		w.j.note(rowName{kind: w.kind, id: id}, func() entity { return w.show(r) })
	}
}

func (w *tableWatcher[R, P]) Appended(i int) {
	w.j.note(rowName{kind: w.kind, id: P(w.t.rows.At(i)).rowID()}, absent)
}

// Clearing: the rows that are there come again.
func (w *tableWatcher[R, P]) Clearing() {
	for i := w.t.rows.First(); i < w.t.rows.Len(); i++ {
		w.Editing(i)
	}
}

// peopleWatcher watches an array whose rows keep their ordinals.
type peopleWatcher struct {
	j    *journal
	kind string
	show func(ord uint32) entity
	// user is the id of the one whom a row belongs to.
	user func(ord int) string
}

func (j *journal) watchPeople() {
	t := j.t
	userOf := func(ord uint32) string {
		if r := t.users.At(int(ord)); r != nil {
			return r.userID()
		}
		return "" // a session that ended before it began
	}
	user := &peopleWatcher{j, KindUser, t.userEntity, func(ord int) string { return userOf(uint32(ord)) }}
	account := &peopleWatcher{j, KindAccount, t.accountEntity, func(ord int) string { return userOf(t.accounts.At(ord).user) }}
	session := &peopleWatcher{j, KindSession, t.sessionEntity, func(ord int) string { return userOf(t.sessions.At(ord).user) }}
	if j.filter.kind(KindUser) {
		t.users.Watch(user)
		t.activity.Watch(activityWatcher{user})
	}
	if j.filter.kind(KindAccount) {
		t.accounts.Watch(account)
	}
	if j.filter.kind(KindSession) {
		t.sessions.Watch(session)
	}
}

// skips reports whether nobody asked for a row.
func (w *peopleWatcher) skips(i int) bool {
	f := &w.j.filter
	return f.organization != "" || f.user != "" && w.user(i) != f.user
}

func (w *peopleWatcher) Editing(i int) {
	if !w.skips(i) {
		w.j.note(rowName{kind: w.kind, ord: uint32(i)}, func() entity { return w.show(uint32(i)) })
	}
}

func (w *peopleWatcher) Appended(i int) {
	if !w.skips(i) {
		w.j.note(rowName{kind: w.kind, ord: uint32(i)}, absent)
	}
}

func (w *peopleWatcher) Clearing() { panic("rows of people are never taken out") }

// activityWatcher sees what changes of users with every session. The rows of activity come after those of
// the users.
type activityWatcher struct{ *peopleWatcher }

func (w activityWatcher) Appended(int) {}

var (
	_ cow.Watcher = (*peopleWatcher)(nil)
	_ cow.Watcher = activityWatcher{}
)

// RowChange is a row that was added, removed or changed.
type RowChange struct {
	Kind   string `json:"kind"`
	ID     string `json:"id"`
	Change string `json:"change"` // added, removed, changed
	// Before and After are the whole row if it was removed or added, else the fields that
	// changed.
	Before json.RawMessage `json:"before,omitempty"`
	After  json.RawMessage `json:"after,omitempty"`
	// SecretChanged says that what the row keeps sealed or hashed is another: a
	// password, the secret of a second factor. It is not shown.
	SecretChanged bool `json:"secretChanged,omitempty"`
}

// Values of RowChange.Change.
const (
	RowAdded   = "added"
	RowRemoved = "removed"
	RowChanged = "changed"
)

// shown is the change as it is shown.
func (c *rowChange) shown() RowChange {
	s := RowChange{Kind: c.kind, ID: c.id()}
	switch {
	case !c.before.there():
		s.Change, s.After = RowAdded, c.after.json()
	case !c.after.there():
		s.Change, s.Before = RowRemoved, c.before.json()
	default:
		s.Change, s.SecretChanged = RowChanged, c.before.secret != c.after.secret
		before, after := c.before.fields(), c.after.fields()
		for name, was := range before {
			if slices.Equal(was, after[name]) {
				delete(before, name)
				delete(after, name)
			}
		}
		s.Before, s.After = objectOf(before), objectOf(after)
	}
	return s
}

// objectOf is an object of fields, in the order of their names.
func objectOf(fields map[string]json.RawMessage) json.RawMessage {
	text, err := json.Marshal(fields)
	if err != nil {
		panic(err) // each of them is JSON
	}
	return text
}
