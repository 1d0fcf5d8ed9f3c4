package eventlog

import "fmt"

// Codes of a Problem, which producers see.
const (
	InvalidEvent     = "INVALID_EVENT"
	InvalidID        = "INVALID_ID"
	InvalidType      = "INVALID_TYPE"
	ReservedType     = "RESERVED_TYPE"
	InvalidStatus    = "INVALID_STATUS"
	InvalidSource    = "INVALID_SOURCE"
	InvalidTimestamp = "INVALID_TIMESTAMP"
	MetadataTooLarge = "METADATA_TOO_LARGE"
)

// Limits of what an event can hold, in bytes. What is longer is refused for ids
// and metadata, which would mean something else if they were cut, and is cut for
// text that people read.
const (
	MaxIDLen       = 128 // Event.ID
	MaxRefLen      = 255 // ids of users, sessions, organizations, actors, streams
	MaxMetadataLen = 64 << 10

	maxUserAgentLen = 2048
	maxMessageLen   = 1024
	maxPlaceLen     = 255 // each of city, region, country
	maxOriginLen    = 1024
)

const (
	maxAhead = 24 * 60 * 60 * 1000 // how far, in ms, an event may be ahead of the clock
	minTime  = -62167219200000     // 0000-01-01, the first day RFC 3339 can write
)

// noMetadata is shared by all events without metadata; nobody writes to an
// event's metadata.
var noMetadata = []byte("{}")

// A Problem is why an event was not accepted. Code is one of the rejection codes
// of POST /ingest/studio (INVALID_TYPE, RESERVED_TYPE, ...).
type Problem struct{ Code, Message string }

func (p *Problem) Error() string { return p.Message }

func problem(code, format string, args ...any) error {
	return &Problem{Code: code, Message: fmt.Sprintf(format, args...)}
}

// Check normalises e in place: canonical type, defaults, cut and cleaned text,
// redaction, stream key. Or it says why e cannot be accepted (a *Problem); e is
// then of no further use. now is in ms.
//
// Before: Type holds the name as received; Metadata is nil or valid JSON text
// already checked for size and depth by internal/wire; IPAddress is the raw text.
//
// After: checking e again changes nothing. Check does not write to the bytes of
// Metadata; what it has to change it copies. It applies the built-in list of
// secret keys; whoever has a longer one calls [Redact] as well.
func (e *Event) Check(now int64) error {
	if err := e.checkID(); err != nil {
		return err
	}
	if err := e.checkType(); err != nil {
		return err
	}
	if err := e.checkEnums(); err != nil {
		return err
	}
	if err := e.checkTime(now); err != nil {
		return err
	}
	if err := e.checkRefs(); err != nil {
		return err
	}
	e.cleanPersonal()
	return e.checkMetadata()
}

// idBytes are what an id may consist of.
var idBytes = byteSet("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._:-")

func (e *Event) checkID() error {
	if len(e.ID) > MaxIDLen {
		return problem(InvalidID, "id is longer than %d characters", MaxIDLen)
	}
	for i := range len(e.ID) {
		if !idBytes[e.ID[i]] {
			return problem(InvalidID, "id has a character other than A-Z a-z 0-9 . _ : -")
		}
	}
	e.GivenID = e.GivenID && e.ID != ""
	return nil
}

func (e *Event) checkType() error {
	received := string(e.Type)
	if received == "" {
		return problem(InvalidType, "type is missing")
	}
	t, ok := ResolveType(received, e.Metadata)
	if !ok {
		return problem(InvalidType, "type %q is not a type name", CleanText(cut(received, maxTypeLen)))
	}
	if t.Reserved() && e.Origin.Vocabulary != VocabularyDashd {
		return problem(ReservedType, "type %s is reserved for dashd itself", t)
	}
	if e.Origin.Type == "" && received != string(t) {
		e.Origin.Type = received
	}
	e.Type = t
	return nil
}

// checkEnums looks for values that no name stands for. They could be stored,
// and then not be read back.
func (e *Event) checkEnums() error {
	switch {
	case int(e.Status) >= len(statusNames):
		return problem(InvalidStatus, "status must be success or failed")
	case int(e.Source) >= len(sourceNames):
		return problem(InvalidSource, "source must be app or api")
	case int(e.Origin.Vocabulary) >= len(vocabularyNames):
		return problem(InvalidEvent, "origin has an unknown vocabulary")
	}
	if int(e.Shown) >= len(severityNames) {
		e.Shown = SeverityNone
	}
	return nil
}

func (e *Event) checkTime(now int64) error {
	switch {
	case !e.GivenTime:
		e.Time = now
	case e.Time > now+maxAhead:
		return problem(InvalidTimestamp, "timestamp is more than 24 h ahead")
	case e.Time < minTime:
		return problem(InvalidTimestamp, "timestamp is before the year 0")
	}
	return nil
}

func (e *Event) checkRefs() error {
	for _, ref := range [...]struct {
		name string
		text *string
	}{
		{"userId", &e.UserID},
		{"sessionId", &e.SessionID},
		{"organizationId", &e.OrganizationID},
		{"actorId", &e.ActorID},
		{"key", &e.Key},
	} {
		// The limit holds for what is stored, so it is tested after cleaning.
		if *ref.text = CleanText(*ref.text); len(*ref.text) > MaxRefLen {
			return problem(InvalidEvent, "%s is longer than %d bytes", ref.name, MaxRefLen)
		}
	}
	if e.Key == "" {
		e.Key = StreamKey(e)
	}
	if !isCountryCode(e.CountryCode) {
		e.CountryCode = ""
	}
	return nil
}

func isCountryCode(s string) bool {
	return len(s) == 2 && 'A' <= s[0] && s[0] <= 'Z' && 'A' <= s[1] && s[1] <= 'Z'
}

func (e *Event) cleanPersonal() {
	if e.IPAddress != "" {
		addr, ok := CleanIP(e.IPAddress)
		if !ok && e.Origin.RawIP == "" {
			e.Origin.RawIP = e.IPAddress
		}
		e.IPAddress = addr
	}
	e.UserAgent = cutText(e.UserAgent, maxUserAgentLen)
	e.City = PlaceText(e.City)
	e.Region = PlaceText(e.Region)
	e.Country = PlaceText(e.Country)
	e.Message = cutText(e.Message, maxMessageLen)
	e.Origin.Type = cutText(e.Origin.Type, maxOriginLen)
	e.Origin.DisplayName = cutText(e.Origin.DisplayName, maxOriginLen)
	e.Origin.RawIP = cutText(e.Origin.RawIP, maxOriginLen)
}

func (e *Event) checkMetadata() error {
	if len(e.Metadata) == 0 {
		e.Metadata = noMetadata
		return nil
	}
	if first := skipSpace(e.Metadata, 0); first == len(e.Metadata) || e.Metadata[first] != '{' {
		return problem(InvalidEvent, "metadata is not an object")
	}
	e.Metadata = Redact(e.Metadata, nil)
	if len(e.Metadata) > MaxMetadataLen {
		return problem(MetadataTooLarge, "metadata is larger than %d bytes", MaxMetadataLen)
	}
	return nil
}

// DefaultStatus is the status of an event that came without one, under a type
// name as received.
func DefaultStatus(name string) Status {
	if t, _ := CanonicalType(name); t == LoginFailed {
		return Failed
	}
	return Success
}
