package projections

import (
	"bytes"

	"dashd/eventlog"
)

const drainOrganization = 0 // a key of drains

func (d *Drain) rowID() string { return d.ID }

func (d *Drain) rowKeys() [keysOfRow]string {
	return [keysOfRow]string{drainOrganization: d.OrganizationID}
}

func codeDrain(c *coder, d *Drain) {
	codeText(c, &d.ID)
	codeText(c, &d.OrganizationID)
	codeText(c, &d.Name)
	c.flag(&d.Enabled)
	codeText(c, &d.Suspended)
	codeShared(c, &d.DestinationType)
	codeList(c, &d.EventTypes, codeShared[string])
	codeBytes(c, &d.Config)
	c.time(&d.CreatedAt)
	c.time(&d.UpdatedAt)
	c.uint(&d.FromSeq)
	c.uint(&d.Epoch)
	codeBytes(c, &d.Sealed)
}

// Drain finds a log drain by its id.
func (t *Tables) Drain(id string) (Drain, bool) { return t.drains.get(id) }

// Drains are those of an organization.
func (t *Tables) Drains(organizationID string) []Drain {
	return t.drains.list(drainOrganization, organizationID)
}

// AllDrains are those of all organizations.
func (t *Tables) AllDrains() []Drain {
	var list []Drain
	for d := range t.drains.all() {
		list = append(list, *d)
	}
	return list
}

func (p *DrainPosition) rowID() string { return p.DrainID }

func (p *DrainPosition) rowKeys() (none [keysOfRow]string) { return none }

func codeDrainPosition(c *coder, p *DrainPosition) {
	codeText(c, &p.DrainID)
	c.uint(&p.Epoch)
	c.uint(&p.Seq)
	c.time(&p.At)
}

// DrainPosition is how far a log drain has come, in its present epoch; false if that has not been
// told yet.
func (t *Tables) DrainPosition(d Drain) (DrainPosition, bool) {
	p, ok := t.drainPositions.get(d.ID)
	return p, ok && p.Epoch == d.Epoch
}

// foldDrainAdvanced folds how far a log drain has come. Positions stand apart from the drains, whose
// rows say only what somebody has changed. They never go back, but for a replay, and not
// beyond the event that tells of them: who tells it may be about to lose the lead, or have lost it.
func (t *Tables) foldDrainAdvanced(f *fact) {
	d, ok := t.drains.get(f.text("drainId"))
	if !ok {
		return
	}
	p := DrainPosition{DrainID: d.ID, At: f.at()}
	set := f.set()
	putNumber(set, "epoch", &p.Epoch)
	putNumber(set, "seq", &p.Seq)
	before, known := t.DrainPosition(d)
	if p.Epoch != d.Epoch || p.Seq >= f.Seq || known && p.Seq <= before.Seq {
		return
	}
	t.drainPositions.put(p)
}

// foldDrain folds what makes or changes a log drain. Without a box, the drain keeps
// the config it has.
func (t *Tables) foldDrain(f *fact) {
	id := f.text("drainId")
	d, ok := t.drains.get(id)
	switch {
	case ok && d.OrganizationID != f.OrganizationID, id == "", f.OrganizationID == "":
		return
	case !ok && f.Type == eventlog.DashdDrainCreated:
		d = Drain{ID: id, OrganizationID: f.OrganizationID, Enabled: true, CreatedAt: f.at(), FromSeq: f.Seq + 1}
	case !ok:
		return
	}
	d.UpdatedAt = f.at()
	switch f.Type {
	case eventlog.DashdDrainSuspended:
		d.Enabled = false
	case eventlog.DashdDrainReplayed:
		d.Epoch++
	}
	set := f.set()
	putText(set, "name", &d.Name)
	putFlag(set, "enabled", &d.Enabled)
	putText(set, "suspended", &d.Suspended)
	putText(set, "destinationType", &d.DestinationType)
	putTexts(set, "eventTypes", &d.EventTypes)
	putJSON(set, "config", &d.Config)
	putTime(set, "createdAt", &d.CreatedAt)
	putTime(set, "updatedAt", &d.UpdatedAt)
	putNumber(set, "fromSeq", &d.FromSeq)
	putNumber(set, "epoch", &d.Epoch)
	if len(f.Sealed) > 0 {
		d.Sealed = bytes.Clone(f.Sealed)
	}
	t.drains.put(d)
}

func (t *Tables) foldDrainDeleted(f *fact) {
	if d, ok := t.drains.get(f.text("drainId")); ok && d.OrganizationID == f.OrganizationID {
		t.drains.remove(d.ID)
		t.drainPositions.remove(d.ID)
	}
}
