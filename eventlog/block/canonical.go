package block

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"sync"

	"dashd/eventlog"
)

// canonicalVersion begins the canonical bytes of both parts.
const canonicalVersion = 1

// Domains of the hashes; the tree's inner nodes have 0x01.
const (
	leafDomain   = 0x00
	commitDomain = 0x02
)

// emptyPersonal is the length of a zero personal part: version, vocabulary, and
// the lengths of ten fields.
const emptyPersonal = 12

func uvarintLen(n int) int {
	size := 1
	for ; n >= 0x80; n >>= 7 {
		size++
	}
	return size
}

func fieldSize(n int) int { return uvarintLen(n) + n }

func personalSize(p *eventlog.Personal) int {
	return 2 + fieldSize(len(p.Metadata)) + fieldSize(len(p.IPAddress)) + fieldSize(len(p.UserAgent)) +
		fieldSize(len(p.City)) + fieldSize(len(p.Region)) + fieldSize(len(p.Country)) + fieldSize(len(p.Message)) +
		fieldSize(len(p.Origin.Type)) + fieldSize(len(p.Origin.DisplayName)) + fieldSize(len(p.Origin.RawIP)) +
		fieldSize(len(p.Sealed))
}

func appendField[T string | []byte](b []byte, s T) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// appendPersonal appends the canonical bytes of p, see [Commit].
func appendPersonal(b []byte, p *eventlog.Personal) []byte {
	b = append(b, canonicalVersion)
	b = appendField(b, p.Metadata)
	b = appendField(b, p.IPAddress)
	b = appendField(b, p.UserAgent)
	b = appendField(b, p.City)
	b = appendField(b, p.Region)
	b = appendField(b, p.Country)
	b = appendField(b, p.Message)
	b = append(b, byte(p.Origin.Vocabulary))
	b = appendField(b, p.Origin.Type)
	b = appendField(b, p.Origin.DisplayName)
	b = appendField(b, p.Origin.RawIP)
	return appendField(b, p.Sealed)
}

// personal is a parsed personal part. Its slices belong to the row.
type personal struct {
	metadata, ip, userAgent, city, region, country, message []byte
	vocabulary                                              byte
	typ, displayName, rawIP, sealed                         []byte
}

// parsePersonal accepts exactly what appendPersonal writes, so that the hash of
// row is the commit of what it says.
func parsePersonal(row []byte) (p personal, err error) {
	r := reader{rest: row}
	version := r.byte()
	p.metadata = r.field()
	p.ip = r.field()
	p.userAgent = r.field()
	p.city = r.field()
	p.region = r.field()
	p.country = r.field()
	p.message = r.field()
	p.vocabulary = r.byte()
	p.typ = r.field()
	p.displayName = r.field()
	p.rawIP = r.field()
	p.sealed = r.field()
	if r.bad || len(r.rest) != 0 || version != canonicalVersion || p.vocabulary > byte(eventlog.VocabularyDashd) {
		return p, fmt.Errorf("personal part: %w", errCorrupt)
	}
	return p, nil
}

// reader takes fields from the front of rest. Once bad, it stays so.
type reader struct {
	rest []byte
	bad  bool
}

func (r *reader) byte() byte {
	if len(r.rest) == 0 {
		r.bad = true
		return 0
	}
	c := r.rest[0]
	r.rest = r.rest[1:]
	return c
}

// field reads a length and that many bytes.
func (r *reader) field() []byte {
	if len(r.rest) > 0 {
		// Most lengths take one byte.
		if n := int(r.rest[0]); n < 0x80 && n < len(r.rest) {
			f := r.rest[1 : 1+n : 1+n]
			r.rest = r.rest[1+n:]
			return f
		}
	}
	return r.longField()
}

func (r *reader) longField() []byte {
	n, size := binary.Uvarint(r.rest)
	// A varint that ends in a zero byte is longer than it need be: the same
	// length in other bytes would be another hash.
	if size <= 0 || size > 1 && r.rest[size-1] == 0 || n > uint64(len(r.rest)-size) {
		r.bad, r.rest = true, nil
		return nil
	}
	f := r.rest[size : size+int(n) : size+int(n)]
	r.rest = r.rest[size+int(n):]
	return f
}

// hashText holds what is about to be hashed.
var hashTexts = sync.Pool{New: func() any { b := make([]byte, 0, 1024); return &b }}

// hashOf returns the hash of what fill appends to an empty slice.
func hashOf(fill func([]byte) []byte) [32]byte {
	buf := hashTexts.Get().(*[]byte)
	defer hashTexts.Put(buf)
	*buf = fill((*buf)[:0])
	return sha256.Sum256(*buf)
}

// Commit is SHA-256(0x02 || salt || personal part in canonical bytes), or
// e.Commit if e is erased.
//
// Canonical bytes of the personal part, version 1: 01; metadata, ipAddress,
// userAgent, city, region, country, message; one byte for origin.vocabulary;
// origin.type, origin.displayName, origin.rawIp, sealed. Each field is its length in
// bytes as an unsigned LEB128 number of the fewest bytes, then its bytes. An absent field
// has length 0.
func Commit(e *eventlog.Event) [32]byte {
	if e.Erased {
		return e.Commit
	}
	return hashOf(func(b []byte) []byte {
		b = append(b, commitDomain)
		b = append(b, e.Salt[:]...)
		return appendPersonal(b, &e.Personal)
	})
}

// Leaf is SHA-256(0x00 || public part in canonical bytes || commit): the leaf of
// the log's Merkle tree. It does not depend on r.Seq, and erasing r leaves it as it is.
//
// Canonical bytes of the public part, version 1: 01; receivedAt (8 bytes, as all
// numbers here least significant byte first); id, project, type; time (8); status, source,
// shown, givenId, givenTime (1 byte each); userId, sessionId, organizationId, actorId, key,
// countryCode. Text is written as in [Commit].
func Leaf(r *eventlog.Record) [32]byte {
	commit := Commit(&r.Event)
	return hashOf(func(b []byte) []byte {
		b = append(b, leafDomain, canonicalVersion)
		b = binary.LittleEndian.AppendUint64(b, uint64(r.ReceivedAt))
		b = appendField(b, r.ID)
		b = appendField(b, r.Project)
		b = appendField(b, string(r.Type))
		b = binary.LittleEndian.AppendUint64(b, uint64(r.Time))
		b = append(b, byte(r.Status), byte(r.Source), byte(r.Shown), oneIf(r.GivenID), oneIf(r.GivenTime))
		b = appendField(b, r.UserID)
		b = appendField(b, r.SessionID)
		b = appendField(b, r.OrganizationID)
		b = appendField(b, r.ActorID)
		b = appendField(b, r.Key)
		b = appendField(b, r.CountryCode)
		return append(b, commit[:]...)
	})
}

func oneIf(v bool) byte {
	if v {
		return 1
	}
	return 0
}

// IDHash identifies (project, id) in the index of given ids: the first 16 bytes
// of SHA-256(len(project) as uint8 || project || id).
func IDHash(project, id string) [16]byte {
	var buf [256]byte
	b := append(buf[:0], byte(len(project)))
	b = append(b, project...)
	sum := sha256.Sum256(append(b, id...))
	return [16]byte(sum[:16])
}
