package projections

import "dashd/eventlog"

// foldAccount folds account.linked, oauth.linked and user.password_changed: afterwards
// the user has the account. The box of a password is believed from dashd alone.
func (t *Tables) foldAccount(f *fact) {
	if !validRef(f.UserID) {
		return
	}
	user := t.userRowOf(f.UserID)
	provider := f.name("providerId", "provider")
	if f.Type == eventlog.UserPasswordChanged || f.Type == eventlog.AccountLinked {
		provider = credential
	}
	ord, known := t.accountMeant(f, user, provider)
	var a Account
	var sealed string
	switch {
	case known:
		a, sealed = t.account(ord), string(t.sealedOf(ord))
		a.UpdatedAt = max(a.UpdatedAt, f.at())
	case provider == "":
		return // an account of nobody knows what
	default:
		a = Account{ID: accountID(f, provider), AccountID: f.UserID, UserID: f.UserID, CreatedAt: f.at(), UpdatedAt: f.at()}
		if _, taken := t.findAccount(a.ID); taken {
			return // somebody else's
		}
		if provider != credential {
			a.AccountID = ""
		}
	}
	if provider != "" {
		a.ProviderID = clip(provider)
	}
	setAccount(f, &a)
	if f.ours() && len(f.Sealed) > 0 {
		sealed = string(f.Sealed)
	}
	if known {
		t.putAccount(ord, a, sealed)
	} else {
		t.addAccount(user, a, sealed)
	}
	t.touch(f, user)
}

// accountID is the id of the row of a new account. One that comes without is called by
// what there can be one of.
func accountID(f *fact, provider string) string {
	if id := f.name("accountId"); validRef(id) {
		return id
	}
	return clipRef(provider + ":" + f.UserID)
}

func clipRef(id string) string { return id[:min(len(id), maxRef)] }

// accountMeant finds the account of a user that f tells of: the one with the row id, or
// else with the subject, that f names; if it names none, the one at the provider.
func (t *Tables) accountMeant(f *fact, user uint32, provider string) (ord uint32, ok bool) {
	id := f.name("accountId")
	if ord, ok := t.findAccount(id); ok {
		return ord, t.accounts.At(int(ord)).user == user
	}
	// The chain begins with the newest account; the oldest is meant.
	for link := t.activity.At(int(user)).account; link != 0; {
		r := t.accounts.At(int(link - 1))
		if t.providerOf(r) == provider && (id == "" || t.subjectOf(r) == id) {
			ord, ok = link-1, true
		}
		link = r.before
	}
	return ord, ok
}

// setAccount gives an account the columns of f's set.
func setAccount(f *fact, a *Account) {
	set := f.set()
	if set.Len() == 0 {
		return
	}
	putText(set, "accountId", &a.AccountID)
	putText(set, "scope", &a.Scope)
	putTime(set, "accessTokenExpiresAt", &a.AccessTokenExpiresAt)
	putTime(set, "refreshTokenExpiresAt", &a.RefreshTokenExpiresAt)
	putTime(set, "createdAt", &a.CreatedAt)
	putTime(set, "updatedAt", &a.UpdatedAt)
	a.Scope = clip(a.Scope)
}

// foldUnlinked folds account.unlinked and oauth.unlinked.
func (t *Tables) foldUnlinked(f *fact) {
	user, ok := t.userMeant(f)
	if !ok {
		return
	}
	provider := f.name("providerId", "provider")
	if f.Type == eventlog.AccountUnlinked {
		provider = credential
	}
	if ord, ok := t.accountMeant(f, user, provider); ok {
		t.dropAccount(ord)
	}
	t.touch(f, user)
}
