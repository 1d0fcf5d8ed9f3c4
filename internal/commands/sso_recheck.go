package commands

import (
	"context"
	"errors"
	"time"

	"dashd/eventlog"
	"dashd/internal/outbound"
	"dashd/projections"
)

const (
	// RecheckEvery is how often the proof of a verified domain is looked for again.
	RecheckEvery = 24 * time.Hour
	// maxMisses is how often in a row it may be missing.
	maxMisses = 3
)

// SSORecheck asks whether a verified domain still shows its token.
type SSORecheck struct {
	Project string
	Seen    projections.SSOProvider // the row that it acts on
}

// RecheckSSODomain looks for the token of a verified domain. A record that is missing is noted;
// the third time in a row the domain counts as not proved. That the DNS does not answer
// says nothing, and changes nothing.
func (c *Commands) RecheckSSODomain(ctx context.Context, cmd SSORecheck) error {
	shown, err := c.lookForToken(ctx, cmd.Seen)
	if err != nil {
		var network *outbound.Error
		if errors.As(err, &network) || ctx.Err() != nil {
			return err
		}
		shown = false // the rules for domains are stricter now
	}
	if shown && cmd.Seen.DomainMisses == 0 {
		return nil
	}
	call := Call{By: projections.Operator("domain-check"), Project: cmd.Project, Actor: "domain-check"}
	_, err = c.change(ctx, call, func(t *projections.Tables) ([]eventlog.Event, error) {
		o, p, err := ssoProvider(t, string(cmd.Seen.OrganizationID), cmd.Seen.ProviderID)
		if err != nil || p.ID != cmd.Seen.ID || !p.DomainVerified || p.Domain != cmd.Seen.Domain ||
			p.VerificationToken != cmd.Seen.VerificationToken || p.DomainMisses != cmd.Seen.DomainMisses {
			return nil, nil //nolint:nilerr // what was looked for is not what is stored
		}
		now := projections.Time(c.o.Now())
		misses := p.DomainMisses + 1
		switch {
		case shown:
			return []eventlog.Event{c.domainChecked(call, o, p, "found", data{"domainMisses", 0})}, nil
		case misses < maxMisses:
			return []eventlog.Event{c.domainChecked(call, o, p, "missing", data{"domainMisses", misses, "domainMissedAt", now})}, nil
		}
		return []eventlog.Event{c.domainUnverified(call, o, p, data{"domainRecord", "missing", "misses", misses}, data{"domainMissedAt", now})}, nil
	})
	return err
}

// domainChecked notes what was seen of the record that proves a domain.
func (c *Commands) domainChecked(call Call, o projections.Organization, p projections.SSOProvider, record string, set data) eventlog.Event {
	return c.aboutProvider(call, eventlog.SSOProviderUpdated, o, p, data{"updatedFields", []string{}, "domainRecord", record}, set)
}
