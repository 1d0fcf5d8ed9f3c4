package commands_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"dashd/eventlog"
	"dashd/internal/commands"
	"dashd/internal/errs"
	"dashd/internal/outbound"
	"dashd/projections"
)

const (
	notFoundText = "Unable to verify domain ownership. The TXT record was not found. It may take up to 48 hours for DNS changes to propagate."
	changedText  = "SSO provider changed while domain verification was in progress. Reload the provider and try again."
)

// noNetwork is how a resolver says that it got no answer.
func noNetwork(t *testing.T) error {
	t.Helper()
	client, err := outbound.New(outbound.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return client.Check("https://127.0.0.1/") // any error of this kind
}

func TestVerifySSODomain(t *testing.T) {
	const name = "_better-auth-token-acme.acme.example"
	for _, tt := range []struct {
		name    string
		domain  string // "": acme.example
		texts   func(token string) map[string][]string
		fail    bool
		want    string
		refusal string
	}{
		{name: "the token", texts: only(name, "TOKEN"), want: "Domain ownership verified successfully"},
		{name: "the token among others, with spaces", texts: only(name, "v=spf1 -all", "  TOKEN "), want: "Domain ownership verified successfully"},
		{name: "the token with its name", texts: only(name, "_better-auth-token-acme=TOKEN"), want: "Domain ownership verified successfully"},
		{
			name: "a list of domains that all show it", domain: "acme.example, B.example", want: "Domain ownership verified successfully",
			texts: func(token string) map[string][]string {
				return map[string][]string{name: {token}, "_better-auth-token-acme.b.example": {token}}
			},
		},
		{name: "nothing", texts: only("x"), want: notFoundText},
		{name: "another token", texts: only(name, strings.Repeat("x", 24)), want: notFoundText},
		{name: "a token that goes on", texts: only(name, "TOKENx"), want: notFoundText},
		{name: "an empty record", texts: only(name, ""), want: notFoundText},
		{name: "the token below another name", texts: only("acme.example", "TOKEN"), want: notFoundText},
		{name: "one of two domains", domain: "acme.example,b.example", texts: only(name, "TOKEN"), want: notFoundText},
		{name: "a DNS that does not answer", texts: only(name, "TOKEN"), fail: true, want: notFoundText},
		{name: "a domain that is none", domain: "not a domain", refusal: "Invalid domain"},
		{name: "a public suffix", domain: "co.uk", refusal: "Invalid domain"},
		{name: "a list with a public suffix", domain: "acme.example,com", refusal: "Invalid domain"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o := newOffice(t)
			p := o.mustProvide(o.acme, "acme", or(tt.domain, "acme.example"))
			if tt.texts != nil {
				o.dns.texts = tt.texts(p.VerificationToken)
			}
			if tt.fail {
				o.dns.fail = noNetwork(t)
			}
			head := o.log.Head()
			_, v, err := o.VerifySSODomain(t.Context(), inShop, commands.SSOVerifyDomain{OrganizationID: o.acme, ProviderID: "acme"})
			if tt.refusal != "" {
				o.wantRefusal(t, err, errs.Invalid, tt.refusal, head)
				return
			}
			verified := strings.HasSuffix(tt.want, "successfully")
			if err != nil || v.Message != tt.want || v.Verified != verified || o.provider("acme").DomainVerified != verified {
				t.Errorf("got %+v, %v; the row says %t", v, err, o.provider("acme").DomainVerified)
			}
			if grew := o.log.Head() > head; grew != verified {
				t.Errorf("the log grew: %t", grew)
			}
			if !verified {
				return
			}
			_, v, err = o.VerifySSODomain(t.Context(), inShop, commands.SSOVerifyDomain{OrganizationID: o.acme, ProviderID: "acme"})
			if err != nil || v != (commands.Verdict{Verified: true, Message: "Domain has already been verified"}) {
				t.Errorf("again: %+v, %v", v, err)
			}
		})
	}
}

// only is a DNS with one name; TOKEN stands for the token.
func only(name string, texts ...string) func(string) map[string][]string {
	return func(token string) map[string][]string {
		var list []string
		for _, text := range texts {
			list = append(list, strings.ReplaceAll(text, "TOKEN", token))
		}
		return map[string][]string{name: list}
	}
}

func or(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}

func TestVerifySSODomainRefuses(t *testing.T) {
	o := newOffice(t)
	long := strings.Repeat("x", 45) // with _better-auth-token- one more than a label may have
	o.show(o.mustProvide(o.acme, long, "acme.example"))
	o.show(o.mustProvide(o.acme, "unmarked", "acme.example"))
	if _, err := o.MarkSSOUnverified(t.Context(), inShop, commands.SSOMarkUnverified{OrganizationID: o.acme, ProviderID: "unmarked"}); err != nil {
		t.Fatal(err)
	}
	o.mustVerify(o.globex, "theirs", "login.globex.example,globex.example")
	o.show(o.mustProvide(o.acme, "ours", "globex.example"))
	for _, tt := range []struct {
		name, organization, provider string
		later                        time.Duration
		kind                         errs.Kind
		message, code                string
	}{
		{"one that is not there", o.acme, "missing", 0, errs.NotFound, "SSO provider not found", "SSO_PROVIDER_NOT_FOUND"},
		{"that of another organization", o.globex, "ours", 0, errs.NotFound, "SSO provider not found", "SSO_PROVIDER_NOT_FOUND"},
		{"an id too long for a label", o.acme, long, 0, errs.Invalid, "Verification identifier exceeds the DNS label limit of 63 characters", "IDENTIFIER_TOO_LONG"},
		{"no token", o.acme, "unmarked", 0, errs.NotFound, "No pending domain verification exists", "NO_PENDING_VERIFICATION"},
		{"a token of a week ago", o.acme, "ours", 7 * 24 * time.Hour, errs.NotFound, "No pending domain verification exists", "NO_PENDING_VERIFICATION"},
		{"a domain of another organization", o.acme, "ours", 0, errs.Conflict, "The domain globex.example has been verified by another organization", "DOMAIN_VERIFIED_ELSEWHERE"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o.ahead = tt.later.Milliseconds()
			head := o.log.Head()
			_, _, err := o.VerifySSODomain(t.Context(), inShop, commands.SSOVerifyDomain{OrganizationID: tt.organization, ProviderID: tt.provider})
			o.wantRefusal(t, err, tt.kind, tt.message, head)
			if got := errs.CodeOf(err); got != tt.code {
				t.Errorf("code %s, want %s", got, tt.code)
			}
		})
	}
}

// What was looked for must still be asked for when the answer has come.
func TestProviderThatChangesWhileItsDomainIsVerified(t *testing.T) {
	domain := "other.example"
	for _, tt := range []struct {
		name   string
		change func(context.Context, *office) error
		want   string
	}{
		{"another domain", func(ctx context.Context, o *office) error {
			_, err := o.UpdateSSOProvider(ctx, inShop, commands.SSOProviderUpdate{OrganizationID: o.acme, ProviderID: "acme", Domain: &domain})
			return err
		}, changedText},
		{"the token taken away", func(ctx context.Context, o *office) error {
			_, err := o.MarkSSOUnverified(ctx, inShop, commands.SSOMarkUnverified{OrganizationID: o.acme, ProviderID: "acme"})
			return err
		}, changedText},
		{"the token is over", func(_ context.Context, o *office) error {
			o.ahead = (8 * 24 * time.Hour).Milliseconds()
			return nil
		}, changedText},
		{"deleted and made again", func(ctx context.Context, o *office) error {
			_, err := o.DeleteSSOProvider(ctx, inShop, commands.SSOProviderDelete{OrganizationID: o.acme, ProviderID: "acme"})
			o.mustProvide(o.acme, "acme", "acme.example")
			return err
		}, changedText},
		{"nothing", func(context.Context, *office) error { return nil }, "Domain ownership verified successfully"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o := newOffice(t)
			o.show(o.mustProvide(o.acme, "acme", "acme.example"))
			o.dns.asked = func() {
				if err := tt.change(t.Context(), o); err != nil {
					t.Error(err)
				}
			}
			_, v, err := o.VerifySSODomain(t.Context(), inShop, commands.SSOVerifyDomain{OrganizationID: o.acme, ProviderID: "acme"})
			if err != nil || v.Message != tt.want || o.provider("acme").DomainVerified != v.Verified {
				t.Errorf("got %+v, %v; the row says %t", v, err, o.provider("acme").DomainVerified)
			}
		})
	}
}

func TestRequestSSOVerification(t *testing.T) {
	o := newOffice(t)
	first := o.mustProvide(o.acme, "acme", "acme.example")
	cmd := commands.SSORequestVerification{OrganizationID: o.acme, ProviderID: "acme"}
	request := func() projections.SSOProvider {
		t.Helper()
		if _, err := o.RequestSSOVerification(t.Context(), inShop, cmd); err != nil {
			t.Fatal(err)
		}
		return o.provider("acme")
	}
	if again := request(); again.VerificationToken != first.VerificationToken || again.VerificationExpires != first.VerificationExpires {
		t.Error("a token that is good was replaced")
	}
	o.ahead = (7 * 24 * time.Hour).Milliseconds()
	if next := request(); next.VerificationToken == first.VerificationToken || int64(next.VerificationExpires) != noon+2*o.ahead {
		t.Errorf("after a week: %+v", next)
	}
	domain := "b.example"
	if _, err := o.UpdateSSOProvider(t.Context(), inShop, commands.SSOProviderUpdate{OrganizationID: o.acme, ProviderID: "acme", Domain: &domain}); err != nil {
		t.Fatal(err)
	}
	o.show(o.provider("acme"))
	if _, v, err := o.VerifySSODomain(t.Context(), inShop, commands.SSOVerifyDomain(cmd)); err != nil || !v.Verified {
		t.Fatalf("%+v, %v", v, err)
	}
	head := o.log.Head()
	_, err := o.RequestSSOVerification(t.Context(), inShop, cmd)
	o.wantRefusal(t, err, errs.Conflict, "Domain has already been verified", head)
	domain = "c.example"
	if _, err := o.UpdateSSOProvider(t.Context(), inShop, commands.SSOProviderUpdate{OrganizationID: o.acme, ProviderID: "acme", Domain: &domain}); err != nil {
		t.Fatal(err)
	}
	if p := o.provider("acme"); p.DomainVerified || p.VerificationToken != "" {
		t.Errorf("another domain counts as proved: %+v", p)
	}
}

func TestRecheckSSODomain(t *testing.T) {
	o := newOffice(t)
	o.mustVerify(o.acme, "acme", "acme.example")
	records := o.dns.texts
	recheck := func() projections.SSOProvider {
		t.Helper()
		o.ahead += commands.RecheckEvery.Milliseconds()
		if err := o.RecheckSSODomain(t.Context(), commands.SSORecheck{Project: "shop", Seen: o.provider("acme")}); err != nil {
			t.Fatal(err)
		}
		return o.provider("acme")
	}
	head := o.log.Head()
	if p := recheck(); !p.DomainVerified || o.log.Head() != head {
		t.Errorf("a proof that is there changed something: %+v", p)
	}
	o.dns.texts = nil
	if p := recheck(); !p.DomainVerified || p.DomainMisses != 1 || int64(p.DomainMissedAt) != noon+o.ahead {
		t.Errorf("after a miss: %+v", p)
	}
	recheck()
	o.dns.texts = records
	if p := recheck(); !p.DomainVerified || p.DomainMisses != 0 {
		t.Errorf("found again: %+v", p)
	}
	o.dns.texts = nil
	recheck()
	stale := recheck()
	head = o.log.Head()
	p := recheck()
	if p.DomainVerified || p.VerificationToken != "" || p.DomainMisses != 0 {
		t.Errorf("after three misses: %+v", p)
	}
	if types := o.types(head); len(types) != 1 || types[0] != eventlog.SSOProviderUpdated {
		t.Errorf("events %v", types)
	}
	if by, _ := eventlog.MetadataText(o.records()[head].Metadata, "triggeredBy"); by != "domain-check" {
		t.Errorf("triggered by %q", by)
	}
	head = o.log.Head()
	if err := o.RecheckSSODomain(t.Context(), commands.SSORecheck{Project: "shop", Seen: stale}); err != nil || o.log.Head() != head {
		t.Errorf("of a row that has changed: %v, %d events", err, o.log.Head()-head)
	}
}

// A DNS that does not answer says nothing about a proof.
func TestRecheckWithoutAnAnswer(t *testing.T) {
	o := newOffice(t)
	p := o.mustVerify(o.acme, "acme", "acme.example")
	o.dns.fail = noNetwork(t)
	head := o.log.Head()
	err := o.RecheckSSODomain(t.Context(), commands.SSORecheck{Project: "shop", Seen: p})
	var network *outbound.Error
	if !errors.As(err, &network) || o.log.Head() != head || !o.provider("acme").DomainVerified {
		t.Errorf("got %v, %d events", err, o.log.Head()-head)
	}
}
