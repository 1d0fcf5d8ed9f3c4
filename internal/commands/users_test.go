package commands_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"dashd/eventlog"
	"dashd/internal/commands"
	"dashd/internal/credential"
	"dashd/internal/errs"
	"dashd/internal/seal"
	"dashd/projections"
)

// town is a node with users in the project shop: ada, who has a password, bob, who is
// the only owner of acme, and eve, who is an owner of globex as ada is.
type town struct {
	*node
	ada, bob, eve string
	acme, globex  string
}

func newTown(t *testing.T) *town {
	t.Helper()
	n := withProjects(t)
	w := &town{node: n, ada: n.mustCreateUser(inShop, ada)}
	w.tell(eventlog.Event{Type: eventlog.AccountLinked, UserID: w.ada, Personal: eventlog.Personal{
		Metadata: []byte(`{"accountId":"pw1","providerId":"credential"}`), Origin: eventlog.Origin{Vocabulary: eventlog.VocabularyDash},
	}})
	w.bob = n.mustCreateUser(inShop, commands.UserCreate{Name: "Bob", Email: "bob@example.com"})
	w.eve = n.mustCreateUser(inShop, commands.UserCreate{Name: "Eve", Email: "eve@example.com"})
	w.acme = w.mustFound("Acme", w.bob)
	w.globex = w.mustFound("Globex", w.ada)
	if _, _, err := n.AddMember(t.Context(), inShop, commands.MemberAdd{OrganizationID: w.globex, UserID: w.eve, Role: "owner"}); err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *town) mustFound(name, owner string) string {
	w.t.Helper()
	_, id, err := w.CreateOrganization(w.t.Context(), inShop, commands.OrganizationCreate{OwnerID: owner, Name: name, Slug: strings.ToLower(name)})
	if err != nil {
		w.t.Fatal(err)
	}
	return id
}

// signIn says, as an application does, that a user has begun a session.
func (w *town) signIn(user, session string) {
	w.t.Helper()
	w.tell(eventlog.Event{Type: eventlog.SessionCreated, UserID: user, SessionID: session, Personal: eventlog.Personal{
		Metadata: []byte(`{"loginMethod":"email"}`), UserAgent: "Firefox", Origin: eventlog.Origin{Vocabulary: eventlog.VocabularyDash},
	}})
}

// tell appends an event of the application.
func (w *town) tell(e eventlog.Event) {
	w.t.Helper()
	e.Project = "shop"
	if err := e.Check(noon); err != nil {
		w.t.Fatal(err)
	}
	if _, err := w.appender.Append(w.t.Context(), []eventlog.Event{e}); err != nil {
		w.t.Fatal(err)
	}
}

// tables are those of the project shop as of now.
func (w *town) tables() *projections.Tables {
	w.t.Helper()
	if err := w.dash.Wait(w.t.Context(), w.log.Head()); err != nil {
		w.t.Fatal(err)
	}
	return w.dash.Image().Tables("shop")
}

// did checks what a command did: that it did not fail, the events it appended, and that
// each says who did it.
func (w *town) did(head uint64, err error, want ...eventlog.Type) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
	if got := w.types(head); !slices.Equal(got, want) {
		w.t.Errorf("events %v, want %v", got, want)
	}
	for _, r := range w.records()[head:] {
		by, _ := eventlog.MetadataText(r.Metadata, "triggeredBy")
		where, _ := eventlog.MetadataText(r.Metadata, "triggerContext")
		if r.ActorID != "op1" || by != "op1" || where != "dashboard" || r.Project != "shop" || r.Origin.Vocabulary != eventlog.VocabularyDashd {
			w.t.Errorf("%s: actor %q, triggered by %q in %q, project %q", r.Type, r.ActorID, by, where, r.Project)
		}
	}
}

// last is the metadata of the last event of a type.
func (w *town) last(t eventlog.Type) map[string]any {
	w.t.Helper()
	for _, r := range slices.Backward(w.records()) {
		if r.Type == t {
			var m map[string]any
			if err := json.Unmarshal(r.Metadata, &m); err != nil {
				w.t.Fatal(err)
			}
			return m
		}
	}
	w.t.Fatalf("no %s", t)
	return nil
}

func TestRefusedUserCommandsChangeNothing(t *testing.T) {
	w := newTown(t)
	w.signIn(w.ada, "s1")
	if _, _, err := w.EnableTwoFactor(t.Context(), inShop, commands.TwoFactorEnable{UserID: w.eve}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.BanUser(t.Context(), inShop, w.eve, commands.Ban{}); err != nil {
		t.Fatal(err)
	}
	account := w.tables().Accounts(w.ada)[0].ID
	ctx, text := t.Context(), func(s string) *string { return &s }
	create := func(cmd commands.UserCreate) func() error {
		return func() error { _, _, err := w.CreateUser(ctx, inShop, cmd); return err }
	}
	update := func(cmd commands.UserUpdate) func() error {
		return func() error { _, err := w.UpdateUser(ctx, inShop, cmd); return err }
	}
	unlink := func(cmd commands.AccountUnlink) func() error {
		return func() error { _, err := w.UnlinkAccount(ctx, inShop, cmd); return err }
	}
	impersonate := func(cmd commands.UserImpersonate) func() error {
		return func() error { _, _, err := w.Impersonate(ctx, inShop, cmd); return err }
	}
	const noUser, noFactor = "USER_NOT_FOUND", "TWO_FACTOR_AUTHENTICATION_NOT_SET_UP_FOR_THIS_USER"
	tests := []struct {
		name string
		do   func() error
		kind errs.Kind
		code string
	}{
		{"a second user with an e-mail address", create(commands.UserCreate{Name: "A", Email: "ADA@example.com"}), errs.Invalid, "USER_WITH_THIS_EMAIL_ALREADY_EXIST"},
		{"a user in no organization", create(commands.UserCreate{Name: "A", Email: "a@example.com", OrganizationID: "x"}), errs.Invalid, "ORGANIZATION_NOT_FOUND"},
		{"a user in a role that is none", create(commands.UserCreate{Name: "A", Email: "a@example.com", OrganizationID: w.acme, OrganizationRole: "boss"}), errs.Invalid, "INVALID_ROLE_ALLOWED_ROLES_MEMBER_ADMIN_OWNER"},
		{"an update of nothing", update(commands.UserUpdate{ID: w.ada}), errs.Invalid, "NO_VALID_FIELDS_TO_UPDATE"},
		{"an update of nobody", update(commands.UserUpdate{ID: "x", Name: text("A")}), errs.NotFound, noUser},
		{"the e-mail address of another", update(commands.UserUpdate{ID: w.ada, Email: text("BOB@example.com")}), errs.Invalid, "USER_WITH_THIS_EMAIL_ALREADY_EXIST"},
		{"the end of nobody", func() error {
			_, err := w.DeleteUser(ctx, inShop, commands.UserDelete{ID: "x", Force: true})
			return err
		}, errs.NotFound, noUser},
		{"the end of an only owner", func() error { _, err := w.DeleteUser(ctx, inShop, commands.UserDelete{ID: w.bob}); return err }, errs.Invalid, "YOU_CANNOT_LEAVE_THE_ORGANIZATION_WITHOUT_AN_OWNER"},
		{"a ban of nobody", func() error { _, err := w.BanUser(ctx, inShop, "x", commands.Ban{}); return err }, errs.NotFound, noUser},
		{"an unban of nobody", func() error { _, err := w.UnbanUser(ctx, inShop, "x"); return err }, errs.NotFound, noUser},
		{"a password of nobody", func() error {
			_, err := w.SetPassword(ctx, inShop, commands.UserPassword{ID: "x", Password: "long enough"})
			return err
		}, errs.NotFound, noUser},
		{"becoming nobody", impersonate(commands.UserImpersonate{UserID: "x", Lifetime: 600}), errs.NotFound, noUser},
		{"becoming one who is banned", impersonate(commands.UserImpersonate{UserID: w.eve, Lifetime: 600}), errs.Forbidden, "BANNED_USER"},
		{"a token for no key", impersonate(commands.UserImpersonate{UserID: w.ada, Lifetime: 600, KeyID: "x"}), errs.NotFound, "KEY_NOT_FOUND"},
		{"the end of no session", func() error { _, err := w.RevokeSession(ctx, inShop, commands.SessionRevoke{ID: "x"}); return err }, errs.NotFound, "SESSION_NOT_FOUND"},
		{"the end of another's session", func() error {
			_, err := w.RevokeSession(ctx, inShop, commands.SessionRevoke{ID: "s1", UserID: w.bob})
			return err
		}, errs.NotFound, "SESSION_NOT_FOUND"},
		{"the end of nobody's sessions", func() error { _, err := w.RevokeAllSessions(ctx, inShop, "x"); return err }, errs.NotFound, noUser},
		{"an account of nobody", unlink(commands.AccountUnlink{UserID: "x", ProviderID: "credential", AccountID: account}), errs.NotFound, noUser},
		{"no account", unlink(commands.AccountUnlink{UserID: w.ada, ProviderID: "credential", AccountID: "x"}), errs.NotFound, "ACCOUNT_NOT_FOUND"},
		{"an account at another provider", unlink(commands.AccountUnlink{UserID: w.ada, ProviderID: "github", AccountID: account}), errs.NotFound, "ACCOUNT_NOT_FOUND"},
		{"another's account", unlink(commands.AccountUnlink{UserID: w.bob, ProviderID: "credential", AccountID: account}), errs.NotFound, "ACCOUNT_NOT_FOUND"},
		{"the last account", unlink(commands.AccountUnlink{UserID: w.ada, ProviderID: "credential", AccountID: account}), errs.Invalid, "CANNOT_UNLINK_THE_LAST_ACCOUNT_THIS_WOULD_LOCK_THE_USER_OUT"},
		{"a second factor of nobody", func() error {
			_, _, err := w.EnableTwoFactor(ctx, inShop, commands.TwoFactorEnable{UserID: "x"})
			return err
		}, errs.NotFound, noUser},
		{"another second factor", func() error {
			_, _, err := w.EnableTwoFactor(ctx, inShop, commands.TwoFactorEnable{UserID: w.eve})
			return err
		}, errs.Invalid, "TWO_FACTOR_AUTHENTICATION_IS_ALREADY_ENABLED_FOR_THIS_USER"},
		{"no second factor of nobody", func() error { _, err := w.DisableTwoFactor(ctx, inShop, "x"); return err }, errs.NotFound, noUser},
		{"the end of a set-up of nobody", func() error { _, err := w.CompleteTwoFactor(ctx, inShop, "x"); return err }, errs.NotFound, noUser},
		{"the end of a set-up that did not begin", func() error { _, err := w.CompleteTwoFactor(ctx, inShop, w.ada); return err }, errs.Invalid, "TWO_FACTOR_SETUP_NOT_PENDING"},
		{"the end of a set-up that is over", func() error { _, err := w.CompleteTwoFactor(ctx, inShop, w.eve); return err }, errs.Invalid, "TWO_FACTOR_AUTHENTICATION_IS_ALREADY_ENABLED_FOR_THIS_USER"},
		{"backup codes without a second factor", func() error {
			_, _, err := w.GenerateBackupCodes(ctx, inShop, commands.BackupCodesGenerate{UserID: w.ada})
			return err
		}, errs.NotFound, noFactor},
		{"the secret of no second factor", func() error { _, err := w.TOTP(w.tables(), "shop", w.ada); return err }, errs.NotFound, noFactor},
		{"the codes of no second factor", func() error { _, err := w.BackupCodes(w.tables(), "shop", "x"); return err }, errs.NotFound, noFactor},
	}
	before := w.tables()
	head := w.log.Head()
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if err := tt.do(); errs.KindOf(err) != tt.kind || errs.CodeOf(err) != tt.code {
				t.Errorf("error = %v (%v, %s); want %v, %s", err, errs.KindOf(err), errs.CodeOf(err), tt.kind, tt.code)
			}
		})
	}
	if w.log.Head() != head || w.tables() != before {
		t.Error("a refused command has changed something")
	}
}

func TestCreatedUserHasWhatWasAskedFor(t *testing.T) {
	w := newTown(t)
	head := w.log.Head()
	done, made, err := w.CreateUser(t.Context(), inShop, commands.UserCreate{
		Name: "Grace", Email: "Grace@Example.com", Image: "https://x.example/g.png", EmailVerified: true,
		GeneratePassword: true, OrganizationID: w.acme,
	})
	w.did(head, err, eventlog.UserJoined, eventlog.AccountLinked, eventlog.MemberAdded)
	u, _ := done.Tables.User(made.ID)
	want := projections.User{
		ID: made.ID, Name: "Grace", Email: "grace@example.com", EmailVerified: true, Image: "https://x.example/g.png",
		Role: "user", CreatedAt: projections.Time(noon), UpdatedAt: projections.Time(noon),
	}
	if u != want {
		t.Errorf("user\n got %+v\nwant %+v", u, want)
	}
	if m, ok := done.Tables.MemberOf(w.acme, made.ID); !ok || m.Role != "member" {
		t.Errorf("membership = %+v, %v", m, ok)
	}
	w.wantPassword(made.ID, made.Password)

	// A password that is blank is none, one that is given is not replaced.
	if id := w.mustCreateUser(inShop, commands.UserCreate{Name: "N", Email: "n@example.com", Password: "  "}); len(w.tables().Accounts(id)) != 0 {
		t.Error("a blank password makes an account")
	}
	_, made, err = w.CreateUser(t.Context(), inShop, commands.UserCreate{Name: "M", Email: "m@example.com", Password: "given one", GeneratePassword: true})
	if err != nil || made.Password != "" {
		t.Errorf("a password is generated beside the given one: %q, %v", made.Password, err)
	}
	w.wantPassword(made.ID, "given one")
}

// wantPassword checks that a user has one password, and that it is the one in the box.
func (w *town) wantPassword(userID, password string) {
	w.t.Helper()
	accounts := w.tables().Accounts(userID)
	if len(accounts) != 1 || accounts[0].ProviderID != "credential" || accounts[0].AccountID != userID || !accounts[0].HasPassword {
		w.t.Fatalf("accounts = %+v", accounts)
	}
	object := seal.Object{Class: seal.Password, Project: "shop", ID: accounts[0].ID}
	stored, err := sealer.Open(object, w.tables().AccountSecret(accounts[0].ID))
	if err != nil || !credential.VerifyPassword(string(stored), password) {
		w.t.Errorf("the stored password is not %q: %v", password, err)
	}
}

func TestSetPassword(t *testing.T) {
	w := newTown(t)
	w.signIn(w.ada, "s1")
	head := w.log.Head()
	_, err := w.SetPassword(t.Context(), inShop, commands.UserPassword{ID: w.ada, Password: "new password"})
	w.did(head, err, eventlog.UserPasswordChanged)
	w.wantPassword(w.ada, "new password")
	if len(w.tables().Sessions(w.ada)) != 1 {
		t.Error("the session has ended")
	}
	head = w.log.Head()
	_, err = w.SetPassword(t.Context(), inShop, commands.UserPassword{ID: w.bob, Password: "first password"})
	w.did(head, err, eventlog.AccountLinked, eventlog.UserPasswordChanged)
	w.wantPassword(w.bob, "first password")
	head = w.log.Head()
	_, err = w.SetPassword(t.Context(), inShop, commands.UserPassword{ID: w.ada, Password: "third password", RevokeSessions: true})
	w.did(head, err, eventlog.UserPasswordChanged, eventlog.SessionRevokedAll)
	if len(w.tables().Sessions(w.ada)) != 0 {
		t.Error("the session goes on")
	}
}

func TestUpdateTellsWhatItChanged(t *testing.T) {
	text, flag := func(s string) *string { return &s }, func(b bool) *bool { return &b }
	tests := []struct {
		name   string
		cmd    commands.UserUpdate
		events []eventlog.Type
		fields []any
		want   func(*projections.User)
	}{
		{
			"the name",
			commands.UserUpdate{Name: text("Ada L.")},
			[]eventlog.Type{eventlog.UserUpdated},
			[]any{"name"},
			func(u *projections.User) { u.Name = "Ada L." },
		},
		{
			"the image alone",
			commands.UserUpdate{Image: text("https://x.example/a.png")},
			[]eventlog.Type{eventlog.UserImageUpdated},
			[]any{"image"},
			func(u *projections.User) { u.Image = "https://x.example/a.png" },
		},
		{
			"the image, taken away",
			commands.UserUpdate{Image: text("")},
			[]eventlog.Type{eventlog.UserUpdated},
			[]any{"image"},
			func(u *projections.User) { u.Image = "" },
		},
		{
			"that the e-mail address is verified",
			commands.UserUpdate{EmailVerified: flag(true)},
			[]eventlog.Type{eventlog.UserEmailVerified},
			[]any{"emailVerified"},
			func(u *projections.User) { u.EmailVerified = true },
		},
		{
			"that it is not",
			commands.UserUpdate{EmailVerified: flag(false)},
			[]eventlog.Type{eventlog.UserUpdated},
			[]any{"emailVerified"},
			func(u *projections.User) { u.EmailVerified = false },
		},
		{
			"the e-mail address, which is not verified then",
			commands.UserUpdate{Email: text("NEW@example.com")},
			[]eventlog.Type{eventlog.UserUpdated, eventlog.UserEmailChanged},
			[]any{"email"},
			func(u *projections.User) { u.Email, u.EmailVerified = "new@example.com", false },
		},
		{
			"the e-mail address, which is verified",
			commands.UserUpdate{Email: text("newer@example.com"), EmailVerified: flag(true), Name: text("Ada")},
			[]eventlog.Type{eventlog.UserUpdated, eventlog.UserEmailChanged, eventlog.UserEmailVerified},
			[]any{"name", "email", "emailVerified"},
			func(u *projections.User) { u.Email, u.EmailVerified, u.Name = "newer@example.com", true, "Ada" },
		},
		{
			"the same e-mail address in capitals",
			commands.UserUpdate{Email: text("NEWER@example.com")},
			[]eventlog.Type{eventlog.UserUpdated},
			[]any{"email"},
			func(*projections.User) {},
		},
	}
	w := newTown(t)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.cmd.ID = w.ada
			want, _ := w.tables().User(w.ada)
			head := w.log.Head()
			done, err := w.UpdateUser(t.Context(), inShop, tt.cmd)
			w.did(head, err, tt.events...)
			tt.want(&want)
			if got, _ := done.Tables.User(w.ada); got != want {
				t.Errorf("user\n got %+v\nwant %+v", got, want)
			}
			if got := w.last(tt.events[0])["updatedFields"]; !slices.Equal(got.([]any), tt.fields) {
				t.Errorf("updatedFields = %v, want %v", got, tt.fields)
			}
		})
	}
}

func TestDeletedUserTakesAllWithHim(t *testing.T) {
	w := newTown(t)
	w.signIn(w.ada, "s1")
	w.tell(eventlog.Event{Type: eventlog.OAuthLinked, UserID: w.ada, Personal: eventlog.Personal{
		Metadata: []byte(`{"accountId":"gh1","providerId":"github"}`), Origin: eventlog.Origin{Vocabulary: eventlog.VocabularyDash},
	}})
	head := w.log.Head()
	done, err := w.DeleteUser(t.Context(), inShop, commands.UserDelete{ID: w.ada})
	w.did(head, err, eventlog.SessionRevokedAll, eventlog.AccountUnlinked, eventlog.OAuthUnlinked, eventlog.MemberRemoved, eventlog.UserDeleted)
	if _, ok := done.Tables.User(w.ada); ok || len(done.Tables.Sessions(w.ada))+len(done.Tables.Accounts(w.ada))+len(done.Tables.Memberships(w.ada)) != 0 {
		t.Error("something is left of her")
	}
	// Eve has become the only owner of globex.
	if _, err := w.DeleteUser(t.Context(), inShop, commands.UserDelete{ID: w.eve}); err == nil {
		t.Error("the only owner is deleted")
	}
	head = w.log.Head()
	_, err = w.DeleteUser(t.Context(), inShop, commands.UserDelete{ID: w.eve, Force: true})
	w.did(head, err, eventlog.MemberRemoved, eventlog.UserDeleted)
}

func TestBans(t *testing.T) {
	w := newTown(t)
	day := projections.Time(noon + 86_400_000)
	w.signIn(w.ada, "s1")
	head := w.log.Head()
	done, err := w.BanUser(t.Context(), inShop, w.ada, commands.Ban{Reason: "spam", Expires: day, KeepSessions: true})
	w.did(head, err, eventlog.UserBanned)
	if u, _ := done.Tables.User(w.ada); !u.Banned || u.BanReason != "spam" || u.BanExpires != day || len(done.Tables.Sessions(w.ada)) != 1 {
		t.Errorf("banned for a day: %+v", u)
	}
	if m := w.last(eventlog.UserBanned); m["banReason"] != "spam" || m["banExpires"] != "2025-06-16T15:06:40.000Z" {
		t.Errorf("the event says %v", m)
	}
	head = w.log.Head()
	done, err = w.BanUser(t.Context(), inShop, w.ada, commands.Ban{})
	w.did(head, err, eventlog.UserBanned, eventlog.SessionRevokedAll)
	if u, _ := done.Tables.User(w.ada); !u.Banned || u.BanReason != "" || u.BanExpires != 0 || len(done.Tables.Sessions(w.ada)) != 0 {
		t.Errorf("banned again, for ever: %+v", u)
	}
	head = w.log.Head()
	done, err = w.UnbanUser(t.Context(), inShop, w.ada)
	w.did(head, err, eventlog.UserUnbanned)
	if u, _ := done.Tables.User(w.ada); u.Banned {
		t.Errorf("unbanned: %+v", u)
	}
	head = w.log.Head()
	_, err = w.UnbanUser(t.Context(), inShop, w.ada)
	w.did(head, err)
}

// A ban may be over when it begins: it bans nobody.
func TestBanThatIsOver(t *testing.T) {
	w := newTown(t)
	if _, err := w.Bootstrap(t.Context(), commands.Bootstrap{}); err != nil {
		t.Fatal(err)
	}
	done, err := w.BanUser(t.Context(), inShop, w.ada, commands.Ban{Reason: "late", Expires: projections.Time(noon)})
	if err != nil {
		t.Fatal(err)
	}
	u, _ := done.Tables.User(w.ada)
	if u.BannedAt(projections.Time(noon)) || !u.BannedAt(projections.Time(noon-1)) {
		t.Errorf("banned until noon, and at noon: %+v", u)
	}
	if now := u.AsOf(projections.Time(noon)); now.Banned || now.BanReason != "" || now.BanExpires != 0 {
		t.Errorf("as of noon: %+v", now)
	}
	if _, _, err := w.Impersonate(t.Context(), inShop, commands.UserImpersonate{UserID: w.ada, Lifetime: 60}); err != nil {
		t.Errorf("becoming one whose ban is over: %v", err)
	}
}

func TestUnlinkAccount(t *testing.T) {
	w := newTown(t)
	w.tell(eventlog.Event{Type: eventlog.OAuthLinked, UserID: w.ada, Personal: eventlog.Personal{
		Metadata: []byte(`{"accountId":"gh1","providerId":"github"}`), Origin: eventlog.Origin{Vocabulary: eventlog.VocabularyDash},
	}})
	head := w.log.Head()
	_, err := w.UnlinkAccount(t.Context(), inShop, commands.AccountUnlink{UserID: w.ada, ProviderID: "github", AccountID: "gh1"})
	w.did(head, err, eventlog.OAuthUnlinked)
	if left := w.tables().Accounts(w.ada); len(left) != 1 || left[0].ProviderID != "credential" {
		t.Errorf("left: %+v", left)
	}
}

func TestSessionsEnd(t *testing.T) {
	w := newTown(t)
	ctx := t.Context()
	for i := range 4 {
		w.signIn(w.ada, fmt.Sprintf("a%d", i))
		w.signIn(w.bob, fmt.Sprintf("b%d", i))
	}
	w.tables()
	head := w.log.Head()
	_, err := w.RevokeSession(ctx, inShop, commands.SessionRevoke{ID: "a0", UserID: w.ada})
	w.did(head, err, eventlog.SessionRevoked)
	if m := w.last(eventlog.SessionRevoked); m["sessionId"] != "a0" || m["loginMethod"] != "email" || m["userAgent"] != "Firefox" || m["userEmail"] != "ada@example.com" {
		t.Errorf("the event says %v", m)
	}
	none := []eventlog.Type{eventlog.DashdCommandUnneeded}
	tests := []struct {
		name   string
		cmd    commands.SessionsDelete
		n      int
		events []eventlog.Type
	}{
		{"those of a list that are hers", commands.SessionsDelete{UserID: w.ada, IDs: []string{"a1", "b0", "x", "a1"}}, 1, []eventlog.Type{eventlog.SessionRevoked}},
		{"those of a list", commands.SessionsDelete{IDs: []string{"a2", "b0", "x"}}, 2, []eventlog.Type{eventlog.SessionRevoked, eventlog.SessionRevoked}},
		{"none of a list", commands.SessionsDelete{IDs: []string{}}, 0, none},
		{"all of hers", commands.SessionsDelete{UserID: w.ada}, 1, []eventlog.Type{eventlog.SessionRevokedAll}},
		{"all of hers when she has none", commands.SessionsDelete{UserID: w.ada}, 0, none},
		{"all of nobody's", commands.SessionsDelete{UserID: "x"}, 0, none},
	}
	for i, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			head := w.log.Head()
			call := once(fmt.Sprint(i), tt.name)
			_, n, err := w.DeleteSessions(ctx, call, tt.cmd)
			w.did(head, err, tt.events...)
			if n != tt.n {
				t.Errorf("%d deleted, want %d", n, tt.n)
			}
			if again, n, err := w.DeleteSessions(ctx, call, tt.cmd); err != nil || n != tt.n || !again.Repeat {
				t.Errorf("the repeat: %d deleted, %v, %v", n, again.Repeat, err)
			}
		})
	}
	head = w.log.Head()
	_, err = w.RevokeAllSessions(ctx, inShop, w.bob)
	w.did(head, err, eventlog.SessionRevokedAll)
	head = w.log.Head()
	_, err = w.RevokeAllSessions(ctx, inShop, w.bob)
	w.did(head, err)
}
