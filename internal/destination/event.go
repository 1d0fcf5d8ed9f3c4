package destination

import (
	"encoding/json"
	"time"

	"dashd/eventlog"
	"dashd/internal/display"
)

// Event is an event as destinations get it.
type Event struct {
	ID        string          `json:"id"`
	Timestamp string          `json:"timestamp"`
	EventType string          `json:"eventType"` // the dash plugin's name
	Category  string          `json:"eventCategory"`
	Actor     Actor           `json:"actor"`
	Context   Context         `json:"context"`
	Metadata  json.RawMessage `json:"metadata"`

	// What only events of the log have.
	Seq     uint64 `json:"seq,omitempty"`  // its position: ascends, and says what was missed
	Type    string `json:"type,omitempty"` // the canonical name
	Status  string `json:"status,omitempty"`
	message string
	time    int64
}

// Actor is who did it.
type Actor struct {
	Type string `json:"type"` // user, operator or system
	ID   string `json:"id,omitempty"`
}

// Context is where it happened, and whom it is about.
type Context struct {
	OrganizationID string `json:"organizationId"`
	UserID         string `json:"userId,omitempty"`
	SessionID      string `json:"sessionId,omitempty"`
	IPAddress      string `json:"ipAddress,omitempty"`
	UserAgent      string `json:"userAgent,omitempty"`
	City           string `json:"city,omitempty"`
	Region         string `json:"region,omitempty"`
	Country        string `json:"country,omitempty"`
	CountryCode    string `json:"countryCode,omitempty"`
}

// NewEvent returns the form of a record for the drains of an organization. It shares no memory with
// the record's byte slices.
func NewEvent(r *eventlog.Record, organizationID string) Event {
	if r.OrganizationID != "" {
		organizationID = r.OrganizationID
	}
	message, _ := display.Of(&r.Event)
	return Event{
		ID:        r.ID,
		Timestamp: timestamp(r.Time),
		EventType: eventlog.PackageNames.OfEvent(&r.Event),
		Category:  Category(r.Type, r.Status),
		Actor:     actorOf(&r.Event),
		Context: Context{
			OrganizationID: organizationID, UserID: r.UserID, SessionID: r.SessionID,
			IPAddress: r.IPAddress, UserAgent: r.UserAgent,
			City: r.City, Region: r.Region, Country: r.Country, CountryCode: r.CountryCode,
		},
		Metadata: metadataOf(&r.Event),
		Seq:      r.Seq, Type: string(r.Type), Status: r.Status.String(),
		message: message, time: r.Time,
	}
}

// TestEvent is what a test call sends. id is a UUID.
func TestEvent(id string, now int64, organizationID string) Event {
	const message = "Test event from Better Auth Dashboard"
	return Event{
		ID: id, Timestamp: timestamp(now), EventType: "test.connection", Category: CategoryAuth,
		Actor: Actor{Type: "system"}, Context: Context{OrganizationID: organizationID},
		Metadata: json.RawMessage(`{"message":"` + message + `"}`),
		message:  message, time: now,
	}
}

// Size is about how many bytes the event is in a body.
func (e *Event) Size() int { return len(e.Metadata) + len(e.Context.UserAgent) + 512 }

func timestamp(ms int64) string {
	return time.UnixMilli(ms).UTC().Format("2006-01-02T15:04:05.000Z")
}

func actorOf(e *eventlog.Event) Actor {
	switch {
	case e.ActorID != "" && e.Origin.Vocabulary == eventlog.VocabularyDashd:
		return Actor{"operator", e.ActorID}
	case e.ActorID != "":
		return Actor{"user", e.ActorID}
	case e.UserID != "":
		return Actor{"user", e.UserID}
	}
	return Actor{Type: "system"}
}

// metadataOf is the metadata as the producer sent it. What dashd's own commands note there for its tables
// is not a part of what happened.
func metadataOf(e *eventlog.Event) json.RawMessage {
	if len(e.Metadata) == 0 {
		return json.RawMessage("{}") // erased
	}
	if e.Origin.Vocabulary == eventlog.VocabularyDashd {
		var members map[string]json.RawMessage
		if json.Unmarshal(e.Metadata, &members) == nil {
			delete(members, "set")
			delete(members, "request")
			if text, err := json.Marshal(members); err == nil {
				return text
			}
		}
	}
	return append(json.RawMessage(nil), e.Metadata...)
}
