package commands

import (
	"context"

	"dashd/eventlog"
	"dashd/internal/errs"
	"dashd/projections"
)

// SSORequestVerification asks for a token that proves the domain of a provider.
type SSORequestVerification struct {
	OrganizationID, ProviderID string
}

// RequestSSOVerification gives a provider a new token, unless it has one that is still
// good.
func (c *Commands) RequestSSOVerification(ctx context.Context, call Call, cmd SSORequestVerification) (Done, error) {
	return c.change(ctx, call, func(t *projections.Tables) ([]eventlog.Event, error) {
		o, p, err := ssoProvider(t, cmd.OrganizationID, cmd.ProviderID)
		if err != nil {
			return nil, err
		}
		if p.DomainVerified {
			return nil, errs.New(errs.Conflict, "DOMAIN_VERIFIED", "Domain has already been verified")
		}
		if pending(p, c.o.Now()) {
			return nil, nil
		}
		return []eventlog.Event{c.aboutProvider(call, eventlog.SSOProviderVerificationRequested, o, p, nil, c.newVerification())}, nil
	})
}
