package projections

import (
	"slices"

	"dashd/eventlog"
)

const directoryOrganization = 0 // a key of directories

func (d *Directory) rowID() string { return d.ConnectionID }

func (d *Directory) rowKeys() [keysOfRow]string {
	return [keysOfRow]string{directoryOrganization: d.OrganizationID}
}

func codeDirectory(c *coder, d *Directory) {
	codeText(c, &d.ConnectionID)
	codeText(c, &d.OrganizationID)
	codeText(c, &d.ProviderID)
	codeText(c, &d.ProvisioningDomainID)
	codeShared(c, &d.Status)
	codeList(c, &d.Credentials, codeCredential)
	codeBytes(c, &d.Pairing)
	c.flag(&d.PairingEnforced)
	c.time(&d.CreatedAt)
	c.time(&d.UpdatedAt)
	c.time(&d.UnpairedAt)
	codeText(c, &d.UnpairedBy)
	c.time(&d.DecommissionedAt)
}

func codeCredential(c *coder, v *DirectoryCredential) {
	codeText(c, &v.CredentialID)
	codeShared(c, &v.Status)
	codeList(c, &v.Scopes, codeShared[string])
	c.time(&v.ExpiresAt)
	c.time(&v.CreatedAt)
	codeText(c, &v.CreatedBy)
	c.time(&v.LastUsedAt)
	c.time(&v.RevokedAt)
	codeText(c, &v.RevokedBy)
	codeText(c, &v.Hash)
}

// Directory finds the directory of a provider of an organization: the newest, if there
// was one before.
func (t *Tables) Directory(organizationID, providerID string) (found Directory, ok bool) {
	for d := range t.directories.having(directoryOrganization, organizationID) {
		if d.ProviderID == providerID {
			found, ok = *d, true
		}
	}
	return found, ok
}

// Directories are those of an organization.
func (t *Tables) Directories(organizationID string) []Directory {
	return t.directories.list(directoryOrganization, organizationID)
}

// foldDirectory folds all that happens to a directory.
func (t *Tables) foldDirectory(f *fact) {
	id := f.text("connectionId")
	d, ok := t.directories.get(id)
	if !ok && f.Type != eventlog.DirectoryCreated {
		d, ok = t.Directory(f.OrganizationID, f.text("providerId"))
	}
	switch {
	case ok && d.OrganizationID != f.OrganizationID, f.OrganizationID == "":
		return
	case !ok && f.Type == eventlog.DirectoryCreated && id != "":
		d = Directory{
			ConnectionID: id, OrganizationID: f.OrganizationID, ProviderID: f.text("providerId"),
			Status: DirectoryActive, CreatedAt: f.at(),
		}
	case !ok:
		return
	}
	d.UpdatedAt = f.at()
	d.Credentials = slices.Clone(d.Credentials) // the old list may be that of a published row
	switch f.Type {
	case eventlog.DirectoryDecommissioned:
		d.Status, d.DecommissionedAt = DirectoryDecommissioned, f.at()
	case eventlog.DirectoryUnpaired:
		d.Pairing, d.PairingEnforced = nil, false
		d.UnpairedAt, d.UnpairedBy = f.at(), Text(f.text("triggeredBy"))
	case eventlog.DirectoryCredentialRevoked:
		d.revoke(f)
	}
	d.put(f)
	t.directories.put(d)
}

// revoke ends the credential of a fact.
func (d *Directory) revoke(f *fact) {
	for i := range d.Credentials {
		if v := &d.Credentials[i]; v.CredentialID == f.text("credentialId") {
			v.Status, v.RevokedAt, v.RevokedBy = CredentialRevoked, f.at(), Text(f.text("triggeredBy"))
		}
	}
}

// put puts the columns of a fact into d.
func (d *Directory) put(f *fact) {
	set := f.set()
	putText(set, "provisioningDomainId", &d.ProvisioningDomainID)
	putText(set, "status", &d.Status)
	putJSON(set, "pairing", &d.Pairing)
	putFlag(set, "pairingEnforced", &d.PairingEnforced)
	putTime(set, "createdAt", &d.CreatedAt)
	putTime(set, "updatedAt", &d.UpdatedAt)
	putTime(set, "unpairedAt", &d.UnpairedAt)
	putText(set, "unpairedBy", &d.UnpairedBy)
	putTime(set, "decommissionedAt", &d.DecommissionedAt)
	given := set.object("credential")
	id := given.Text("credentialId")
	if id == "" {
		return
	}
	i := slices.IndexFunc(d.Credentials, func(v DirectoryCredential) bool { return v.CredentialID == id })
	if i < 0 {
		i = len(d.Credentials)
		d.Credentials = append(d.Credentials, DirectoryCredential{
			CredentialID: id, Status: CredentialActive, CreatedAt: f.at(), CreatedBy: f.text("triggeredBy"),
		})
	}
	d.Credentials[i].put(given)
}

// put puts the columns of a credential into v.
func (v *DirectoryCredential) put(given *object) {
	putText(given, "status", &v.Status)
	putTexts(given, "scopes", &v.Scopes)
	putTime(given, "expiresAt", &v.ExpiresAt)
	putTime(given, "createdAt", &v.CreatedAt)
	putText(given, "createdBy", &v.CreatedBy)
	putTime(given, "lastUsedAt", &v.LastUsedAt)
	putTime(given, "revokedAt", &v.RevokedAt)
	putText(given, "revokedBy", &v.RevokedBy)
	putText(given, "hash", &v.Hash)
}
