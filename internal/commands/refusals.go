package commands

import (
	"context"
	"fmt"
	"net/netip"
	"slices"

	"dashd/eventlog"
	"dashd/eventlog/block"
	"dashd/projections"
)

// RefusalReason says why a credential was no good. The texts are in the log: add to
// them, never change one.
type RefusalReason string

// The reasons.
const (
	NoKey        RefusalReason = "no_key"
	WrongKey     RefusalReason = "wrong_key"
	RevokedKey   RefusalReason = "revoked_key"
	ExpiredKey   RefusalReason = "expired_key"
	KeyInURL     RefusalReason = "key_in_url"
	MissingScope RefusalReason = "missing_scope"
	OtherProject RefusalReason = "other_project" // a good credential, for another project
	BadToken     RefusalReason = "bad_token"
	UsedToken    RefusalReason = "used_token"   // good for one request, and there was one
	BeyondToken  RefusalReason = "beyond_token" // a good one, which does not reach so far

	WrongJoinToken   RefusalReason = "wrong_join_token"
	ExpiredJoinToken RefusalReason = "expired_join_token"
	UsedJoinToken    RefusalReason = "used_join_token" // another node has joined with it
)

// Refusal is a request that was refused for its credential: the metadata of an
// eventlog.DashdRequestRefused event, and what the event says elsewhere. There is
// nothing in it of what the caller wrote, least of all of the credential.
type Refusal struct {
	ID     string        `json:"-"` // told again, it is one event
	At     int64         `json:"-"` // ms
	Peer   netip.Addr    `json:"-"` // the other end of the connection
	Method string        `json:"method"`
	Route  string        `json:"route"` // the pattern in the route table
	Reason RefusalReason `json:"reason"`
	// Whose credential it was, as far as that is known.
	Key     string `json:"keyId,omitempty"`
	User    string `json:"userId,omitempty"` // an application's user, with a token of his
	Project string `json:"projectId,omitempty"`
}

// RefusalCount is how many requests were refused that have no event of their own, in a
// time: the metadata of an eventlog.DashdRequestRefusals event.
type RefusalCount struct {
	ID      string                `json:"-"`
	At      int64                 `json:"-"`                 // ms
	Source  string                `json:"source,omitempty"`  // an IPv4 address or an IPv6 /64; "": of several
	Sources int                   `json:"sources,omitempty"` // how many, if Source is ""
	From    string                `json:"from"`
	Until   string                `json:"until"`
	Refused int                   `json:"refused"`
	Reasons map[RefusalReason]int `json:"reasons"`
}

// NoteRefusals puts refused requests into the audit trail. After an error some of them
// may be there; they may be noted again.
func (c *Commands) NoteRefusals(ctx context.Context, refusals []Refusal, counts []RefusalCount) error {
	events := make([]eventlog.Event, 0, len(refusals)+len(counts))
	for _, r := range refusals {
		e := c.refused(eventlog.DashdRequestRefused, r.Key, r.Project, r, r.ID, r.At)
		if user := eventlog.CleanText(r.User); len(user) <= eventlog.MaxRefLen {
			e.UserID = user
		}
		if r.Peer.IsValid() {
			e.IPAddress = r.Peer.String()
		}
		events = append(events, e)
	}
	for _, n := range counts {
		events = append(events, c.refused(eventlog.DashdRequestRefusals, "", "", n, n.ID, n.At))
	}
	for part := range slices.Chunk(events, block.GroupEvents) {
		if _, err := c.o.Reports.Append(ctx, part); err != nil {
			return fmt.Errorf("append: %w", waiting(err))
		}
	}
	return nil
}

// refused makes an event about refused requests, of the stream of the project they were
// to, if that is known.
func (c *Commands) refused(t eventlog.Type, key, project string, meta any, id string, at int64) eventlog.Event {
	if project == "" {
		project = eventlog.ReservedProject
	}
	e := c.event(t, projections.Principal{KeyID: key}, project, meta, id)
	e.Time, e.Status = at, eventlog.Failed
	return e
}
