package relay

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"

	"dashd/eventlog"
	"dashd/eventlog/block"
	"dashd/internal/appender"
	"dashd/internal/errs"
	"dashd/projections"
)

// version is that of the forms of this file.
const version = 1

// MaxRequest bounds an append request, in bytes.
const MaxRequest = senderBytes + block.MaxBytes

const (
	senderBytes = 1 + 1 + len(projections.KeyHash{}) + 8
	maxAnswer   = 1 + binary.MaxVarintLen64*(1+block.GroupEvents)
	// maxText bounds the text of the events of a request once they are unpacked. It leaves room for all that a
	// node appends at once, of which little is more than a block.
	maxText = 8 << 20
)

// by says who stands behind an append. The values are in the wire form.
type by byte

const (
	byNode     by = 0 // the node that asks, about itself
	byKey      by = 1 // whoever holds an API key
	byOperator by = 2 // the operator of the machine, over its admin socket
)

// sender is who stands behind an append.
type sender struct {
	kind   by
	key    projections.KeyHash // byKey
	access uint64              // the seq of the image that the key was found in; the leader's is to hold as much
}

// An append request:
//
//	offset  bytes
//	     0      1  version (1)
//	     1      1  who stands behind it: 0 the node itself, 1 a key, 2 an operator
//	     2     32  the key's hash; zero without one
//	    34      8  seq of the sender's image of the keys, big-endian
//	    42      …  a sealed block of the events (package eventlog/block), with a hash over all of it
func appendRequest(dst []byte, from sender, sealed []byte) []byte {
	dst = append(dst, version, byte(from.kind))
	dst = append(dst, from.key[:]...)
	dst = binary.BigEndian.AppendUint64(dst, from.access)
	return append(dst, sealed...)
}

// encodeRequest makes the request for events that have ids and salts.
func encodeRequest(node string, now int64, from sender, events []eventlog.Event) ([]byte, error) {
	group, err := block.AppendGroup(nil, events)
	if err != nil {
		return nil, fmt.Errorf("encode events: %w", err)
	}
	sealed, err := block.Seal(block.Header{Proposer: node, ReceivedAt: now}, group)
	if err != nil {
		return nil, fmt.Errorf("encode events: %w", err)
	}
	return appendRequest(make([]byte, 0, senderBytes+len(sealed)), from, sealed), nil
}

// decodeRequest reads a request. Whatever its bytes, memory is bounded; what it returns
// keeps none of them.
func decodeRequest(b []byte) (sender, []eventlog.Event, error) {
	from := sender{}
	if len(b) < senderBytes || len(b) > MaxRequest {
		return from, nil, malformed(fmt.Errorf("%d bytes", len(b)))
	}
	if b[0] != version {
		return from, nil, errs.New(errs.Invalid, CodeVersion, "version %d of append requests is not known here", b[0])
	}
	from.kind = by(b[1])
	copy(from.key[:], b[2:])
	from.access = binary.BigEndian.Uint64(b[2+len(from.key):])
	if from.kind > byOperator || (from.kind == byKey) != (from.key != projections.KeyHash{}) {
		return from, nil, malformed(errors.New("nobody stands behind it"))
	}
	sealed, err := block.Open(b[senderBytes:])
	if err != nil {
		return from, nil, malformed(err)
	}
	if n := sealed.Len(); n == 0 || n > block.GroupEvents {
		return from, nil, malformed(fmt.Errorf("%d events", n))
	}
	events := make([]eventlog.Event, 0, sealed.Len())
	text := 0
	err = sealed.Each(1, func(rec *eventlog.Record) error {
		if text += textBytes(&rec.Event); text > maxText {
			return fmt.Errorf("more than %d bytes of text", maxText)
		}
		e := rec.Event
		e.Metadata, e.Sealed = bytes.Clone(e.Metadata), bytes.Clone(e.Sealed) // the next event overwrites them
		events = append(events, e)
		return nil
	})
	if err != nil {
		return from, nil, malformed(err)
	}
	return from, events, nil
}

// CodeMalformed and CodeVersion are the codes of requests that cannot be read.
const (
	CodeMalformed = "MALFORMED_APPEND"
	CodeVersion   = "UNKNOWN_VERSION"
)

func malformed(err error) error {
	return errs.Wrap(err, errs.Invalid, CodeMalformed, "the append request cannot be read")
}

// textBytes is about how much memory an event's text takes.
func textBytes(e *eventlog.Event) int {
	return len(e.ID) + len(e.Key) + len(e.UserID) + len(e.ActorID) + len(e.SessionID) + len(e.OrganizationID) +
		len(e.Metadata) + len(e.UserAgent) + len(e.City) + len(e.Region) + len(e.Country) + len(e.Message) +
		len(e.Origin.Type) + len(e.Origin.DisplayName) + len(e.Origin.RawIP) + len(e.Sealed)
}

// What a result's seq carries in its lowest bits.
const (
	flagDuplicate = 1 << 0
	flagConflict  = 1 << 1
	flagBits      = 2
)

// An answer: version (1), number of results, and for each its seq, shifted over two bits, the
// lower of which says that it is a duplicate, the other that it is a conflict. Numbers are uvarints.
func appendResults(dst []byte, results []appender.Result) []byte {
	dst = append(dst, version)
	dst = binary.AppendUvarint(dst, uint64(len(results)))
	for _, r := range results {
		v := r.Seq << flagBits
		if r.Duplicate {
			v |= flagDuplicate
		}
		if r.Conflict {
			v |= flagConflict
		}
		dst = binary.AppendUvarint(dst, v)
	}
	return dst
}

// decodeResults reads the answer to n events.
func decodeResults(b []byte, n int) ([]appender.Result, error) {
	if len(b) == 0 || b[0] != version {
		return nil, errors.New("relay: an answer of another version")
	}
	b = b[1:]
	next := func() (v uint64, ok bool) {
		v, size := binary.Uvarint(b)
		if size <= 0 {
			return 0, false
		}
		b = b[size:]
		return v, true
	}
	if many, ok := next(); !ok || many != uint64(n) {
		return nil, fmt.Errorf("relay: an answer of %d results for %d events", many, n)
	}
	results := make([]appender.Result, n)
	for i := range results {
		v, ok := next()
		r := appender.Result{Seq: v >> flagBits, Duplicate: v&flagDuplicate != 0, Conflict: v&flagConflict != 0}
		if !ok || r.Seq == 0 || r.Duplicate && r.Conflict {
			return nil, fmt.Errorf("relay: result %d cannot be read", i)
		}
		results[i] = r
	}
	if len(b) > 0 {
		return nil, fmt.Errorf("relay: %d bytes after the results", len(b))
	}
	return results, nil
}
