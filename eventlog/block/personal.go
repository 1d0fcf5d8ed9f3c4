package block

import (
	"encoding/binary"
	"fmt"

	"dashd/eventlog"
)

// emptyPersonal is the length of a zero personal part: version, vocabulary, and
// the lengths of eleven fields.
const emptyPersonal = 13

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

// parse accepts exactly what appendPersonal writes, so that the hash of row is the
// commit of what it says.
func (p *personal) parse(row []byte) error {
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
		return fmt.Errorf("personal part: %w", errCorrupt)
	}
	return nil
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
