package commands

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"unicode"
	"unicode/utf8"

	"dashd/eventlog"
	"dashd/internal/errs"
	"dashd/projections"
)

// event makes an event of the reserved project. It is about one thing, named by
// things, from which its id derives; project is the stream it belongs to.
func (c *Commands) event(t eventlog.Type, by projections.Principal, project string, meta any, things ...string) eventlog.Event {
	text, err := json.Marshal(meta)
	if err != nil {
		panic(err) // metadata is strings and numbers
	}
	return eventlog.Event{
		ID:      derive(append([]string{string(t)}, things...)...),
		GivenID: true,
		Project: eventlog.ReservedProject,
		Type:    t,
		Time:    c.o.Now(),
		Status:  eventlog.Success,
		Source:  eventlog.SourceAPI,
		ActorID: by.KeyID,
		Key:     project,
		Personal: eventlog.Personal{
			Metadata: text,
			Origin:   eventlog.Origin{Vocabulary: eventlog.VocabularyDashd},
		},
	}
}

// derive turns names into an id, without ambiguity: the SHA-256 of the names, each
// with its length in front, in hex. Ids are on disk: what was once made must be made
// again from the same names.
func derive(names ...string) string {
	h := sha256.New()
	for _, n := range names {
		var size [4]byte
		binary.BigEndian.PutUint32(size[:], uint32(len(n)))
		h.Write(size[:])
		h.Write([]byte(n))
	}
	return hex.EncodeToString(h.Sum(nil))
}

// requestID identifies a request by who made it, its Idempotency-Key and what it
// asks for. It is empty without an Idempotency-Key: such a request is never a repeat.
func requestID(by projections.Principal, idempotencyKey string, asked ...string) string {
	if idempotencyKey == "" {
		return ""
	}
	return derive(append([]string{"request", by.KeyID, idempotencyKey}, asked...)...)
}

// maxName is the length of a name people give to a thing, in bytes.
const maxName = 100

// checkName refuses names that cannot be shown on one line.
func checkName(name string) error {
	if len(name) > maxName || !utf8.ValidString(name) {
		return errs.New(errs.Invalid, "INVALID_NAME", "a name is at most %d bytes of UTF-8", maxName)
	}
	for _, r := range name {
		if !unicode.IsGraphic(r) {
			return errs.New(errs.Invalid, "INVALID_NAME", "a name holds no control characters")
		}
	}
	return nil
}
