package block

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"sync"

	"dashd/eventlog"
)

// decoder is what reading events works with. Only one call uses it at a time.
type decoder struct {
	g       *Group
	sub     int               // the open sub-block of g
	sums    Sums              // of the sub-blocks of the group in work; nil: they need no look
	rows    [SubEvents]subRow // its rows
	text    []byte            // what its rows point into
	words   []string          // the dictionary of g: the entries asked for so far
	p       personal          // of the row in work
	id      []byte            // of the row in work, if it is lent
	strings interner
	rec     eventlog.Record
}

// subRow is the part of a row that stands in a sub-block.
type subRow struct {
	salt     []byte // its commit if erased
	personal []byte // canonical bytes; nil if erased
}

const keepText = 256 << 10 // more than ordinary sub-blocks need

var decoders = sync.Pool{New: func() any { return new(decoder) }}

func newDecoder() *decoder { return decoders.Get().(*decoder) }

func (d *decoder) release() {
	clear(d.words)
	clear(d.rows[:])
	d.g, d.sums, d.rec, d.p = nil, nil, eventlog.Record{}, personal{}
	if cap(d.text) > keepText {
		d.text = nil
	}
	decoders.Put(d)
}

// Each calls fn for every event in order, with ReceivedAt and Seq = first + i
// set. The record is reused: fn must not keep it, but may keep its strings; its byte
// slices (Metadata, Sealed) are valid during the call only. It stops at the first
// error, fn's or its own.
func (b *Block) Each(first uint64, fn func(*eventlog.Record) error) error {
	return b.each((*decoder).event, first, fn)
}

func (b *Block) each(read readEvent, first uint64, fn func(*eventlog.Record) error) error {
	d := newDecoder()
	defer d.release()
	for gi := range b.groups {
		g := &b.groups[gi]
		for i := range int(g.n) {
			if err := b.visit(d, read, g, i, first, fn); err != nil {
				return err
			}
		}
	}
	return nil
}

// Select is Each for the events at the given offsets in the block, in that order. Offsets that
// are near each other share a decompression if they follow each other.
func (b *Block) Select(first uint64, offsets []int, fn func(*eventlog.Record) error) error {
	return b.selected((*decoder).event, first, offsets, fn)
}

func (b *Block) selected(read readEvent, first uint64, offsets []int, fn func(*eventlog.Record) error) error {
	d := newDecoder()
	defer d.release()
	var g *Group
	for _, at := range offsets {
		if err := b.checkOffset(at); err != nil {
			return err
		}
		if g == nil || at < g.first || at >= g.first+int(g.n) {
			g = b.group(at)
		}
		if err := b.visit(d, read, g, at-g.first, first, fn); err != nil {
			return err
		}
	}
	return nil
}

func (b *Block) checkOffset(at int) error {
	if at < 0 || at >= b.n {
		return fmt.Errorf("block: no event %d of %d", at, b.n)
	}
	return nil
}

// Event decodes event i (0-based). What it returns shares no memory with the block.
func (b *Block) Event(i int) (e eventlog.Event, err error) {
	err = b.Select(0, []int{i}, func(r *eventlog.Record) error {
		e = r.Event
		e.Metadata, e.Sealed = bytes.Clone(e.Metadata), bytes.Clone(e.Sealed)
		return nil
	})
	return e, err
}

// readEvent fills e with row i of g. The byte slices of e belong to d.
type readEvent func(d *decoder, e *eventlog.Event, g *Group, i int) error

// visit calls fn with row i of g.
func (b *Block) visit(d *decoder, read readEvent, g *Group, i int, first uint64, fn func(*eventlog.Record) error) error {
	if err := b.read(d, read, &d.rec, g, i, first); err != nil {
		return err
	}
	return fn(&d.rec)
}

// read makes r row i of g.
func (b *Block) read(d *decoder, read readEvent, r *eventlog.Record, g *Group, i int, first uint64) error {
	r.Seq, r.ReceivedAt = first+uint64(g.first+i), b.ReceivedAt
	if err := read(d, &r.Event, g, i); err != nil {
		return fmt.Errorf("block: event %d: %w", g.first+i, err)
	}
	return nil
}

// open decompresses sub-block k of g, unless it is open already.
func (d *decoder) open(g *Group, k int) error {
	if d.g == g && d.sub == k {
		return nil
	}
	d.g = nil // until all rows are there
	salts, packed, live, err := g.sub(k)
	if err != nil {
		return err
	}
	if d.sums != nil && subSum(salts, packed) != d.sums[k] {
		return fmt.Errorf("sub-block %d: %w", k, ErrChanged)
	}
	rest, err := d.unpack(packed, live)
	if err != nil {
		return fmt.Errorf("sub-block %d: %w", k, err)
	}
	for i, f := range g.flags(k*SubEvents, min((k+1)*SubEvents, int(g.n))) {
		row := &d.rows[i]
		if f&flagErased != 0 {
			row.salt, salts, row.personal = salts[:commitBytes], salts[commitBytes:], nil
			continue
		}
		row.salt, salts = salts[:saltBytes], salts[saltBytes:]
		n, size := binary.Uvarint(rest)
		if size <= 0 || n > maxPersonal || n > uint64(len(rest)-size) {
			return fmt.Errorf("sub-block %d: %w", k, errShort)
		}
		row.personal, rest = rest[size:size+int(n)], rest[size+int(n):]
	}
	if len(rest) != 0 {
		return fmt.Errorf("sub-block %d: %w", k, errCorrupt)
	}
	d.g, d.sub = g, k
	return nil
}

// unpack decompresses the s2 block of a sub-block into d.text.
func (d *decoder) unpack(packed []byte, live int) ([]byte, error) {
	if live == 0 {
		return nil, nil
	}
	n, err := textLen(packed)
	if err != nil {
		return nil, err
	}
	if n > cap(d.text) {
		d.text = make([]byte, n)
	}
	return decompress(d.text[:cap(d.text)], packed, live)
}

// setWords prepares for the dictionary of g.
func (d *decoder) setWords(g *Group) {
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

// event is readEvent of everything.
func (d *decoder) event(e *eventlog.Event, g *Group, i int) error {
	if d.g != g {
		d.setWords(g)
	}
	if err := d.open(g, i/SubEvents); err != nil {
		return err
	}
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
		Erased:         g.Erased(i),
	}
	row := &d.rows[i%SubEvents]
	if e.Erased {
		copy(e.Commit[:], row.salt)
		return nil
	}
	copy(e.Salt[:], row.salt)
	if err := d.personal(g, i, row); err != nil {
		return err
	}
	e.IPAddress = d.word(g, ColIP, i)
	d.fill(&e.Personal)
	return nil
}

// personal parses the personal part of row i of g into d.p, and compares it with the address
// in its column.
func (d *decoder) personal(g *Group, i int, row *subRow) error {
	if err := d.p.parse(row.personal); err != nil {
		return err
	}
	if !bytes.Equal(d.p.ip, g.Dict(g.Ref(ColIP, i))) {
		return fmt.Errorf("address: %w", errCorrupt)
	}
	return nil
}

// fill sets what e has besides the address.
func (d *decoder) fill(e *eventlog.Personal) {
	p := &d.p
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
	e.Metadata, e.Sealed = nonEmpty(p.metadata), nonEmpty(p.sealed)
}
