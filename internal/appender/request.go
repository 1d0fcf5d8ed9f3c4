package appender

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"strings"
	"sync"

	"github.com/google/uuid"

	"dashd/eventlog"
	"dashd/eventlog/block"
	"dashd/internal/errs"
)

const (
	// A request of this many events, or bytes, is encoded by its own goroutine.
	// Smaller ones are encoded together, because a dictionary and a compressor
	// that see little save little.
	encodeEvents = 32
	encodeBytes  = 32 << 10

	// What the encoding of an event may take beyond its text: its row of every
	// column, its salt, the lengths of its texts, the compressor's overhead.
	eventOverhead = 192
	// The header of a group, its length in the block, and its sub-blocks' ends.
	groupOverhead = 256
)

// request is one call of Append.
type request struct {
	events []eventlog.Event // not changed once queued
	term   uint64           // the only one to be written in; 0: any
	hashes [][16]byte       // of given ids, by event; nil if there is none
	group  []byte           // the events encoded; nil: to be encoded with others
	bytes  int              // what it adds to a block, at most
	memory int64            // what it holds while it waits

	// Only Run's goroutine until the block is formed, then the block's.
	drop   []bool             // events that will not be written; nil: none
	found  []*eventlog.Record // what the log held already under an event's id; nil: nothing
	at     uint64             // offset in the block of the first event that is written
	failed error              // the request cannot be encoded

	// Each result is written by the one block that decides it.
	results []Result

	mu    sync.Mutex
	parts int           // outcomes that are still open
	err   error         // the first error among them
	done  chan struct{} // closed when parts is 0; results and err do not change after
}

// prepare does what needs no order among requests: identity, salts, hashes, and
// the encoding of a large request.
func (a *Appender) prepare(events []eventlog.Event) (*request, error) {
	if err := a.Identify(events); err != nil {
		return nil, err
	}
	r := &request{
		events:  events,
		results: make([]Result, len(events)),
		done:    make(chan struct{}),
		bytes:   groupOverhead,
	}
	for i := range events {
		e := &events[i]
		r.bytes += textBytes(e) + eventOverhead
		if e.GivenID {
			if r.hashes == nil {
				r.hashes = make([][16]byte, len(events))
			}
			r.hashes[i] = block.IDHash(e.Project, e.ID)
		}
	}
	r.memory = int64(r.bytes)
	if len(events) < encodeEvents && r.bytes < encodeBytes {
		return r, nil
	}
	group, err := block.AppendGroup(nil, events)
	if err != nil {
		return nil, notEncoded(err)
	}
	r.group = group
	r.bytes = len(group) + groupOverhead
	r.memory += int64(len(group))
	if size := block.SealedSize(block.Header{Proposer: a.opts.NodeID}, 1, len(group)); size > block.MaxBytes {
		return nil, errs.New(errs.TooLarge, CodeTooLarge, "the events of the request take %d bytes together; at most %d fit", size, block.MaxBytes)
	}
	return r, nil
}

// notEncoded keeps the kind of an encoder's error that has one (TooLarge). Others
// mean that an event was not checked.
func notEncoded(err error) error {
	return fmt.Errorf("encode events: %w", err)
}

// Identify fills in the ids and salts that events lack, as Append does: for those who send them to an appender
// elsewhere. One read of the random source serves all, for it is a system call.
func (a *Appender) Identify(events []eventlog.Event) error {
	const idBytes, saltBytes = 10, 16
	need, lacking := 0, 0
	for i := range events {
		if events[i].ID == "" {
			lacking++
			need += idBytes
		}
		if !events[i].Erased && events[i].Salt == [16]byte{} {
			need += saltBytes
		}
	}
	if need == 0 {
		return nil
	}
	random := make([]byte, need)
	if _, err := rand.Read(random); err != nil {
		return fmt.Errorf("read random bytes: %w", err)
	}
	now := a.Now()
	var made strings.Builder // one string for all ids
	made.Grow(lacking * uuidText)
	for i := range events {
		e := &events[i]
		if e.ID == "" {
			id := newID(now, random[:idBytes])
			made.Write(id[:])
			random = random[idBytes:]
		}
		if !e.Erased && e.Salt == [16]byte{} {
			random = random[copy(e.Salt[:], random):]
		}
	}
	ids := made.String()
	for i := range events {
		if e := &events[i]; e.ID == "" {
			e.ID, e.GivenID, ids = ids[:uuidText], false, ids[uuidText:]
		}
	}
	return nil
}

// uuidText is the length of a UUID as text.
const uuidText = 36

// newID is a UUIDv7 of a moment in ms, with 10 random bytes of which 74 bits count.
func newID(ms int64, random []byte) (text [uuidText]byte) {
	var u uuid.UUID
	var t [8]byte
	binary.BigEndian.PutUint64(t[:], uint64(ms))
	copy(u[:6], t[2:])
	copy(u[6:], random)
	u[6] = u[6]&0x0f | 7<<4    // version
	u[8] = u[8]&0x3f | 2<<6    // variant
	form, _ := u.MarshalText() // of which there is no error
	copy(text[:], form)
	return text
}

// textBytes is the length of all text of e.
func textBytes(e *eventlog.Event) int {
	return len(e.ID) + len(e.Project) + len(e.Type) + len(e.UserID) + len(e.SessionID) +
		len(e.OrganizationID) + len(e.ActorID) + len(e.Key) + len(e.CountryCode) +
		len(e.Metadata) + 2*len(e.IPAddress) + // it stands in a column as well
		len(e.UserAgent) + len(e.City) + len(e.Region) + len(e.Country) + len(e.Message) +
		len(e.Origin.Type) + len(e.Origin.DisplayName) + len(e.Origin.RawIP) + len(e.Sealed)
}

// dropped says that event i will not be written.
func (r *request) dropped(i int) bool { return r.drop != nil && r.drop[i] }

func (r *request) dropEvent(i int) {
	if r.drop == nil {
		r.drop = make([]bool, len(r.events))
	}
	r.drop[i] = true
}

// kept returns the events that are to be written.
func (r *request) kept() []eventlog.Event {
	if r.drop == nil {
		return r.events
	}
	var out []eventlog.Event
	for i := range r.events {
		if !r.drop[i] {
			out = append(out, r.events[i])
		}
	}
	return out
}

// expect adds an outcome to wait for.
func (r *request) expect() {
	r.mu.Lock()
	r.parts++
	r.mu.Unlock()
}

// settle notes an outcome, whose results have been written. The first error is
// the request's.
func (r *request) settle(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err == nil {
		r.err = err
	}
	if r.parts--; r.parts == 0 {
		close(r.done)
	}
}
