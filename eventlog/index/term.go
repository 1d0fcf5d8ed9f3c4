package index

import (
	"crypto/sha256"
	"encoding/binary"

	"dashd/eventlog"
	"dashd/eventlog/block"
)

// Field names what a term is about.
type Field uint8

// The indexed fields.
const (
	User Field = iota + 1
	Key
	Organization
	Session
	Actor
	IP
	Country
)

// numFields is the number of fields; a field's number less one is its place in
// arrays by field.
const numFields = int(Country)

// columns are the block columns of the fields, letters their names in keys.
var columns = [numFields]block.Column{
	block.ColUser, block.ColKey, block.ColOrganization, block.ColSession, block.ColActor, block.ColIP, block.ColCountry,
}

const (
	letters       = "ueosaic"
	guideLetters  = "UEOSAIC"
	letterKinds   = 'k'
	letterTimes   = 't'
	letterSegment = 'm'
	letterHours   = 'h' // only in the cache
)

// of returns the field's value in e.
func (f Field) of(e *eventlog.Event) string {
	switch f {
	case User:
		return e.UserID
	case Key:
		return e.Key
	case Organization:
		return e.OrganizationID
	case Session:
		return e.SessionID
	case Actor:
		return e.ActorID
	case IP:
		return e.IPAddress
	case Country:
		return e.CountryCode
	}
	return ""
}

// Term is one exact value of one field. The empty value is no value: no event
// has it.
type Term struct {
	Field Field
	Value string
}

// term is a Term of a query's project as segments know it.
type term struct {
	field int // from 0
	hash  uint64
}

// appendTerm appends the text that a term's hash is made of. The project is part
// of it, so that whoever chooses the values of one project cannot aim at the
// terms of another; the field is not, because every field has its own column
// and table.
func appendTerm[P, V string | []byte](dst []byte, project P, value V) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(project)))
	dst = append(dst, project...)
	return append(dst, value...)
}

// hashTerm is the first 8 bytes of the SHA-256 of text, never 0: 0 stands for
// the absent value.
func hashTerm(text []byte) uint64 {
	sum := sha256.Sum256(text)
	return max(binary.LittleEndian.Uint64(sum[:8]), 1)
}

// hasher hashes the values of a group's dictionary, each at most once while
// neighbouring rows are of one project. Only Run's goroutine uses it.
type hasher struct {
	cells [1 << 16]cell // by dictionary reference: none is out of range
	group uint64        // cells of other groups are void
	text  []byte
}

type cell struct {
	group   uint64
	hash    uint64
	project uint16
}

// next forgets the group before.
func (h *hasher) next() { h.group++ }

// hash returns the hash of dictionary entry ref as a value of the project that
// entry project names.
func (h *hasher) hash(g *block.Group, project, ref uint16) uint64 {
	c := &h.cells[ref]
	if c.group != h.group || c.project != project {
		h.text = appendTerm(h.text[:0], g.Dict(project), g.Dict(ref))
		*c = cell{group: h.group, hash: hashTerm(h.text), project: project}
	}
	return c.hash
}
