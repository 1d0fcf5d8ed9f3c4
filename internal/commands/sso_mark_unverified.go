package commands

import (
	"context"

	"dashd/eventlog"
	"dashd/projections"
)

// SSOMarkUnverified asks that the domain of a provider counts as not proved.
type SSOMarkUnverified struct {
	OrganizationID, ProviderID string
}

// MarkSSOUnverified takes the proof of a provider's domain away, and the token with it.
func (c *Commands) MarkSSOUnverified(ctx context.Context, call Call, cmd SSOMarkUnverified) (Done, error) {
	return c.change(ctx, call, func(t *projections.Tables) ([]eventlog.Event, error) {
		o, p, err := ssoProvider(t, cmd.OrganizationID, cmd.ProviderID)
		if err != nil {
			return nil, err
		}
		if !p.DomainVerified && p.VerificationToken == "" {
			return nil, nil
		}
		return []eventlog.Event{c.domainUnverified(call, o, p, nil, nil)}, nil
	})
}

// domainUnverified says that the domain of a provider is not proved any more.
func (c *Commands) domainUnverified(call Call, o projections.Organization, p projections.SSOProvider, more, set data) eventlog.Event {
	return c.aboutProvider(call, eventlog.SSOProviderUpdated, o, p, append(data{"updatedFields", []string{"domainVerified"}}, more...), append(data{
		"domainVerified", false, "domainMisses", 0, "verificationToken", nil, "verificationExpires", nil,
	}, set...))
}
