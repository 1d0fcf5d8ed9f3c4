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

// hashTexts hold what is about to be hashed.
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
		return append(appendPublic(b, r.ReceivedAt, r.Time, flagsOf(&r.Event), [...]string{
			r.ID, r.Project, string(r.Type),
			r.UserID, r.SessionID, r.OrganizationID, r.ActorID, r.Key, r.CountryCode,
		}), commit[:]...)
	})
}

// appendPublic appends a leaf's text up to the commit. text is in canonical order.
func appendPublic[T string | []byte](b []byte, receivedAt, time int64, flags byte, text [9]T) []byte {
	b = append(b, leafDomain, canonicalVersion)
	b = binary.LittleEndian.AppendUint64(b, uint64(receivedAt))
	for _, t := range text[:3] {
		b = appendField(b, t)
	}
	b = binary.LittleEndian.AppendUint64(b, uint64(time))
	bit := func(mask byte) byte { return min(flags&mask, 1) } // 0 or 1
	b = append(b, bit(flagFailed), bit(flagAPI), flags&shownMask>>shownShift, bit(flagGivenID), bit(flagGivenTime))
	for _, t := range text[3:] {
		b = appendField(b, t)
	}
	return b
}

// AppendLeaves appends the leaves of all events, in order: what [Leaf] returns for the
// records of Each, without making those.
func (b *Block) AppendLeaves(dst [][32]byte) ([][32]byte, error) {
	d := newDecoder()
	defer d.release()
	for gi := range b.groups {
		g := &b.groups[gi]
		for i := range int(g.n) {
			commit, err := d.commit(g, i)
			if err != nil {
				return dst, fmt.Errorf("block: event %d: %w", g.first+i, err)
			}
			dst = append(dst, g.leaf(i, b.ReceivedAt, commit))
		}
	}
	return dst, nil
}

// commit is Commit of row i.
func (d *decoder) commit(g *Group, i int) ([32]byte, error) {
	if err := d.open(g, i/SubEvents); err != nil {
		return [32]byte{}, err
	}
	row := &d.rows[i%SubEvents]
	if g.Erased(i) {
		return [32]byte(row.salt), nil
	}
	if err := d.personal(g, i, row); err != nil {
		return [32]byte{}, err
	}
	return hashOf(func(b []byte) []byte {
		return append(append(append(b, commitDomain), row.salt...), row.personal...)
	}), nil
}

// leaf is Leaf of row i.
func (g *Group) leaf(i int, receivedAt int64, commit [32]byte) [32]byte {
	word := func(c Column) []byte { return g.Dict(g.Ref(c, i)) }
	return hashOf(func(b []byte) []byte {
		var id [36]byte
		return append(appendPublic(b, receivedAt, g.Time(i), g.flag(i), [...][]byte{
			g.appendID(id[:0], i), word(ColProject), word(ColType),
			word(ColUser), word(ColSession), word(ColOrganization), word(ColActor), word(ColKey), word(ColCountry),
		}), commit[:]...)
	})
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
