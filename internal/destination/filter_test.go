package destination_test

import (
	"testing"

	"dashd/eventlog"
	"dashd/internal/destination"
)

func TestCategoriesOfEvents(t *testing.T) {
	for _, tt := range []struct {
		t      eventlog.Type
		failed bool
		want   string
	}{
		{eventlog.UserEmailVerificationSent, false, "email"},
		{eventlog.UserEmailVerified, false, "email"},
		{eventlog.UserEmailChanged, false, "email"},
		{eventlog.PasswordResetRequested, false, "email"},
		{eventlog.PasswordResetCompleted, false, "email"},
		{eventlog.InvitationCreated, false, "email"},
		{eventlog.LoginFailed, true, "security"},
		{eventlog.UserLoggedIn, true, "security"},
		{eventlog.UserLoggedIn, false, "auth"},
		{eventlog.UserBanned, false, "security"},
		{eventlog.UserUnbanned, false, "security"},
		{eventlog.UserDeleted, false, "security"},
		{eventlog.UserImpersonated, false, "security"},
		{eventlog.UserImpersonationStopped, false, "security"},
		{eventlog.SessionRevoked, false, "security"},
		{eventlog.SessionRevokedAll, false, "security"},
		{eventlog.UserPasswordChanged, false, "security"},
		{eventlog.TwoFactorEnabled, false, "security"},
		{eventlog.TwoFactorBackupCodesGenerated, false, "security"},
		{eventlog.SSOProviderCreated, false, "security"},
		{eventlog.DirectoryCredentialIssued, false, "security"},
		{eventlog.SecurityGeoBlocked, false, "security"},
		{eventlog.UserJoined, false, "auth"},
		{eventlog.InvitationAccepted, false, "auth"},
		{eventlog.TeamCreated, false, "auth"},
		{"custom.thing", false, "auth"},
	} {
		status := eventlog.Success
		if tt.failed {
			status = eventlog.Failed
		}
		if got := destination.Category(tt.t, status); got != tt.want {
			t.Errorf("%s (%s) is in %q, want %q", tt.t, status, got, tt.want)
		}
	}
}

func TestFilters(t *testing.T) {
	for _, tt := range []struct {
		name   string
		asked  []string
		t      eventlog.Type
		status eventlog.Status
		want   bool
	}{
		{"nothing is asked for", nil, eventlog.UserLoggedIn, eventlog.Success, false},
		{"everything is asked for", []string{"all"}, "custom.thing", eventlog.Success, true},
		{"but nobody gets dashd's own", []string{"all", "auth"}, eventlog.DashdKeyCreated, eventlog.Success, false},
		{"a category", []string{"email"}, eventlog.InvitationCreated, eventlog.Success, true},
		{"another category", []string{"email"}, eventlog.InvitationAccepted, eventlog.Success, false},
		{"a canonical name", []string{"user.banned"}, eventlog.UserBanned, eventlog.Success, true},
		{"the plugin's name", []string{"user_created"}, eventlog.UserJoined, eventlog.Success, true},
		{"the documentation's name", []string{"user_signed_up"}, eventlog.UserJoined, eventlog.Success, true},
		{"a failure by its name", []string{"user_sign_in_failed"}, eventlog.UserLoggedIn, eventlog.Failed, true},
		{"a success by the failure's name", []string{"user_sign_in_failed"}, eventlog.UserLoggedIn, eventlog.Success, false},
		{"a success beside the failure", []string{"user_sign_in_failed", "user_signed_in"}, eventlog.UserLoggedIn, eventlog.Success, true},
		{"a success before the failure", []string{"user_signed_in", "user_sign_in_failed"}, eventlog.UserLoggedIn, eventlog.Success, true},
		{"a name that stands for several", []string{"account_linked"}, eventlog.AccountLinked, eventlog.Success, true},
		{"a producer's own name", []string{"custom.thing"}, "custom.thing", eventlog.Success, true},
		{"a name beside another category", []string{"email", "team.created"}, eventlog.TeamCreated, eventlog.Success, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, name := range tt.asked {
				if !destination.ValidEventType(name) {
					t.Errorf("%q cannot be asked for", name)
				}
			}
			if got := destination.NewFilter(tt.asked).Selects(tt.t, tt.status); got != tt.want {
				t.Errorf("%q selects %s (%s): %t", tt.asked, tt.t, tt.status, got)
			}
		})
	}
	for _, name := range []string{"", "nothing", "ALL", "dashd.key.created", "a b", "user.", "dashd.x"} {
		if destination.ValidEventType(name) {
			t.Errorf("%q can be asked for", name)
		}
	}
}
