package wire

import (
	"bytes"
	"sync"

	"dashd/eventlog"
)

// DashOptions is what an event for a reader of the dash plugin needs beside the
// event.
type DashOptions struct {
	ProjectID string
	Message   string // what the event shows; for events without a label of their own
	Now       int64  // ms; the age is counted from it
	Names     eventlog.Names
	// EventType, if not empty, is the name under which the events were asked for.
	// They are given back under it: the plugin filters once more by that name.
	EventType string
}

// AppendDash appends an event as GET /events/user, /events/organization and
// /events/activity give it to the dash plugin (auth-events section 7.4). What
// the plugin has sent comes back as it was sent.
func AppendDash(dst []byte, r *eventlog.Record, o DashOptions) []byte {
	dst = append(dst, '{')
	dst = appendDashType(dst, r, o)
	dst = appendString(append(dst, `,"eventDisplayName":`...), label(r, o))
	dst = appendData(append(dst, `,"eventData":`...), r)
	dst = appendString(append(dst, `,"projectId":`...), o.ProjectID)
	dst = appendOrNull(dst, `,"ipAddress":`, r.IPAddress)
	dst = appendOrNull(dst, `,"city":`, r.City)
	dst = appendOrNull(dst, `,"country":`, r.Country)
	dst = appendOrNull(dst, `,"countryCode":`, r.CountryCode)
	dst = appendAge(dst, r, o)
	return append(dst, '}')
}

// AppendListItem appends an event with the keys of both worlds, as GET
// /events/list and /events/audit-logs give it (dash-endpoints section 13).
// o.Message is the message of the native part, too.
func AppendListItem(dst []byte, r *eventlog.Record, sev eventlog.Severity, o DashOptions) []byte {
	dst = append(dst, '{')
	dst = appendCore(dst, r, o.Message, sev)
	dst = appendAdded(dst, r)
	dst = append(dst, ',')
	dst = appendDashType(dst, r, o)
	dst = appendString(append(dst, `,"eventDisplayName":`...), label(r, o))
	dst = appendData(append(dst, `,"eventData":`...), r)
	dst = appendString(append(dst, `,"projectId":`...), o.ProjectID)
	dst = appendAge(dst, r, o)
	from := len(dst)
	dst = append(dst, `,"location":{`...)
	inner := len(dst)
	dst = appendMember(dst, `,"ipAddress":`, r.IPAddress)
	dst = appendMember(dst, `,"city":`, r.City)
	dst = appendMember(dst, `,"region":`, r.Region)
	dst = appendMember(dst, `,"country":`, r.Country)
	dst = appendMember(dst, `,"countryCode":`, r.CountryCode)
	if len(dst) == inner {
		return append(dst[:from], '}') // no place is known
	}
	return append(withoutComma(dst, inner), "}}"...)
}

func appendDashType(dst []byte, r *eventlog.Record, o DashOptions) []byte {
	name := o.EventType
	if name == "" {
		name = o.Names.OfEvent(&r.Event)
	}
	key := r.Key
	if key == "" {
		key = eventlog.StreamKey(&r.Event)
	}
	dst = appendString(append(dst, `"eventType":`...), name)
	return appendString(append(dst, `,"eventKey":`...), key)
}

func label(r *eventlog.Record, o DashOptions) string {
	if r.Origin.DisplayName != "" {
		return r.Origin.DisplayName
	}
	return o.Message
}

func appendAge(dst []byte, r *eventlog.Record, o DashOptions) []byte {
	dst = appendMillis(dst, `,"createdAt":`, r.Time)
	dst = appendMillis(dst, `,"updatedAt":`, r.Time) // an event never changes
	return appendUint(dst, `,"ageInMinutes":`, uint64(max(0, o.Now-r.Time)/60_000))
}

var objects = sync.Pool{New: func() any { return new(object) }}

// appendData appends eventData: the metadata, with the keys that the dash
// plugin's readers look for, unless the plugin itself has sent it.
func appendData(dst []byte, r *eventlog.Record) []byte {
	from := len(dst)
	dst = appendObject(dst, r.Metadata)
	if r.Origin.Vocabulary == eventlog.VocabularyDash {
		return dst
	}
	o := objects.Get().(*object)
	defer objects.Put(o)
	if err := o.parseMetadata(dst[from:], readShape); err != nil {
		return dst // over the limits of what producers may send; so nothing is added
	}
	empty := bytes.IndexByte(o.text, '"') < 0
	dst = dst[:from+o.end-1] // without the closing brace
	inner := len(dst)
	dst = appendAbsent(dst, o, dataUserID, `,"userId":`, r.UserID)
	if o.kind(dataName) == '"' && !o.has(dataUserName) {
		dst = append(append(dst, `,"userName":`...), o.raw(dataName)...)
	}
	if o.kind(dataEmail) == '"' && !o.has(dataUserEmail) {
		dst = append(append(dst, `,"userEmail":`...), o.raw(dataEmail)...)
	}
	dst = appendAbsent(dst, o, dataSession, `,"sessionId":`, r.SessionID)
	dst = appendAbsent(dst, o, dataUserAgent, `,"userAgent":`, r.UserAgent)
	dst = appendAbsent(dst, o, dataOrganization, `,"organizationId":`, r.OrganizationID)
	dst = appendAbsent(dst, o, dataTriggeredBy, `,"triggeredBy":`, triggeredBy(r))
	if empty {
		dst = withoutComma(dst, inner)
	}
	return append(dst, '}')
}

// appendAbsent appends a member that the metadata does not have.
func appendAbsent(dst []byte, o *object, f field, name, s string) []byte {
	if o.has(f) {
		return dst
	}
	return appendMember(dst, name, s)
}

func triggeredBy(r *eventlog.Record) string {
	switch {
	case r.ActorID != "":
		return r.ActorID
	case r.UserID != "":
		return r.UserID
	default:
		return nobody
	}
}
