package projections

import (
	"dashd/eventlog"
)

// userRules are those of events about users, their accounts, sessions and second factors.
//
// The application is the authority over its users: what it says of one counts, whatever
// was there before. But events of one request arrive in any order, so nothing depends on
// that of a user or a session and what is said of it; and a session that has ended stays
// ended.
var userRules = map[eventlog.Type]rule{
	eventlog.UserJoined:        {fold: (*Tables).foldJoined, knows: true},
	eventlog.UserUpdated:       {fold: (*Tables).foldUserUpdated, knows: true},
	eventlog.UserImageUpdated:  {fold: (*Tables).foldUserUpdated, knows: true},
	eventlog.UserEmailChanged:  {fold: (*Tables).foldUserUpdated, knows: true},
	eventlog.UserEmailVerified: {fold: (*Tables).foldUserUpdated, knows: true},
	eventlog.UserBanned:        {fold: (*Tables).foldUserUpdated, knows: true},
	eventlog.UserUnbanned:      {fold: (*Tables).foldUserUpdated, knows: true},
	eventlog.UserDeleted:       {fold: (*Tables).foldUserDeleted},

	eventlog.UserPasswordChanged: {fold: (*Tables).foldAccount, knows: true},
	eventlog.AccountLinked:       {fold: (*Tables).foldAccount, knows: true},
	eventlog.OAuthLinked:         {fold: (*Tables).foldAccount, knows: true},
	eventlog.AccountUnlinked:     {fold: (*Tables).foldUnlinked},
	eventlog.OAuthUnlinked:       {fold: (*Tables).foldUnlinked},

	eventlog.UserLoggedIn:             {fold: (*Tables).foldSession, knows: true},
	eventlog.SessionCreated:           {fold: (*Tables).foldSession, knows: true},
	eventlog.OAuthSignIn:              {fold: (*Tables).foldSession, knows: true},
	eventlog.UserImpersonated:         {fold: (*Tables).foldSession, knows: true},
	eventlog.UserImpersonationStopped: {fold: (*Tables).foldSessionEnded},
	eventlog.SessionRevoked:           {fold: (*Tables).foldSessionEnded},
	eventlog.UserLoggedOut:            {fold: (*Tables).foldSessionEnded},
	eventlog.SessionRevokedAll:        {fold: (*Tables).foldSessionsEnded},

	eventlog.TwoFactorEnabled:              {fold: (*Tables).foldTwoFactor, knows: true},
	eventlog.TwoFactorBackupCodesGenerated: {fold: (*Tables).foldTwoFactor, knows: true},
	eventlog.TwoFactorDisabled:             {fold: (*Tables).foldTwoFactorDisabled, knows: true},
	eventlog.TwoFactorVerified:             {fold: (*Tables).foldActivity, knows: true},

	eventlog.UserEmailVerificationSent:       {fold: (*Tables).foldActivity, knows: true},
	eventlog.UserDeleteVerificationRequested: {fold: (*Tables).foldActivity, knows: true},
	eventlog.PasswordResetRequested:          {fold: (*Tables).foldActivity, knows: true},
	eventlog.PasswordResetCompleted:          {fold: (*Tables).foldActivity, knows: true},
	eventlog.PasswordResetRequestedOTP:       {fold: (*Tables).foldActivity, knows: true},
	eventlog.PasswordResetCompletedOTP:       {fold: (*Tables).foldActivity, knows: true},
	eventlog.PhoneNumberOTPRequested:         {fold: (*Tables).foldActivity, knows: true},
	eventlog.PhoneNumberVerification:         {fold: (*Tables).foldActivity, knows: true},
}

// validRef reports whether an id fits in a row. eventlog refuses others where they are
// fields of an event.
func validRef(id string) bool { return id != "" && len(id) <= maxRef && id != unknown }

// userMeant is the row of the user whom f is about, if there is one.
func (t *Tables) userMeant(f *fact) (ord uint32, ok bool) {
	if !validRef(f.UserID) {
		return 0, false
	}
	return t.userAgain(f.UserID)
}

// tellsNames reports whether the name and the e-mail in f are those that the user has
// since then. Studio tells of a change what was before; dashd's own events have what
// changes in their set.
func tellsNames(f *fact) bool {
	switch f.Origin.Vocabulary {
	case eventlog.VocabularyDashd:
		return false
	case eventlog.VocabularyStudio:
		return f.Type == eventlog.UserJoined
	}
	return true
}

// takeNames gives a user the name and the e-mail that f tells.
func takeNames(f *fact, u *User) {
	if !tellsNames(f) {
		return
	}
	if name := f.name("userName", "name"); name != "" {
		u.Name = name
	}
	if email := f.name("newEmail", "userEmail", "email"); email != "" {
		u.Email = lower(email)
	}
}

// takeUpdated gives a user what Studio says that he changed himself. The plugin gives a
// list of names there, and no values.
func takeUpdated(f *fact, u *User) {
	if changed := f.data().object("updatedFields"); changed.Len() > 0 {
		putText(changed, "name", &u.Name)
		putText(changed, "image", &u.Image)
	}
}

// setUser gives a user the columns of f's set.
func setUser(f *fact, u *User) {
	set := f.set()
	if set.Len() == 0 {
		return
	}
	putText(set, "name", &u.Name)
	putText(set, "email", &u.Email)
	u.Email = lower(u.Email)
	putFlag(set, "emailVerified", &u.EmailVerified)
	putText(set, "image", &u.Image)
	putTime(set, "createdAt", &u.CreatedAt)
	putTime(set, "updatedAt", &u.UpdatedAt)
	putText(set, "role", &u.Role)
	putFlag(set, "banned", &u.Banned)
	putText(set, "banReason", &u.BanReason)
	putTime(set, "banExpires", &u.BanExpires)
	putFlag(set, "twoFactorEnabled", &u.TwoFactorEnabled)
	putTime(set, "lastActiveAt", &u.LastActiveAt)
}

// foldJoined folds user.joined. A user of whom something was told before had joined
// then, at the latest.
func (t *Tables) foldJoined(f *fact) {
	if !validRef(f.UserID) {
		return
	}
	ord := t.userRowOf(f.UserID)
	known := t.users.At(int(ord)).flags&userKnown != 0
	u := t.user(ord)
	before := u
	if !known {
		u.CreatedAt, u.UpdatedAt = f.at(), f.at()
	}
	u.CreatedAt = min(u.CreatedAt, f.at())
	if f.ours() {
		putText(f.data(), "userName", &u.Name)
		putText(f.data(), "userEmail", &u.Email)
	}
	takeNames(f, &u)
	setUser(f, &u)
	if !known || u != before { // most often the event's names have made the row
		t.putUser(ord, u)
	}
}

// foldUserUpdated folds the events after which a user has other columns.
func (t *Tables) foldUserUpdated(f *fact) {
	ord, ok := t.userMeant(f)
	if !ok || t.users.At(int(ord)).flags&userKnown == 0 {
		return
	}
	u := t.user(ord)
	u.UpdatedAt = f.at()
	switch f.Type {
	case eventlog.UserEmailVerified:
		u.EmailVerified = true
	case eventlog.UserBanned:
		u.Banned, u.BanReason, u.BanExpires = true, Text(f.text("banReason")), 0
		putTime(f.data(), "banExpires", &u.BanExpires)
	case eventlog.UserUnbanned:
		u.Banned, u.BanReason, u.BanExpires = false, "", 0
	}
	takeNames(f, &u)
	takeUpdated(f, &u)
	setUser(f, &u)
	t.putUser(ord, u)
	t.touch(f, ord)
}

// foldUserDeleted folds user.deleted: all that belongs to the user goes with him.
func (t *Tables) foldUserDeleted(f *fact) {
	if !validRef(f.UserID) {
		return
	}
	t.forgetUser(f.UserID)
	t.factors.remove(f.UserID)
	ord, ok := t.userAgain(f.UserID)
	if !ok {
		return
	}
	t.endSessionsOf(ord)
	for _, account := range t.accountsOf(ord) {
		t.dropAccount(account)
	}
	t.dropUser(ord)
}

// foldTwoFactor folds two_factor.enabled and two_factor.backup_codes_generated. The box
// of the secret is believed from dashd alone.
func (t *Tables) foldTwoFactor(f *fact) {
	ord, ok := t.userMeant(f)
	if !ok || t.users.At(int(ord)).flags&userKnown == 0 {
		return
	}
	factor, known := t.factors.get(f.UserID)
	if f.Type == eventlog.TwoFactorEnabled {
		factor.Pending = false
		putFlag(f.set(), "pending", &factor.Pending)
		t.setTwoFactorEnabled(ord, !factor.Pending)
	} else if !known {
		return
	}
	factor.UserID = string([]byte(f.UserID))
	if f.ours() && len(f.Sealed) > 0 {
		factor.Sealed = append([]byte(nil), f.Sealed...)
	}
	t.factors.put(factor)
	t.touch(f, ord)
}

// foldTwoFactorDisabled folds two_factor.disabled.
func (t *Tables) foldTwoFactorDisabled(f *fact) {
	ord, ok := t.userMeant(f)
	if !ok {
		return
	}
	t.factors.remove(f.UserID)
	if t.users.At(int(ord)).flags&userKnown != 0 {
		t.setTwoFactorEnabled(ord, false)
		t.touch(f, ord)
	}
}

func (p *people) setTwoFactorEnabled(ord uint32, enabled bool) {
	if r := p.users.At(int(ord)); r.flags&userTwoFactor != bit(enabled, userTwoFactor) {
		p.users.Edit(int(ord)).flags ^= userTwoFactor
	}
}

// foldActivity folds the events that say of a user that he was there, and no more.
func (t *Tables) foldActivity(f *fact) {
	if ord, ok := t.userMeant(f); ok {
		t.touch(f, ord)
	}
}

// activityStep is how much newer lastActiveAt has to be to be worth a change, unless a
// session begins: Better Auth's default.
const activityStep Time = 5 * 60 * 1000

// touch notes that a user was active, if he himself did what f tells, in a session of his.
func (t *Tables) touch(f *fact, ord uint32) {
	if f.SessionID == "" || f.ActorID != "" && f.ActorID != f.UserID || f.ours() {
		return
	}
	if f.at()-t.activity.At(int(ord)).last < activityStep {
		return
	}
	if s, ok := t.sessionAgain(f.SessionID); ok && t.sessions.At(int(s)).seen() && t.sessions.At(int(s)).user == ord {
		t.setActive(ord, f.at())
	}
}
