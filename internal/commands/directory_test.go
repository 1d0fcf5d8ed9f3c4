package commands_test

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"testing"
	"time"

	"dashd/eventlog"
	"dashd/internal/commands"
	"dashd/internal/errs"
	"dashd/projections"
)

// directory returns the row of a directory of acme, which must be there.
func (o *office) directory(provider string) projections.Directory {
	o.t.Helper()
	d, ok := o.tables().Directory(o.acme, provider)
	if !ok {
		o.t.Fatalf("there is no directory %s", provider)
	}
	return d
}

func (o *office) mustConnect(provider string) commands.IssuedCredential {
	o.t.Helper()
	_, issued, err := o.CreateDirectory(o.t.Context(), inShop, commands.DirectoryCreate{OrganizationID: o.acme, ProviderID: provider})
	if err != nil {
		o.t.Fatal(err)
	}
	return issued
}

func (o *office) mustIssue(revoke bool) commands.IssuedCredential {
	o.t.Helper()
	_, issued, err := o.IssueDirectoryToken(o.t.Context(), inShop, commands.DirectoryToken{OrganizationID: o.acme, ProviderID: "okta", RevokePrevious: revoke})
	if err != nil {
		o.t.Fatal(err)
	}
	return issued
}

func hashOf(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}

func TestDirectoryKeepsOnlyTheHashOfItsToken(t *testing.T) {
	o := newOffice(t)
	call := once("k", "connect okta")
	cmd := commands.DirectoryCreate{OrganizationID: o.acme, ProviderID: "okta", OwnerID: o.ada}
	_, issued, err := o.CreateDirectory(t.Context(), call, cmd)
	if err != nil || !strings.HasPrefix(issued.Token, issued.CredentialID+".") || len(issued.Token) != len(issued.CredentialID)+44 {
		t.Fatalf("CreateDirectory = %+v, %v", issued, err)
	}
	d := o.directory("okta")
	v := d.Credentials[0]
	if d.ConnectionID != issued.ConnectionID || d.Status != projections.DirectoryActive || len(d.Credentials) != 1 ||
		v.CredentialID != issued.CredentialID || v.Hash != hashOf(issued.Token) || v.CreatedBy != "op1" ||
		int64(v.ExpiresAt) != noon+(365*24*time.Hour).Milliseconds() || !slices.Equal(v.Scopes, commands.DirectoryScopes) {
		t.Errorf("the row is %+v", d)
	}
	_, secret, _ := strings.Cut(issued.Token, ".")
	for _, r := range o.records() {
		if strings.Contains(string(r.Metadata), secret) || strings.Contains(string(r.Sealed), secret) {
			t.Errorf("the token is in %s", r.Type)
		}
	}
	done, again, err := o.CreateDirectory(t.Context(), call, cmd)
	if err != nil || !done.Repeat || again.Token != "" || again.CredentialID != issued.CredentialID || again.ConnectionID != issued.ConnectionID {
		t.Errorf("the repeat = %+v, %v", again, err)
	}
}

func TestDirectoryRefusals(t *testing.T) {
	o := newOffice(t)
	o.mustConnect("okta")
	ctx, past := t.Context(), noon
	twice := commands.CredentialWish{Scopes: []string{"scim.users.read", "scim.users.read"}}
	if _, _, err := o.CreateDirectory(ctx, inShop, commands.DirectoryCreate{OrganizationID: o.globex, ProviderID: "ended"}); err != nil {
		t.Fatal(err)
	}
	if _, err := o.DecommissionDirectory(ctx, inShop, commands.DirectoryDecommission{OrganizationID: o.globex, ProviderID: "ended"}); err != nil {
		t.Fatal(err)
	}
	create := func(cmd commands.DirectoryCreate) error {
		_, _, err := o.CreateDirectory(ctx, inShop, cmd)
		return err
	}
	issue := func(cmd commands.DirectoryToken) error {
		_, _, err := o.IssueDirectoryToken(ctx, inShop, cmd)
		return err
	}
	revoke := func(organization, provider, credential string) error {
		_, err := o.RevokeDirectoryCredential(ctx, inShop, commands.DirectoryCredentialRevoke{OrganizationID: organization, ProviderID: provider, CredentialID: credential})
		return err
	}
	for _, tt := range []struct {
		name    string
		do      func() error
		kind    errs.Kind
		message string
	}{
		{"an unknown organization", func() error { return create(commands.DirectoryCreate{OrganizationID: "missing", ProviderID: "x"}) }, errs.NotFound, "Target organization not found"},
		{"the same provider", func() error { return create(commands.DirectoryCreate{OrganizationID: o.acme, ProviderID: "okta"}) }, errs.Conflict, "This organization already has a directory sync connection for the requested provider"},
		{"a second directory", func() error { return create(commands.DirectoryCreate{OrganizationID: o.acme, ProviderID: "azure"}) }, errs.Conflict, "This organization already has an active directory sync connection"},
		{"an unknown owner", func() error {
			return create(commands.DirectoryCreate{OrganizationID: o.acme, ProviderID: "x", OwnerID: "missing"})
		}, errs.Invalid, "Owner identity not found"},
		{"an owner from elsewhere", func() error {
			return create(commands.DirectoryCreate{OrganizationID: o.acme, ProviderID: "x", OwnerID: o.alan})
		}, errs.Forbidden, "You are not a member of the organization"},
		{"an expiry that is over", func() error {
			return create(commands.DirectoryCreate{OrganizationID: o.acme, ProviderID: "x", Credential: commands.CredentialWish{ExpiresAt: &past}})
		}, errs.Invalid, "Directory sync credential expiry must be in the future"},
		{"a scope twice", func() error {
			return create(commands.DirectoryCreate{OrganizationID: o.acme, ProviderID: "x", Credential: twice})
		}, errs.Invalid, "Directory sync credential scopes must be unique"},
		{"a pairing with a provider that is not there", func() error {
			return create(commands.DirectoryCreate{OrganizationID: o.globex, ProviderID: "x", Pairing: &commands.Pairing{SSOProviderID: "x"}})
		}, errs.NotFound, "SSO provider not found"},
		{"a token of no directory", func() error { return issue(commands.DirectoryToken{OrganizationID: o.acme, ProviderID: "missing"}) }, errs.NotFound, "Directory sync connection not found"},
		{"a token of another organization's", func() error { return issue(commands.DirectoryToken{OrganizationID: o.globex, ProviderID: "okta"}) }, errs.NotFound, "Directory sync connection not found"},
		{"a token of one that has ended", func() error { return issue(commands.DirectoryToken{OrganizationID: o.globex, ProviderID: "ended"}) }, errs.Conflict, "Directory sync connection is not active"},
		{"a token that is over", func() error {
			return issue(commands.DirectoryToken{OrganizationID: o.acme, ProviderID: "okta", Credential: commands.CredentialWish{ExpiresAt: &past}})
		}, errs.Invalid, "Directory sync credential expiry must be in the future"},
		{"an unknown credential", func() error { return revoke(o.acme, "okta", "missing") }, errs.NotFound, "Directory sync credential not found"},
		{"a credential of no directory", func() error { return revoke(o.acme, "missing", "x") }, errs.NotFound, "Directory sync connection not found"},
		{"the end of no directory", func() error {
			_, err := o.DecommissionDirectory(ctx, inShop, commands.DirectoryDecommission{OrganizationID: o.acme, ProviderID: "missing"})
			return err
		}, errs.NotFound, "Directory sync connection not found"},
		{"unpairing one that is not paired", func() error {
			_, err := o.UnpairDirectory(ctx, inShop, commands.DirectoryUnpair{OrganizationID: o.acme, ProviderID: "okta"})
			return err
		}, errs.Conflict, "Directory sync connection is not paired"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			before, head := o.directory("okta"), o.log.Head()
			o.wantRefusal(t, tt.do(), tt.kind, tt.message, head)
			if after := o.directory("okta"); after.UpdatedAt != before.UpdatedAt || len(after.Credentials) != len(before.Credentials) {
				t.Errorf("the directory is %+v", after)
			}
		})
	}
}

func TestCredentialsOfADirectory(t *testing.T) {
	o := newOffice(t)
	first := o.mustConnect("okta")
	for range 4 {
		o.mustIssue(false)
	}
	head := o.log.Head()
	_, _, err := o.IssueDirectoryToken(t.Context(), inShop, commands.DirectoryToken{OrganizationID: o.acme, ProviderID: "okta"})
	o.wantRefusal(t, err, errs.Conflict, "Directory sync connection has reached the maximum of 5 active credentials", head)

	revoke := commands.DirectoryCredentialRevoke{OrganizationID: o.acme, ProviderID: "okta", CredentialID: first.CredentialID}
	for range 2 { // the second time nothing happens
		if _, err := o.RevokeDirectoryCredential(t.Context(), inShop, revoke); err != nil {
			t.Fatal(err)
		}
	}
	if v := o.directory("okta").Credentials[0]; v.Status != projections.CredentialRevoked || v.RevokedBy != "op1" || v.RevokedAt != projections.Time(noon) {
		t.Errorf("revoked: %+v", v)
	}
	if types := o.types(head); !slices.Equal(types, []eventlog.Type{eventlog.DirectoryCredentialRevoked}) {
		t.Errorf("events %v", types)
	}
	o.mustIssue(false)

	last := o.mustIssue(true)
	var active []string
	for _, v := range o.directory("okta").Credentials {
		if v.Status == projections.CredentialActive {
			active = append(active, v.CredentialID)
		}
	}
	if !slices.Equal(active, []string{last.CredentialID}) {
		t.Errorf("active are %q, want %q", active, last.CredentialID)
	}
	// Credentials that have expired do not count.
	o.ahead = (366 * 24 * time.Hour).Milliseconds()
	for range 5 {
		o.mustIssue(false)
	}
}

func TestANewCredentialHasTheScopesOfTheNewest(t *testing.T) {
	o := newOffice(t)
	read := []string{"scim.users.read"}
	if _, _, err := o.CreateDirectory(t.Context(), inShop, commands.DirectoryCreate{
		OrganizationID: o.acme, ProviderID: "okta", Credential: commands.CredentialWish{Scopes: read},
	}); err != nil {
		t.Fatal(err)
	}
	o.mustIssue(true)
	for _, v := range o.directory("okta").Credentials {
		if !slices.Equal(v.Scopes, read) {
			t.Errorf("scopes %q, want %q", v.Scopes, read)
		}
	}
}

func TestTheEndOfADirectoryAndANewOne(t *testing.T) {
	o := newOffice(t)
	old := o.mustConnect("okta")
	for range 2 { // the second time nothing happens
		if _, err := o.DecommissionDirectory(t.Context(), inShop, commands.DirectoryDecommission{OrganizationID: o.acme, ProviderID: "okta"}); err != nil {
			t.Fatal(err)
		}
	}
	if d := o.directory("okta"); d.Status != projections.DirectoryDecommissioned || d.DecommissionedAt != projections.Time(noon) {
		t.Errorf("the directory is %+v", d)
	}
	anew := o.mustConnect("okta")
	if anew.ConnectionID == old.ConnectionID || o.directory("okta").ConnectionID != anew.ConnectionID || len(o.tables().Directories(o.acme)) != 2 {
		t.Errorf("connected again as %s after %s", anew.ConnectionID, old.ConnectionID)
	}
}

func TestPairing(t *testing.T) {
	o := newOffice(t)
	o.mustProvide(o.acme, "acme", "acme.example")
	cmd := commands.DirectoryCreate{
		OrganizationID: o.acme, ProviderID: "okta", Pairing: &commands.Pairing{SSOProviderID: "acme", Protocol: commands.SAML, ExternalIDSource: "sub"},
	}
	head := o.log.Head()
	_, _, err := o.CreateDirectory(t.Context(), inShop, cmd)
	o.wantRefusal(t, err, errs.Invalid, "The protocol of the SSO provider is OIDC", head)
	cmd.Pairing.Protocol = ""
	if _, _, err := o.CreateDirectory(t.Context(), inShop, cmd); err != nil {
		t.Fatal(err)
	}
	if d := o.directory("okta"); !d.PairingEnforced || string(d.Pairing) != `{"ssoProviderId":"acme","protocol":"OIDC","externalIdSource":"sub"}` {
		t.Errorf("paired: %s, enforced %t", d.Pairing, d.PairingEnforced)
	}
	for range 2 { // the second time nothing happens
		if _, err := o.UnpairDirectory(t.Context(), inShop, commands.DirectoryUnpair{OrganizationID: o.acme, ProviderID: "okta"}); err != nil {
			t.Fatal(err)
		}
	}
	if d := o.directory("okta"); d.Pairing != nil || d.PairingEnforced || d.UnpairedBy != "op1" || d.UnpairedAt != projections.Time(noon) {
		t.Errorf("unpaired: %+v", d)
	}
}
