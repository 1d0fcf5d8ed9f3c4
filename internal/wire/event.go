package wire

import (
	"bytes"
	"errors"
	"math"
	"strconv"
	"strings"

	"dashd/eventlog"
)

// decoder makes events of JSON objects in the field names of auth-events section
// 1. It is reused; ev is valid until the next call.
type decoder struct {
	shape      *shape
	vocabulary eventlog.Vocabulary
	now        int64

	obj   object
	inner object // metadata that came as text
	texts texts
	ev    eventlog.Event
}

// event reads text, which must hold one event and nothing else, into d.ev and
// checks it. A problem of the event is an *eventlog.Problem, and d.ev then holds
// the event's id, if that could be read, and nothing else. The other error is
// errSyntax.
func (d *decoder) event(text []byte) error {
	return d.settle(d.obj.parse(text, d.shape))
}

// prefix is event for the object with which text begins, and returns its length:
// 0 if it cannot be read, for whatever reason. That is not the last word on it,
// since text may end too early.
func (d *decoder) prefix(text []byte) (n int, problem error) {
	if n = d.obj.quick(text, d.shape, 0); n == 0 {
		return 0, nil
	}
	return n, d.settle(nil)
}

func (d *decoder) settle(err error) error {
	if err == nil {
		err = d.build()
	}
	if err == nil {
		err = d.ev.Check(d.now)
	}
	if err != nil {
		d.ev = eventlog.Event{ID: d.readableID()}
	}
	return err
}

// readableID is the id as the producer wrote it, if it is fit to be repeated.
func (d *decoder) readableID() string {
	id := d.obj.str(fieldID)
	if len(id) == 0 || len(id) > eventlog.MaxIDLen {
		return ""
	}
	for _, c := range id {
		if c < ' ' || c > '~' {
			return ""
		}
	}
	return string(id)
}

func (d *decoder) build() error {
	o := &d.obj
	d.ev = eventlog.Event{Personal: eventlog.Personal{Origin: eventlog.Origin{Vocabulary: d.vocabulary}}}
	ev := &d.ev
	d.texts.reset()
	for _, f := range [...]struct {
		field field
		dst   *string
		name  string
		code  string
		id    bool // a number will do
	}{
		{fieldID, &ev.ID, "id", eventlog.InvalidID, true},
		{fieldType, (*string)(&ev.Type), "type", eventlog.InvalidType, false},
		{fieldUser, &ev.UserID, "userId", eventlog.InvalidEvent, true},
		{fieldSession, &ev.SessionID, "sessionId", eventlog.InvalidEvent, true},
		{fieldOrganization, &ev.OrganizationID, "organizationId", eventlog.InvalidEvent, true},
		{fieldIP, &ev.IPAddress, "ipAddress", eventlog.InvalidEvent, false},
		{fieldUserAgent, &ev.UserAgent, "userAgent", eventlog.InvalidEvent, false},
		{fieldMessage, &ev.Message, "display.message", eventlog.InvalidEvent, false},
		{fieldCity, &ev.City, "location.city", eventlog.InvalidEvent, false},
		{fieldRegion, &ev.Region, "location.region", eventlog.InvalidEvent, false},
		{fieldCountry, &ev.Country, "location.country", eventlog.InvalidEvent, false},
		{fieldCountryCode, &ev.CountryCode, "location.countryCode", eventlog.InvalidEvent, false},
	} {
		switch kind := o.kind(f.field); {
		case kind == 0:
		case kind == '"':
			d.texts.add(f.dst, o.str(f.field))
		case kind == '0' && f.id:
			d.texts.add(f.dst, decimal(o.raw(f.field)))
		default:
			return problem(f.code, "%s is not text", f.name)
		}
	}
	if k := o.kind(fieldDisplay); k != 0 && k != '{' {
		return problem(eventlog.InvalidEvent, "display is not an object")
	}
	if k := o.kind(fieldLocation); k != 0 && k != '{' {
		return problem(eventlog.InvalidEvent, "location is not an object")
	}
	ev.GivenID = o.kind(fieldID) != 0
	ev.Shown, _ = eventlog.ParseSeverity(string(o.str(fieldSeverity))) // an unknown one is dropped
	if err := d.time(); err != nil {
		return err
	}
	if err := d.metadata(); err != nil {
		return err
	}
	d.texts.done()
	ev.CountryCode = strings.ToUpper(ev.CountryCode)
	return d.status()
}

func (d *decoder) time() error {
	var ok bool
	switch d.obj.kind(fieldTime) {
	case 0:
		return nil // Check puts the time of receipt
	case '"':
		d.ev.Time, ok = ParseTime(d.obj.str(fieldTime))
	case '0':
		d.ev.Time, ok = parseMillis(d.obj.raw(fieldTime))
	}
	if !ok {
		return problem(eventlog.InvalidTimestamp, "timestamp is neither RFC 3339 text nor a number of milliseconds since 1970")
	}
	d.ev.GivenTime = true
	return nil
}

// status reads status and source, whose absence has a meaning.
func (d *decoder) status() error {
	o, ok := &d.obj, false
	if o.kind(fieldStatus) == 0 {
		d.ev.Status = eventlog.DefaultStatus(string(d.ev.Type))
	} else if d.ev.Status, ok = eventlog.ParseStatus(string(o.str(fieldStatus))); !ok {
		return problem(eventlog.InvalidStatus, `status is neither "success" nor "failed"`)
	}
	if o.kind(fieldSource) != 0 {
		if d.ev.Source, ok = eventlog.ParseSource(string(o.str(fieldSource))); !ok {
			return problem(eventlog.InvalidSource, `source is neither "app" nor "api"`)
		}
	}
	return nil
}

// metadata copies the object, which may be inside a text: databases export it so.
func (d *decoder) metadata() error {
	raw := d.obj.raw(fieldMetadata)
	switch d.obj.kind(fieldMetadata) {
	case 0:
		return nil // Check puts {}
	case '{':
	case '"':
		raw = bytes.Trim(d.obj.str(fieldMetadata), " \t\r\n")
		if len(raw) == 0 || string(raw) == "null" {
			return nil
		}
		if err := d.inner.parseMetadata(raw, nil); errors.Is(err, errSyntax) {
			return problem(eventlog.InvalidEvent, "metadata is text, but not that of a JSON object")
		} else if err != nil {
			return err
		}
	default:
		return problem(eventlog.InvalidEvent, "metadata is not an object")
	}
	m, err := ownMetadata(raw)
	d.ev.Metadata = m
	return err
}

// decimal is the decimal text of a JSON number. Integers are kept digit by
// digit; 1e3 is written as JavaScript would have.
func decimal(num []byte) []byte {
	if !bytes.ContainsAny(num, ".eE") {
		return num
	}
	f, err := strconv.ParseFloat(string(num), 64)
	if err != nil || math.Abs(f) > 1e21 {
		return num
	}
	return strconv.AppendFloat(nil, f, 'f', -1, 64)
}
