package commands

import (
	"context"
	"slices"

	"dashd/eventlog"
	"dashd/projections"
)

// SSOProviderDelete asks for the end of an identity provider.
type SSOProviderDelete struct {
	OrganizationID, ProviderID string
}

// DeleteSSOProvider deletes an SSO provider, the accounts that were linked through it, and the
// pairing of directories with it. If there are more accounts than fit into one block, those
// of the first blocks are gone before the provider is.
func (c *Commands) DeleteSSOProvider(ctx context.Context, call Call, cmd SSOProviderDelete) (Done, error) {
	var ids []string
	for _, a := range c.o.Dash.Image().Tables(call.Project).AccountsOfProvider(cmd.ProviderID) {
		ids = append(ids, a.ID)
	}
	const last = "" // stands for the provider itself
	var refused error
	begin := func() { refused = nil }
	done, err := c.bulk(ctx, call, append(ids, last), begin, func(t *projections.Tables, id string) (events []eventlog.Event) {
		o, p, err := ssoProvider(t, cmd.OrganizationID, cmd.ProviderID)
		if err != nil {
			refused = err
			return nil
		}
		for _, a := range t.AccountsOfProvider(p.ProviderID) {
			if a.ID != id && (id != last || slices.Contains(ids, a.ID)) {
				continue
			}
			u, ok := t.User(a.UserID)
			if !ok {
				u.ID = a.UserID
			}
			events = append(events, c.accountUnlinked(call, u, a))
		}
		if id != last {
			return events
		}
		for _, d := range t.Directories(o.ID) {
			if pairingOf(d).SSOProviderID == p.ProviderID {
				events = append(events, c.unpaired(call, o, d))
			}
		}
		return append(events, c.aboutProvider(call, eventlog.SSOProviderDeleted, o, p, nil, nil))
	})
	if err == nil {
		err = refused
	}
	return done, err
}
