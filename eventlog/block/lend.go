package block

import "dashd/eventlog"

// Lend is Each for those who look at each event and keep nothing of it: its strings are
// valid during the call only, as its byte slices are. Nothing is copied for it.
func (b *Block) Lend(first uint64, fn func(*eventlog.Record) error) error {
	return b.each((*decoder).lent, first, fn)
}

// LendSelected is Lend for the events at the given offsets, as Select takes them.
func (b *Block) LendSelected(first uint64, offsets []int, fn func(*eventlog.Record) error) error {
	return b.selected((*decoder).lent, first, offsets, fn)
}

// lent is readEvent of everything.
func (d *decoder) lent(e *eventlog.Event, g *Group, i int) error {
	if err := d.open(g, i/SubEvents); err != nil {
		return err
	}
	d.id = g.appendID(d.id[:0], i)
	*e = eventlog.Event{
		ID:             view(d.id),
		Project:        g.shared(ColProject, i),
		Type:           eventlog.Type(g.shared(ColType, i)),
		Time:           g.Time(i),
		Status:         g.Status(i),
		Source:         g.Source(i),
		Shown:          g.Shown(i),
		UserID:         g.shared(ColUser, i),
		SessionID:      g.shared(ColSession, i),
		OrganizationID: g.shared(ColOrganization, i),
		ActorID:        g.shared(ColActor, i),
		Key:            g.shared(ColKey, i),
		CountryCode:    g.shared(ColCountry, i),
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
	p := &d.p
	e.Personal = eventlog.Personal{
		Metadata:  nonEmpty(p.metadata),
		IPAddress: g.shared(ColIP, i),
		UserAgent: view(p.userAgent),
		City:      view(p.city),
		Region:    view(p.region),
		Country:   view(p.country),
		Message:   view(p.message),
		Origin: eventlog.Origin{
			Vocabulary:  eventlog.Vocabulary(p.vocabulary),
			Type:        view(p.typ),
			DisplayName: view(p.displayName),
			RawIP:       view(p.rawIP),
		},
		Sealed: nonEmpty(p.sealed),
	}
	return nil
}
