package commands

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"dashd/eventlog"
	"dashd/internal/errs"
	"dashd/internal/idp"
	"dashd/internal/outbound"
	"dashd/projections"
)

// lookupTimeout is how long the look-ups for all domains of a provider may take together.
const lookupTimeout = 15 * time.Second

// SSOVerifyDomain asks whether the domain of a provider shows its token.
type SSOVerifyDomain struct {
	OrganizationID, ProviderID string
}

// Verdict is what came of looking for the proof of a domain.
type Verdict struct {
	Verified bool
	Message  string
}

// The verdicts. Their messages are those of the reference.
var (
	verdictVerified = Verdict{true, "Domain ownership verified successfully"}
	verdictAlready  = Verdict{true, "Domain has already been verified"}
	verdictNotFound = Verdict{false, "Unable to verify domain ownership. The TXT record was not found. It may take up to 48 hours for DNS changes to propagate."}
	verdictChanged  = Verdict{false, "SSO provider changed while domain verification was in progress. Reload the provider and try again."}
)

// VerifySSODomain looks for the token of a provider in the DNS, and notes it if each domain
// of the provider shows it. The look-up may take seconds, so it comes before the
// command's turn; what it has looked for must still be asked for then.
func (c *Commands) VerifySSODomain(ctx context.Context, call Call, cmd SSOVerifyDomain) (done Done, v Verdict, err error) {
	seen, err := c.ssoProviderNow(ctx, call, cmd)
	if err != nil {
		return Done{}, v, err
	}
	shown := false
	if !seen.DomainVerified {
		if shown, err = c.showsToken(ctx, seen); err != nil {
			return Done{}, v, err
		}
	}
	v = verdictAlready // also of a repeat
	done, err = c.change(ctx, call, func(t *projections.Tables) ([]eventlog.Event, error) {
		o, p, err := ssoProvider(t, cmd.OrganizationID, cmd.ProviderID)
		switch {
		case err != nil:
			return nil, err
		case p.DomainVerified:
			v = verdictAlready
			return nil, nil
		case p.ID != seen.ID || p.Domain != seen.Domain || p.VerificationToken != seen.VerificationToken || !pending(p, c.o.Now()):
			v = verdictChanged
			return nil, nil
		case !shown:
			v = verdictNotFound
			return nil, nil
		}
		if err := domainFree(t, p); err != nil {
			return nil, err
		}
		v = verdictVerified
		return []eventlog.Event{c.aboutProvider(call, eventlog.SSOProviderDomainVerified, o, p, nil,
			data{"domainVerified", true, "domainMisses", 0, "verificationExpires", nil})}, nil // the token is looked for again
	})
	return done, v, err
}

// ssoProviderNow returns a provider as of everything acknowledged so far, if its domain is
// verified or can be.
func (c *Commands) ssoProviderNow(ctx context.Context, call Call, cmd SSOVerifyDomain) (projections.SSOProvider, error) {
	seq, err := c.o.Settle(ctx)
	if err != nil {
		return projections.SSOProvider{}, fmt.Errorf("settle: %w", waiting(err))
	}
	if err := c.settled(ctx, call, seq); err != nil {
		return projections.SSOProvider{}, err
	}
	_, p, err := ssoProvider(c.o.Dash.Image().Tables(call.Project), cmd.OrganizationID, cmd.ProviderID)
	if err == nil && !p.DomainVerified && !pending(p, c.o.Now()) {
		err = errs.New(errs.NotFound, "NO_PENDING_VERIFICATION", "No pending domain verification exists")
	}
	return p, err
}

// showsToken reports whether each domain of a provider has the record that proves it. That
// the DNS does not answer is, to whoever asks now, the same as no record.
func (c *Commands) showsToken(ctx context.Context, p projections.SSOProvider) (bool, error) {
	shown, err := c.lookForToken(ctx, p)
	var network *outbound.Error
	if errors.As(err, &network) && ctx.Err() == nil {
		return false, nil
	}
	return shown, err
}

// lookForToken is showsToken, but that the DNS does not answer is an *outbound.Error.
func (c *Commands) lookForToken(ctx context.Context, p projections.SSOProvider) (bool, error) {
	label := TXTName(p.ProviderID)
	if len(label) > maxLabel {
		return false, errs.New(errs.Invalid, "IDENTIFIER_TOO_LONG", "Verification identifier exceeds the DNS label limit of %d characters", maxLabel)
	}
	domains, err := idp.Domains(p.Domain)
	if err != nil {
		return false, errs.New(errs.Invalid, "INVALID_DOMAIN", "Invalid domain")
	}
	bounded, cancel := context.WithTimeout(ctx, lookupTimeout)
	defer cancel()
	for _, domain := range domains {
		texts, err := c.o.Resolver.LookupTXT(bounded, label+"."+domain)
		switch {
		case errors.Is(err, outbound.ErrNotFound):
			return false, nil
		case ctx.Err() != nil:
			return false, waiting(ctx.Err())
		case err != nil:
			return false, err
		}
		if !proves(texts, label, p.VerificationToken) {
			return false, nil
		}
	}
	return true, nil
}

// proves reports whether one of the records is the token, alone or with its name in
// front.
func proves(texts []string, label, token string) bool {
	for _, text := range texts {
		if text = strings.TrimSpace(text); token != "" && (text == token || text == label+"="+token) {
			return true
		}
	}
	return false
}

// domainFree refuses a domain that a provider of another organization has proved: of
// two that may say who its users are, one would be wrong.
func domainFree(t *projections.Tables, p projections.SSOProvider) error {
	mine, err := idp.Domains(p.Domain)
	if err != nil {
		return errs.New(errs.Invalid, "INVALID_DOMAIN", "Invalid domain")
	}
	for _, other := range t.AllSSOProviders() {
		if !other.DomainVerified || other.OrganizationID == p.OrganizationID {
			continue
		}
		theirs, err := idp.Domains(other.Domain)
		if err != nil {
			continue
		}
		for _, domain := range mine {
			for _, taken := range theirs {
				if domain == taken {
					return errs.New(errs.Conflict, "DOMAIN_VERIFIED_ELSEWHERE", "The domain %s has been verified by another organization", domain)
				}
			}
		}
	}
	return nil
}
