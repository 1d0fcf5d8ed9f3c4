package block

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"sync"

	"github.com/klauspost/compress/s2"

	"dashd/eventlog"
)

// decoder is what reading events works with. Only one call uses it at a time.
type decoder struct {
	text    []byte   // of a sub-block
	words   []string // of the group: the entries asked for so far
	strings interner
	rec     eventlog.Record
}

var decoders = sync.Pool{New: func() any { return new(decoder) }}

func (d *decoder) release() {
	d.rec = eventlog.Record{}
	clear(d.words)
	decoders.Put(d)
}

// Each calls fn for every event in order, with ReceivedAt and Seq = first + i
// set. The record is reused: fn must not keep it, but may keep its strings; its byte
// slices (Metadata, Sealed) are valid during the call only.
func (b *Block) Each(first uint64, fn func(*eventlog.Record) error) error {
	d := decoders.Get().(*decoder)
	defer d.release()
	for gi := range b.groups {
		g := &b.groups[gi]
		d.enter(g)
		for k := range g.subs() {
			rows, err := d.open(g, k)
			if err != nil {
				return fmt.Errorf("block: group %d: %w", gi, err)
			}
			for rows.next() {
				d.rec.Seq = first + uint64(g.first+rows.i)
				d.rec.ReceivedAt = b.ReceivedAt
				if err := d.event(&d.rec.Event, &rows); err != nil {
					return fmt.Errorf("block: group %d, row %d: %w", gi, rows.i, err)
				}
				if err := fn(&d.rec); err != nil {
					return err
				}
			}
			if rows.err != nil {
				return fmt.Errorf("block: group %d, row %d: %w", gi, rows.i, rows.err)
			}
		}
	}
	return nil
}

// Event decodes event i (0-based). The strings it returns are copies.
func (b *Block) Event(i int) (eventlog.Event, error) {
	if i < 0 || i >= b.n {
		return eventlog.Event{}, fmt.Errorf("block: no event %d of %d", i, b.n)
	}
	g := b.group(i)
	d := decoders.Get().(*decoder)
	defer d.release()
	d.enter(g)
	var e eventlog.Event
	rows, err := d.open(g, (i-g.first)/SubEvents)
	if err != nil {
		return e, fmt.Errorf("block: event %d: %w", i, err)
	}
	for rows.next() {
		if rows.i < i-g.first {
			continue
		}
		if err := d.event(&e, &rows); err != nil {
			return eventlog.Event{}, fmt.Errorf("block: event %d: %w", i, err)
		}
		e.Metadata, e.Sealed = bytes.Clone(e.Metadata), bytes.Clone(e.Sealed)
		return e, nil
	}
	return e, fmt.Errorf("block: event %d: %w", i, rows.err)
}

// enter prepares for the words of g.
func (d *decoder) enter(g *Group) {
	clear(d.words)
	if n := g.DictLen(); n > cap(d.words) {
		d.words = make([]string, n)
	} else {
		d.words = d.words[:n]
	}
}

// word returns row i of a string column.
func (d *decoder) word(g *Group, c Column, i int) string {
	ref := g.Ref(c, i)
	if ref == 0 || int(ref) >= len(d.words) {
		return ""
	}
	w := &d.words[ref]
	if *w == "" {
		*w = d.strings.of(g.Dict(ref))
	}
	return *w
}

// open decompresses sub-block k of g. The rows are good until the next open.
func (d *decoder) open(g *Group, k int) (subRows, error) {
	salts, packed, live, err := g.sub(k)
	r := subRows{g: g, i: k*SubEvents - 1, end: min((k+1)*SubEvents, g.Len()), salts: salts}
	if err != nil || live == 0 {
		return r, err
	}
	n, err := textLen(packed)
	if err != nil {
		return r, fmt.Errorf("sub-block %d: %w", k, err)
	}
	if n > cap(d.text) {
		d.text = make([]byte, n)
	}
	r.text, err = s2.Decode(d.text[:cap(d.text)], packed)
	if err != nil {
		return r, fmt.Errorf("sub-block %d: %w", k, err)
	}
	return r, nil
}

// subRows walks over the rows of a sub-block.
type subRows struct {
	g     *Group
	i     int // the row next came to, counted in the group
	end   int
	salts []byte // of the rows not yet reached
	text  []byte // the same
	err   error

	salt   []byte // of this row; its commit if erased
	row    []byte // its personal part, nil if erased
	erased bool
}

// next goes to the next row, if there is one and nothing is wrong.
func (r *subRows) next() bool {
	r.i++
	if r.i >= r.end {
		if len(r.text) != 0 {
			r.err = fmt.Errorf("text behind the last row: %w", errCorrupt)
		}
		return false
	}
	r.erased = r.g.Erased(r.i)
	if r.erased {
		r.salt, r.salts, r.row = r.salts[:commitBytes], r.salts[commitBytes:], nil
		return true
	}
	r.salt, r.salts = r.salts[:saltBytes], r.salts[saltBytes:]
	n, size := binary.Uvarint(r.text)
	if size <= 0 || n > maxPersonal || n > uint64(len(r.text)-size) {
		r.err = errShort
		return false
	}
	r.row, r.text = r.text[size:size+int(n)], r.text[size+int(n):]
	return true
}

// event fills e with the row r is at. Its byte slices belong to the decoder.
func (d *decoder) event(e *eventlog.Event, r *subRows) error {
	g, i := r.g, r.i
	*e = eventlog.Event{
		ID:             g.ID(i),
		Project:        d.word(g, ColProject, i),
		Type:           eventlog.Type(d.word(g, ColType, i)),
		Time:           g.Time(i),
		Status:         g.Status(i),
		Source:         g.Source(i),
		Shown:          g.Shown(i),
		UserID:         d.word(g, ColUser, i),
		SessionID:      d.word(g, ColSession, i),
		OrganizationID: d.word(g, ColOrganization, i),
		ActorID:        d.word(g, ColActor, i),
		Key:            d.word(g, ColKey, i),
		CountryCode:    d.word(g, ColCountry, i),
		GivenID:        g.GivenID(i),
		GivenTime:      g.GivenTime(i),
		Erased:         r.erased,
	}
	if r.erased {
		copy(e.Commit[:], r.salt)
		return nil
	}
	copy(e.Salt[:], r.salt)
	p, err := parsePersonal(r.row)
	if err != nil {
		return err
	}
	e.IPAddress = d.word(g, ColIP, i)
	if e.IPAddress != string(p.ip) {
		return fmt.Errorf("the index has another address: %w", errCorrupt)
	}
	e.UserAgent = d.strings.of(p.userAgent)
	e.City = d.strings.of(p.city)
	e.Region = d.strings.of(p.region)
	e.Country = d.strings.of(p.country)
	e.Message = d.strings.of(p.message)
	e.Origin = eventlog.Origin{
		Vocabulary:  eventlog.Vocabulary(p.vocabulary),
		Type:        d.strings.of(p.typ),
		DisplayName: d.strings.of(p.displayName),
		RawIP:       d.strings.of(p.rawIP),
	}
	if len(p.metadata) > 0 {
		e.Metadata = p.metadata
	}
	if len(p.sealed) > 0 {
		e.Sealed = p.sealed
	}
	return nil
}
