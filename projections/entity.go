package projections

import (
	"bytes"
	"encoding/json"
	"fmt"
	"iter"
	"slices"
	"strings"
)

// The kinds of rows that readers see, in the order in which they are listed.
const (
	KindUser         = "user"
	KindAccount      = "account"
	KindSession      = "session"
	KindSecondFactor = "secondFactor"
	KindOrganization = "organization"
	KindMember       = "member"
	KindTeam         = "team"
	KindTeamMember   = "teamMember"
	KindInvitation   = "invitation"
	KindSSOProvider  = "ssoProvider"
	KindDirectory    = "directory"
	KindDrain        = "logDrain"
)

// Kinds are the kinds of rows, in the order in which they are listed.
func Kinds() []string {
	return []string{
		KindUser, KindAccount, KindSession, KindSecondFactor, KindOrganization, KindMember,
		KindTeam, KindTeamMember, KindInvitation, KindSSOProvider, KindDirectory, KindDrain,
	}
}

// KindOf is the kind that somebody names: as it is, in the plural, or as the table of
// checkpoints is called.
func KindOf(name string) (kind string, ok bool) {
	plain := func(s string) string {
		return strings.ToLower(strings.NewReplacer(" ", "", "-", "", "_", "").Replace(s))
	}
	name = plain(name)
	for _, k := range Kinds() {
		one := plain(k)
		if name == one || name == one+"s" || strings.HasSuffix(one, "y") && name == strings.TrimSuffix(one, "y")+"ies" {
			return k, true
		}
	}
	return "", false
}

// secondFactor is a TwoFactor as it is shown.
type secondFactor struct {
	UserID  string `json:"userId"`
	Pending bool   `json:"pending"`
}

// drainShown is a Drain as it is shown.
type drainShown struct {
	Drain
	FromSeq   uint64 `json:"fromSeq"`
	Suspended Text   `json:"suspended"`
}

// entity is a row as readers see it. The zero entity is no row.
type entity struct {
	id    string
	value any // a record, whose JSON holds no secret
	// secret is what the row keeps sealed or hashed. It is compared and never shown.
	secret string
	// user and organization are whose the row is; "" if it is nobody's.
	user, organization string
}

func (e *entity) there() bool { return e.value != nil }

// json is what the API shows of the row.
func (e *entity) json() json.RawMessage {
	text, err := json.Marshal(e.value)
	if err != nil {
		panic(fmt.Sprintf("a row that cannot be shown: %v", err)) // records are texts, numbers and JSON
	}
	return text
}

// fields are those of the JSON, by name.
func (e *entity) fields() (fields map[string]json.RawMessage) {
	if err := json.Unmarshal(e.json(), &fields); err != nil {
		panic(fmt.Sprintf("a row that is no object: %v", err)) // records are structs
	}
	return fields
}

// sameEntity reports whether two rows are the same, secrets too.
func sameEntity(a, b *entity) bool {
	if a.there() != b.there() || a.secret != b.secret {
		return false
	}
	switch a.value.(type) {
	case User, Account, Session, Organization, Member, Team, TeamMember, Invitation, secondFactor, nil:
		return a.value == b.value
	}
	return bytes.Equal(a.json(), b.json())
}

// userEntity is the user with an ordinal; no row if readers see none.
func (t *Tables) userEntity(ord uint32) (e entity) {
	if r := t.users.At(int(ord)); r == nil || r.flags&userKnown == 0 {
		return e
	}
	u := t.user(ord)
	return entity{id: u.ID, value: u, user: u.ID}
}

func (t *Tables) accountEntity(ord uint32) (e entity) {
	r := t.accounts.At(int(ord))
	if r == nil || r.text == "" {
		return e
	}
	a := t.account(ord)
	return entity{id: a.ID, value: a, user: a.UserID, secret: fromTail(r.tail(), accountSealed)}
}

func (t *Tables) sessionEntity(ord uint32) (e entity) {
	r := t.sessions.At(int(ord))
	if r == nil || !r.seen() {
		return e
	}
	s := t.session(ord)
	return entity{id: s.ID, value: s, user: s.UserID}
}

func factorEntity(r *TwoFactor) entity {
	return entity{id: r.UserID, value: secondFactor{r.UserID, r.Pending}, user: r.UserID, secret: string(r.Sealed)}
}

func organizationEntity(r *organizationRow) entity {
	return entity{id: r.ID, value: r.Organization, organization: r.ID}
}

func memberEntity(r *Member) entity {
	return entity{id: r.ID, value: *r, user: r.UserID, organization: r.OrganizationID}
}

func teamEntity(r *Team) entity {
	return entity{id: r.ID, value: *r, organization: r.OrganizationID}
}

func invitationEntity(r *Invitation) entity {
	return entity{id: r.ID, value: *r, user: r.InviterID, organization: r.OrganizationID}
}

func providerEntity(r *SSOProvider) entity {
	return entity{
		id: r.ProviderID, value: *r, user: r.UserID, organization: string(r.OrganizationID),
		secret: string(r.Sealed) + "\x00" + r.VerificationToken,
	}
}

func directoryEntity(r *Directory) entity {
	var hashes []string
	for i := range r.Credentials {
		hashes = append(hashes, r.Credentials[i].Hash)
	}
	return entity{id: r.ConnectionID, value: *r, organization: r.OrganizationID, secret: strings.Join(hashes, " ")}
}

func drainEntity(r *Drain) entity {
	return entity{
		id: r.ID, value: drainShown{*r, r.FromSeq, r.Suspended}, organization: r.OrganizationID, secret: string(r.Sealed),
	}
}

// teamMemberEntity is a place in a team; it is of the organization that the team is of now.
func (t *Tables) teamMemberEntity(r *TeamMember) entity {
	e := entity{id: r.ID, value: *r, user: r.UserID}
	if team, ok := t.teams.get(r.TeamID); ok {
		e.organization = team.OrganizationID
	}
	return e
}

// Rows yields the rows of a kind as readers see them, each with its id, in the order in which they were
// made. What it yields becomes JSON without secrets.
func (t *Tables) Rows(kind string) iter.Seq2[string, any] {
	return func(yield func(string, any) bool) {
		for e := range t.entities(kind) {
			if !yield(e.id, e.value) {
				return
			}
		}
	}
}

// entities yields the rows of a kind.
func (t *Tables) entities(kind string) iter.Seq[entity] {
	switch kind {
	case KindUser:
		return byOrdinal(t.users.First(), t.users.Len(), t.userEntity)
	case KindAccount:
		return byOrdinal(t.accounts.First(), t.accounts.Len(), t.accountEntity)
	case KindSession:
		return byOrdinal(t.sessions.First(), t.sessions.Len(), t.sessionEntity)
	case KindSecondFactor:
		return entitiesOf(&t.factors, factorEntity)
	case KindOrganization:
		return entitiesOf(&t.organizations, organizationEntity)
	case KindMember:
		return entitiesOf(&t.members, memberEntity)
	case KindTeam:
		return entitiesOf(&t.teams, teamEntity)
	case KindTeamMember:
		return entitiesOf(&t.teamMembers, t.teamMemberEntity)
	case KindInvitation:
		return entitiesOf(&t.invitations, invitationEntity)
	case KindSSOProvider:
		return entitiesOf(&t.providers, providerEntity)
	case KindDirectory:
		return entitiesOf(&t.directories, directoryEntity)
	case KindDrain:
		return entitiesOf(&t.drains, drainEntity)
	}
	return slices.Values[[]entity](nil)
}

func byOrdinal(first, end int, show func(uint32) entity) iter.Seq[entity] {
	return func(yield func(entity) bool) {
		for i := first; i < end; i++ {
			if e := show(uint32(i)); e.there() && !yield(e) {
				return
			}
		}
	}
}

func entitiesOf[R any, P interface {
	*R
	row
}](t *table[R, P], show func(*R) entity) iter.Seq[entity] {
	return func(yield func(entity) bool) {
		for r := range t.all() {
			if !yield(show(r)) {
				return
			}
		}
	}
}
