package wire

import (
	"errors"
	"strings"
	"sync"

	"dashd/eventlog"
	"dashd/internal/errs"
)

// ParseTrack reads the body of POST /events/track, which holds one event of the
// dash plugin, by the table of auth-events section 7.3. now is the time of
// receipt in ms; the plugin sends none of its own, and no id.
//
// eventData becomes the metadata as it is. A type that no table knows is
// accepted whatever it looks like, since a newer plugin may send it. The error
// is an errs.Invalid, or errs.TooLarge, with the code of the problem: a body
// that cannot be read, lacks eventType or eventKey, or breaks a limit.
func ParseTrack(body []byte, now int64) (eventlog.Event, error) {
	t := tracks.Get().(*track)
	defer tracks.Put(t)
	err := t.obj.parse(body, trackShape)
	if err == nil {
		err = t.build()
	}
	if err == nil {
		err = t.ev.Check(now)
	}
	ev := t.ev
	t.ev = eventlog.Event{}
	if err != nil {
		return eventlog.Event{}, refused(err)
	}
	return ev, nil
}

// refused gives the problem of a single event its kind.
func refused(err error) error {
	var p *eventlog.Problem
	switch {
	case errors.Is(err, errSyntax):
		return errs.New(errs.Invalid, codeJSON, "the body is not a JSON object")
	case errors.As(err, &p) && p.Code == eventlog.MetadataTooLarge:
		return errs.Wrap(err, errs.TooLarge, p.Code, "%s", p.Message)
	case errors.As(err, &p):
		return errs.Wrap(err, errs.Invalid, p.Code, "%s", p.Message)
	default:
		return err
	}
}

type track struct {
	obj   object
	name  string // eventType
	texts texts
	ev    eventlog.Event
}

var tracks = sync.Pool{New: func() any { return new(track) }}

// nobody is what the plugin writes for an id it does not know.
const nobody = "unknown"

func (t *track) build() error {
	o := &t.obj
	if err := t.mustBeText(); err != nil {
		return err
	}
	if o.kind(fieldType) == 0 || o.kind(fieldKey) == 0 {
		return problem(eventlog.InvalidEvent, "eventType and eventKey are required")
	}
	t.ev = eventlog.Event{Personal: eventlog.Personal{Origin: eventlog.Origin{Vocabulary: eventlog.VocabularyDash}}}
	t.texts.reset()
	if err := t.metadata(); err != nil {
		return err
	}
	ev := &t.ev
	t.name = string(o.str(fieldType))
	ev.Origin.Type = t.name
	ev.Type = typeOf(t.name, ev.Metadata)
	t.texts.add(&ev.Key, o.str(fieldKey))
	t.texts.add(&ev.Origin.DisplayName, o.str(fieldDisplayName))
	t.texts.add(&ev.IPAddress, o.str(fieldIP))
	t.texts.add(&ev.City, o.str(fieldCity))
	t.texts.add(&ev.Country, o.str(fieldCountry))
	t.texts.add(&ev.UserAgent, o.str(dataUserAgent))
	t.texts.add(&ev.SessionID, t.id(dataSession))
	t.subjects()
	t.country()
	if c := string(o.str(dataTriggerContext)); c == "dashboard" || c == "admin" {
		ev.Source = eventlog.SourceAPI
	}
	if t.failed() {
		ev.Status = eventlog.Failed
	}
	t.texts.done()
	return nil
}

func (t *track) mustBeText() error {
	for _, f := range [...]struct {
		field field
		name  string
	}{
		{fieldType, "eventType"},
		{fieldKey, "eventKey"},
		{fieldDisplayName, "eventDisplayName"},
		{fieldIP, "ipAddress"},
		{fieldCity, "city"},
		{fieldCountry, "country"},
		{fieldCountryCode, "countryCode"},
	} {
		if k := t.obj.kind(f.field); k != 0 && k != '"' {
			return problem(eventlog.InvalidEvent, "%s is not text", f.name)
		}
	}
	return nil
}

func (t *track) metadata() (err error) {
	switch t.obj.kind(fieldMetadata) {
	case 0:
		return nil // Check puts {}
	case '{':
		t.ev.Metadata, err = ownMetadata(t.obj.raw(fieldMetadata))
		return err
	default:
		return problem(eventlog.InvalidEvent, "eventData is not an object")
	}
}

// typeOf is the type that a dash name means, and custom.<name> for a name that
// fits no grammar, with an underscore for what does not belong in a type.
func typeOf(name string, metadata []byte) eventlog.Type {
	if t, ok := eventlog.ResolveType(name, metadata); ok {
		return t
	}
	fit := func(r rune) rune {
		switch {
		case 'a' <= r && r <= 'z', '0' <= r && r <= '9':
			return r
		case 'A' <= r && r <= 'Z':
			return r + 'a' - 'A'
		default:
			return '_'
		}
	}
	const longest = 90 // with the category, within 100
	if len(name) > longest {
		name = name[:longest]
	}
	return eventlog.Type("custom." + strings.Map(fit, name))
}

// subjects finds out whom the event is about, which organization, and who did it.
func (t *track) subjects() {
	o, ev := &t.obj, &t.ev
	organizational, personal := scope(ev.Type, t.name)

	organization := t.id(dataOrganization)
	if organization == nil && organizational {
		organization = known(o.str(fieldKey))
	}
	t.texts.add(&ev.OrganizationID, organization)

	var user []byte
	for _, f := range [...]field{dataUserID, dataUserid, dataAcceptedBy, dataRejectedBy, dataCancelledBy, dataInviter} {
		if user = t.id(f); user != nil {
			break
		}
	}
	actor := t.id(dataTriggeredBy)
	if ev.Type.Category() == "security" || strings.HasPrefix(t.name, "security_") {
		actor = nil // there it is the name of the check that found something
	}
	switch {
	case user != nil:
	case organizational:
		user = actor
	case personal:
		user = known(o.str(fieldKey))
	}
	t.texts.add(&ev.UserID, user)
	if string(actor) != string(user) {
		t.texts.add(&ev.ActorID, actor)
	}
}

// scope says whether the key of an event of this type is an organization, or a
// user. It may be neither: a visitor, or something that a newer plugin knows.
func scope(t eventlog.Type, name string) (organizational, personal bool) {
	switch t.Category() {
	case "organization", "member", "team", "invitation":
		return true, false
	case "user", "login", "session", "account", "oauth", "password", "two_factor", "phone_number":
		return false, true
	}
	return strings.HasPrefix(name, "organization_"), strings.HasPrefix(name, "user_")
}

// id is the id in a field of eventData, nil if there is none or it cannot be
// one. It stays in the metadata in any case.
func (t *track) id(f field) []byte {
	if t.obj.kind(f) == '0' {
		return decimal(t.obj.raw(f))
	}
	return known(t.obj.str(f))
}

func known(id []byte) []byte {
	if len(id) == 0 || len(id) > eventlog.MaxRefLen || string(id) == nobody {
		return nil
	}
	return id
}

// country takes the code from where the plugin puts it: for an impossible
// travel, it stands in the place of the name.
func (t *track) country() {
	code := t.obj.str(fieldCountryCode)
	if len(code) == 0 && t.name == "security_signal" {
		code = t.obj.str(fieldCountry)
	}
	if len(code) == 2 { // Check drops what is no code
		t.ev.CountryCode = strings.ToUpper(string(code))
	}
}

// failed reports whether the event says that something did not succeed, or was
// stopped.
func (t *track) failed() bool {
	switch t.name {
	case "security_check":
		return string(t.obj.str(dataOutcome)) == "blocked"
	case "security_signal":
		// An impossible travel has the verb of the answer instead.
		action := string(t.obj.str(dataAction))
		return action == "blocked" || action == "block"
	}
	return t.ev.Type == eventlog.LoginFailed || t.ev.Type == eventlog.SecurityBlocked
}
