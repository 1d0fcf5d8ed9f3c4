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
	}
}
