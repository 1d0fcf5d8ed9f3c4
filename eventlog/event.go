package eventlog

// Event is one authentication event, in the form in which it enters the log.
//
// Strings are valid UTF-8; an empty string means absent. The position and the
// time of receipt are not part of it: see [Record].
type Event struct {
	ID      string // unique within Project; see GivenID
	Project string // isolation boundary: an event of one is never shown to another
	Type    Type   // canonical, dotted
	Time    int64  // when the producer says it happened, ms since 1970 UTC
	Status  Status
	Source  Source
	// Shown is the severity the producer asked to show, SeverityNone if it
	// asked for none; SeverityOf gives the severity that applies.
	Shown Severity

	UserID         string // whom it is about
	SessionID      string
	OrganizationID string
	ActorID        string // who did it, when known and not UserID
	Key            string // whose stream it belongs to: dash's eventKey, or StreamKey
	CountryCode    string // ISO 3166-1 alpha-2, upper case

	GivenID   bool // the producer chose ID: it is the idempotency key
	GivenTime bool // the producer chose Time; else it is the time of receipt
	// Erased says that the personal part is gone. Personal and Salt are then
	// zero, and Commit stands in their place.
	Erased bool

	Personal
	Salt   [16]byte // random, so that Commit tells nothing about Personal
	Commit [32]byte // set only when Erased
}

// Personal is the part of an event that can identify a person.
type Personal struct {
	Metadata  []byte // a JSON object as the producer sent it, after redaction; never nil once checked: at least {}
	IPAddress string // one address in canonical text
	UserAgent string
	City      string
	Region    string
	Country   string // the country's name as the producer sent it
	Message   string // display.message, only if it differs from what internal/display gives
	Origin    Origin
	Sealed    []byte // an internal/seal box: secrets that belong to the event
}

// Origin keeps what a producer's own vocabulary said, so that it can be given
// back unchanged.
type Origin struct {
	Vocabulary  Vocabulary
	Type        string // the type as received, if it differs from Event.Type
	DisplayName string // dash's eventDisplayName
	RawIP       string // ipAddress as received, if no address could be read in it
}

// Record is an event at its position in the log.
type Record struct {
	Seq        uint64 // position, from 1, no gaps
	ReceivedAt int64  // when dashd accepted it, ms since 1970 UTC; never runs backwards with Seq
	Event
}

// Status says whether what the event names succeeded.
type Status uint8

// The values of Status. They are on disk.
const (
	Success Status = 0
	Failed  Status = 1
)

// Source says whether a person used the application or its API.
type Source uint8

// The values of Source. They are on disk.
const (
	SourceApp Source = 0
	SourceAPI Source = 1
)

// Severity is how an event is shown.
type Severity uint8

// The values of Severity. They are on disk.
const (
	SeverityNone    Severity = 0
	SeverityInfo    Severity = 1
	SeveritySuccess Severity = 2
	SeverityWarning Severity = 3
	SeverityFailed  Severity = 4
)

// Vocabulary names the language the producer spoke.
type Vocabulary uint8

// The values of Vocabulary. They are on disk.
const (
	VocabularyAPI    Vocabulary = 0
	VocabularyStudio Vocabulary = 1
	VocabularyDash   Vocabulary = 2
	VocabularyImport Vocabulary = 3
	VocabularyDashd  Vocabulary = 4
)

var (
	statusNames     = [...]string{"success", "failed"}
	sourceNames     = [...]string{"app", "api"}
	severityNames   = [...]string{"", "info", "success", "warning", "failed"}
	vocabularyNames = [...]string{"api", "studio", "dash", "import", "dashd"}
)

func (s Status) String() string     { return statusNames[s] }
func (s Source) String() string     { return sourceNames[s] }
func (s Severity) String() string   { return severityNames[s] }
func (v Vocabulary) String() string { return vocabularyNames[v] }

func parseName[T ~uint8](names []string, s string) (T, bool) {
	for i, n := range names {
		if n == s && n != "" {
			return T(i), true
		}
	}
	return 0, false
}

// ParseStatus is the inverse of Status.String.
func ParseStatus(s string) (Status, bool) { return parseName[Status](statusNames[:], s) }

// ParseSource is the inverse of Source.String.
func ParseSource(s string) (Source, bool) { return parseName[Source](sourceNames[:], s) }

// ParseSeverity is the inverse of Severity.String; "" is no severity.
func ParseSeverity(s string) (Severity, bool) { return parseName[Severity](severityNames[:], s) }

// ParseVocabulary is the inverse of Vocabulary.String.
func ParseVocabulary(s string) (Vocabulary, bool) {
	return parseName[Vocabulary](vocabularyNames[:], s)
}

// Type names what happened, as in "user.banned". The set is open: a name that
// fits the grammar but is not listed in types.go is stored, indexed and shown,
// and no projection folds it.
type Type string

// ReservedProject holds dashd's own events: projects, keys, signing keys. No
// producer can write to it and no project's key can read it.
const ReservedProject = "_dashd"
