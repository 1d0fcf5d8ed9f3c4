package projections

// organizationRow is an organization as its table holds it.
type organizationRow struct {
	Organization
	members int32 // how many there are
}

func (o *organizationRow) rowID() string { return o.ID }
func (o *organizationRow) rowKeys() [keysOfRow]string {
	return [keysOfRow]string{organizationSlug: o.Slug}
}

const organizationSlug = 0 // a key of organizations

func codeOrganization(c *coder, o *organizationRow) {
	codeText(c, &o.ID)
	codeText(c, &o.Name)
	codeText(c, &o.Slug)
	codeText(c, &o.Logo)
	codeText(c, &o.Metadata)
	c.time(&o.CreatedAt)
}

// Organization finds an organization by its id.
func (t *Tables) Organization(id string) (Organization, bool) {
	o, ok := t.organizations.get(id)
	return o.Organization, ok
}

// OrganizationBySlug finds an organization by its slug: the oldest, if an application
// gave it to several.
func (t *Tables) OrganizationBySlug(slug string) (Organization, bool) {
	for o := range t.organizations.having(organizationSlug, slug) {
		return o.Organization, true
	}
	return Organization{}, false
}

// addOrganization makes the row of an organization that has none. Its members may be
// there already.
func (t *Tables) addOrganization(o Organization) {
	members := t.members.count(memberOrganization, o.ID)
	t.organizations.put(organizationRow{o, int32(members)})
}

// foldOrganization folds organization.created and organization.updated.
func (t *Tables) foldOrganization(f *fact) {
	o, ok := t.organizations.get(f.OrganizationID)
	if !ok {
		return // it has no name: nothing is known of it
	}
	if name := f.name("organizationName"); name != "" {
		o.Name = name
	}
	if slug := f.name("organizationSlug"); slug != "" {
		o.Slug = slug
	}
	set := f.set()
	putText(set, "name", &o.Name)
	putText(set, "slug", &o.Slug)
	putText(set, "logo", &o.Logo)
	putText(set, "metadata", &o.Metadata)
	putTime(set, "createdAt", &o.CreatedAt)
	t.organizations.put(o)
}

// foldOrganizationDeleted takes everything away that belongs to an organization.
func (t *Tables) foldOrganizationDeleted(f *fact) {
	id := f.OrganizationID
	t.organizations.remove(id)
	t.members.removeHaving(memberOrganization, id, nil)
	t.teams.removeHaving(teamOrganization, id, t.afterTeam)
	t.invitations.removeHaving(invitationOrganization, id, nil)
	t.settings.forgetOrganization(id)
	t.forgetActiveOrganization(id)
}
