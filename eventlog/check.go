package eventlog

// A Problem is why an event was not accepted. Code is one of the rejection codes
// of POST /ingest/studio (INVALID_TYPE, RESERVED_TYPE, ...).
type Problem struct{ Code, Message string }

func (p *Problem) Error() string { return p.Message }

// Check normalises e in place: canonical type, defaults, cut and cleaned text,
// redaction, stream key. Or it says why e cannot be accepted (a *Problem). now
// is in ms.
//
// Before: Type holds the name as received; Metadata is nil or valid JSON text
// already checked for size and depth by internal/wire; IPAddress is the raw text.
func (e *Event) Check(now int64) error { panic("skeleton") }

// CleanIP finds the address in what a producer sent, by the rules of
// auth-events section 1.2.
func CleanIP(s string) (addr string, ok bool) { panic("skeleton") }

// Redact returns metadata (a valid JSON object) with the values of secret-named
// keys replaced, at any depth. It returns its argument if there is nothing to
// redact. extra holds further key names, folded.
func Redact(metadata []byte, extra map[string]bool) []byte { panic("skeleton") }

// SeverityOf is the severity that applies: the shown one, if the producer asked
// for one, else the rule of auth-events section 3.
func SeverityOf(t Type, s Status, shown Severity) Severity { panic("skeleton") }

// StreamKey is the stream of an event that came without one: its organization
// for organization, member, team and invitation events; else its user; else
// "unknown".
func StreamKey(e *Event) string { panic("skeleton") }

// SameContent reports whether two events under one id say the same, so that the
// second is a repeat: everything but what dashd adds and what is only display.
// Times are compared only if both were given. If either is erased, only the
// public parts are compared.
func SameContent(a, b *Event) bool { panic("skeleton") }

// Stats counts events by severity. Each event is in one class: failed if its
// status is, else its shown severity; so the four add up to Total.
type Stats struct {
	Total   uint64 `json:"total"`
	Success uint64 `json:"success"`
	Failed  uint64 `json:"failed"`
	Warning uint64 `json:"warning"`
	Info    uint64 `json:"info"`
}

// Add counts n events of one kind.
func (s *Stats) Add(t Type, st Status, shown Severity, n uint64) { panic("skeleton") }
