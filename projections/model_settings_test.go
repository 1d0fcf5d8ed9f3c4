package projections_test

import (
	"slices"

	"dashd/eventlog"
	"dashd/projections"
)

// foldSettings applies the events of what organizations configure, which only dashd
// itself can make.
func (m *model) foldSettings(e *modelEvent) {
	if !e.ours {
		return
	}
	switch e.Type {
	case eventlog.SSOProviderCreated, eventlog.SSOProviderUpdated, eventlog.SSOProviderDomainVerified,
		eventlog.SSOProviderVerificationRequested:
		m.knowMost(e)
		m.providerChanged(e)
	case eventlog.SSOProviderDeleted:
		m.providers = without(m.providers, func(p projections.SSOProvider) bool {
			return p.ProviderID == e.meta.text("providerId") && string(p.OrganizationID) == e.OrganizationID
		})
	case eventlog.DirectoryCreated, eventlog.DirectoryCredentialIssued, eventlog.DirectoryCredentialRevoked,
		eventlog.DirectoryDecommissioned, eventlog.DirectoryUnpaired:
		m.knowMost(e)
		m.directoryChanged(e)
	case eventlog.DashdDrainCreated, eventlog.DashdDrainUpdated, eventlog.DashdDrainReplayed, eventlog.DashdDrainSuspended:
		m.knowMost(e)
		m.drainChanged(e)
	case eventlog.DashdDrainAdvanced:
		m.drainAdvanced(e)
	case eventlog.DashdDrainDeleted:
		if d := find(m.drains, func(d projections.Drain) bool { return d.ID == e.meta.text("drainId") }); d != nil &&
			d.OrganizationID == e.OrganizationID {
			m.forgetPosition(d.ID)
		}
		m.drains = without(m.drains, func(d projections.Drain) bool {
			return d.ID == e.meta.text("drainId") && d.OrganizationID == e.OrganizationID
		})
	}
}

// knowMost is know, as most events name a user.
func (m *model) knowMost(e *modelEvent) {
	m.know(e, e.whom(), e.meta.name("userName", "name"), e.meta.name("userEmail", "email"))
}

func (m *model) providerChanged(e *modelEvent) {
	id := e.meta.text("providerId")
	p := find(m.providers, func(p projections.SSOProvider) bool { return p.ProviderID == id })
	if p == nil {
		if e.Type != eventlog.SSOProviderCreated || id == "" || e.OrganizationID == "" {
			return
		}
		m.providers = append(m.providers, projections.SSOProvider{
			ID: id, ProviderID: id, OrganizationID: projections.Text(e.OrganizationID), CreatedAt: e.at,
		})
		p = &m.providers[len(m.providers)-1]
	}
	if string(p.OrganizationID) != e.OrganizationID {
		return
	}
	if e.Type == eventlog.SSOProviderDomainVerified {
		p.DomainVerified = true
	}
	e.set.putText("id", &p.ID)
	e.set.putText("domain", &p.Domain)
	e.set.putText("issuer", &p.Issuer)
	e.set.putText("userId", &p.UserID)
	e.set.putObject("oidcConfig", &p.OIDCConfig)
	e.set.putObject("samlConfig", &p.SAMLConfig)
	e.set.putFlag("domainVerified", &p.DomainVerified)
	e.set.putTime("createdAt", &p.CreatedAt)
	e.set.putText("verificationToken", &p.VerificationToken)
	e.set.putTime("verificationExpires", &p.VerificationExpires)
	e.set.putNumber("domainMisses", &p.DomainMisses)
	e.set.putTime("domainMissedAt", &p.DomainMissedAt)
	if len(e.Sealed) > 0 {
		p.Sealed = e.Sealed
	}
}

func (m *model) directoryChanged(e *modelEvent) {
	id, provider := e.meta.text("connectionId"), e.meta.text("providerId")
	d := find(m.directories, func(d projections.Directory) bool { return d.ConnectionID == id })
	created := e.Type == eventlog.DirectoryCreated
	for i := range m.directories {
		if other := &m.directories[i]; !created && (d == nil || d.ConnectionID != id) &&
			other.OrganizationID == e.OrganizationID && other.ProviderID == provider {
			d = other // the newest
		}
	}
	if d == nil {
		if !created || id == "" || e.OrganizationID == "" {
			return
		}
		m.directories = append(m.directories, projections.Directory{
			ConnectionID: id, OrganizationID: e.OrganizationID, ProviderID: provider,
			Status: projections.DirectoryActive, CreatedAt: e.at,
		})
		d = &m.directories[len(m.directories)-1]
	}
	if d.OrganizationID != e.OrganizationID {
		return
	}
	d.UpdatedAt = e.at
	d.Credentials = slices.Clone(d.Credentials)
	switch e.Type {
	case eventlog.DirectoryDecommissioned:
		d.Status, d.DecommissionedAt = projections.DirectoryDecommissioned, e.at
	case eventlog.DirectoryUnpaired:
		d.Pairing, d.PairingEnforced, d.UnpairedAt = nil, false, e.at
		d.UnpairedBy = projections.Text(e.meta.text("triggeredBy"))
	case eventlog.DirectoryCredentialRevoked:
		for i := range d.Credentials {
			if v := &d.Credentials[i]; v.CredentialID == e.meta.text("credentialId") {
				v.Status, v.RevokedAt = projections.CredentialRevoked, e.at
				v.RevokedBy = projections.Text(e.meta.text("triggeredBy"))
			}
		}
	}
	e.set.putText("provisioningDomainId", &d.ProvisioningDomainID)
	e.set.putText("status", &d.Status)
	e.set.putObject("pairing", &d.Pairing)
	e.set.putFlag("pairingEnforced", &d.PairingEnforced)
	e.set.putTime("createdAt", &d.CreatedAt)
	e.set.putTime("updatedAt", &d.UpdatedAt)
	e.set.putTime("unpairedAt", &d.UnpairedAt)
	e.set.putNullable("unpairedBy", &d.UnpairedBy)
	e.set.putTime("decommissionedAt", &d.DecommissionedAt)
	d.Credentials = credentialChanged(e, d.Credentials)
}

func credentialChanged(e *modelEvent, list []projections.DirectoryCredential) []projections.DirectoryCredential {
	given := readObject(e.set["credential"])
	id := given.text("credentialId")
	if id == "" {
		return list
	}
	v := find(list, func(v projections.DirectoryCredential) bool { return v.CredentialID == id })
	if v == nil {
		list = append(list, projections.DirectoryCredential{
			CredentialID: id, Status: projections.CredentialActive, CreatedAt: e.at, CreatedBy: e.meta.text("triggeredBy"),
		})
		v = &list[len(list)-1]
	}
	given.putText("status", &v.Status)
	given.putTexts("scopes", &v.Scopes)
	given.putTime("expiresAt", &v.ExpiresAt)
	given.putTime("createdAt", &v.CreatedAt)
	given.putText("createdBy", &v.CreatedBy)
	given.putTime("lastUsedAt", &v.LastUsedAt)
	given.putTime("revokedAt", &v.RevokedAt)
	given.putNullable("revokedBy", &v.RevokedBy)
	given.putText("hash", &v.Hash)
	return list
}

func (m *model) drainChanged(e *modelEvent) {
	id := e.meta.text("drainId")
	d := find(m.drains, func(d projections.Drain) bool { return d.ID == id })
	if d == nil {
		if e.Type != eventlog.DashdDrainCreated || id == "" || e.OrganizationID == "" {
			return
		}
		m.drains = append(m.drains, projections.Drain{
			ID: id, OrganizationID: e.OrganizationID, Enabled: true, CreatedAt: e.at, FromSeq: e.Seq + 1,
		})
		d = &m.drains[len(m.drains)-1]
	}
	if d.OrganizationID != e.OrganizationID {
		return
	}
	d.UpdatedAt = e.at
	switch e.Type {
	case eventlog.DashdDrainSuspended:
		d.Enabled = false
	case eventlog.DashdDrainReplayed:
		d.Epoch++
	}
	e.set.putText("name", &d.Name)
	e.set.putFlag("enabled", &d.Enabled)
	e.set.putNullable("suspended", &d.Suspended)
	e.set.putText("destinationType", &d.DestinationType)
	e.set.putTexts("eventTypes", &d.EventTypes)
	e.set.putObject("config", &d.Config)
	e.set.putTime("createdAt", &d.CreatedAt)
	e.set.putTime("updatedAt", &d.UpdatedAt)
	e.set.putNumber("fromSeq", &d.FromSeq)
	e.set.putNumber("epoch", &d.Epoch)
	if len(e.Sealed) > 0 {
		d.Sealed = e.Sealed
	}
}

func (m *model) drainAdvanced(e *modelEvent) {
	d := find(m.drains, func(d projections.Drain) bool { return d.ID == e.meta.text("drainId") })
	if d == nil {
		return
	}
	told := projections.DrainPosition{DrainID: d.ID, At: e.at}
	e.set.putNumber("epoch", &told.Epoch)
	e.set.putNumber("seq", &told.Seq)
	if told.Epoch != d.Epoch || told.Seq >= e.Seq {
		return
	}
	p := find(m.positions, func(p projections.DrainPosition) bool { return p.DrainID == d.ID })
	switch {
	case p == nil:
		m.positions = append(m.positions, told)
	case p.Epoch != d.Epoch || p.Seq < told.Seq:
		*p = told
	}
}

func (m *model) forgetPosition(id string) {
	m.positions = without(m.positions, func(p projections.DrainPosition) bool { return p.DrainID == id })
}
