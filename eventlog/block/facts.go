package block

import (
	"unsafe"

	"dashd/eventlog"
)

// SelectFacts is Select for those who fold what happened, which it makes in half the time.
// It leaves out what identifies and shows an event, and proves it: ID, Key, Region,
// Message, the texts of Origin, Salt and Commit are empty.
//
// The strings that stand in columns (Project, Type, the other ids, CountryCode, IPAddress) share
// the memory of the block: whoever keeps one copies it, or keeps the block with it. The
// others (UserAgent, City, Country) are valid during the call only, as byte slices are.
func (b *Block) SelectFacts(first uint64, offsets []int, fn func(*eventlog.Record) error) error {
	return b.selected((*decoder).facts, first, offsets, fn)
}

// facts is readEvent of what SelectFacts does not leave out. It sets every field that it
// ever sets: e is used for nothing else.
func (d *decoder) facts(e *eventlog.Event, g *Group, i int) error {
	if err := d.open(g, i/SubEvents); err != nil {
		return err
	}
	e.Project = g.shared(ColProject, i)
	e.Type = eventlog.Type(g.shared(ColType, i))
	e.Time = g.Time(i)
	e.Status, e.Source, e.Shown = g.Status(i), g.Source(i), g.Shown(i)
	e.UserID = g.shared(ColUser, i)
	e.SessionID = g.shared(ColSession, i)
	e.OrganizationID = g.shared(ColOrganization, i)
	e.ActorID = g.shared(ColActor, i)
	e.CountryCode = g.shared(ColCountry, i)
	e.GivenID, e.GivenTime, e.Erased = g.GivenID(i), g.GivenTime(i), g.Erased(i)
	if e.Erased {
		e.Personal = eventlog.Personal{}
		return nil
	}
	if err := d.personal(g, i, &d.rows[i%SubEvents]); err != nil {
		return err
	}
	p := &d.p
	e.IPAddress = g.shared(ColIP, i)
	e.UserAgent, e.City, e.Country = view(p.userAgent), view(p.city), view(p.country)
	e.Origin.Vocabulary = eventlog.Vocabulary(p.vocabulary)
	e.Metadata, e.Sealed = nonEmpty(p.metadata), nonEmpty(p.sealed)
	return nil
}

// shared is row i of a string column, in the memory of the block: nobody changes that.
func (g *Group) shared(c Column, i int) string { return view(g.Dict(g.Ref(c, i))) }

// view is text as a string, without copying it.
func view(text []byte) string { return unsafe.String(unsafe.SliceData(text), len(text)) }

// nonEmpty is b, or nil if it is empty.
func nonEmpty(b []byte) []byte {
	if len(b) == 0 {
		return nil
	}
	return b
}

// Facts are events as SelectFacts gives them, in memory that is used again.
type Facts struct {
	// Records share memory with the block and, what is valid during a call only elsewhere, with
	// the Facts: it is good until they are read into again.
	Records []eventlog.Record

	texts [][]byte // of sub-blocks
}

// Read makes f the events at the given offsets, which it takes as SelectFacts does.
func (f *Facts) Read(b *Block, first uint64, offsets []int) error {
	if n := len(offsets); n > cap(f.Records) {
		f.Records = make([]eventlog.Record, n)
	} else {
		f.Records = f.Records[:n]
	}
	for i := range f.texts {
		if cap(f.texts[i]) > keepText {
			f.texts[i] = nil
		}
	}
	d := newDecoder()
	defer d.release()
	own := d.text
	defer func() { d.text = own }()
	next, text := 0, -1
	read := func(d *decoder, e *eventlog.Event, g *Group, i int) error {
		if d.g != g || d.sub != i/SubEvents {
			if text++; text == len(f.texts) {
				f.texts = append(f.texts, nil)
			}
			d.text = f.texts[text]
			err := d.open(g, i/SubEvents)
			f.texts[text] = d.text
			if err != nil {
				return err
			}
		}
		return d.facts(e, g, i)
	}
	var g *Group
	for _, at := range offsets {
		if err := b.checkOffset(at); err != nil {
			return err
		}
		if g == nil || at < g.first || at >= g.first+int(g.n) {
			g = b.group(at)
		}
		r := &f.Records[next]
		if err := b.read(d, read, r, g, at-g.first, first); err != nil {
			return err
		}
		next++
	}
	return nil
}
