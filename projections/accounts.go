package projections

import (
	"slices"

	"dashd/internal/cow"
)

// accountRow is an account. The row of one that was unlinked is empty.
type accountRow struct {
	text      string // id, subject; tail: see the tags
	createdAt Time
	updatedAt Time
	user      uint32
	before    uint32 // ordinal + 1 of the account that the user had got before
	provider  symbol // of words
	subject   uint16 // length; 0 if it is the user's id
	id        uint8  // length
}

// The tags of an account's tail.
const (
	accountScope byte = iota + 1
	accountAccessExpires
	accountRefreshExpires
	accountProvider // if it has no symbol
	accountSealed
)

// credential is the provider of passwords.
const credential = "credential"

func (r *accountRow) accountID() string { return r.text[:r.id] }

func (r *accountRow) tail() string { return r.text[int(r.id)+int(r.subject):] }

// account is the row as readers see it.
func (p *people) account(ord uint32) Account {
	r := p.accounts.At(int(ord))
	tail := r.tail()
	a := Account{
		ID:                    r.accountID(),
		AccountID:             p.subjectOf(r),
		ProviderID:            p.providerOf(r),
		UserID:                p.users.At(int(r.user)).userID(),
		AccessTokenExpiresAt:  timeFromTail(tail, accountAccessExpires),
		RefreshTokenExpiresAt: timeFromTail(tail, accountRefreshExpires),
		Scope:                 Text(fromTail(tail, accountScope)),
		CreatedAt:             r.createdAt,
		UpdatedAt:             r.updatedAt,
	}
	a.HasPassword = a.ProviderID == credential || fromTail(tail, accountSealed) != ""
	return a
}

// subjectOf is who the user is at the provider.
func (p *people) subjectOf(r *accountRow) string {
	if r.subject == 0 {
		return p.users.At(int(r.user)).userID()
	}
	return r.text[r.id : int(r.id)+int(r.subject)]
}

func (p *people) providerOf(r *accountRow) string {
	if r.provider == noSymbol {
		return fromTail(r.tail(), accountProvider)
	}
	return p.words.text(r.provider)
}

// packAccount is the inverse of account.
func (p *people) packAccount(a *Account, user, before uint32, sealed string, texts *arena) accountRow {
	r := accountRow{
		createdAt: a.CreatedAt, updatedAt: a.UpdatedAt, user: user, before: before,
		provider: p.words.symbol(a.ProviderID), id: uint8(len(a.ID)),
	}
	b := append(p.scratch[:0], a.ID...)
	if subject := clip(a.AccountID); subject != a.UserID {
		r.subject = uint16(len(subject))
		b = append(b, subject...)
	}
	b = appendTail(b, accountScope, a.Scope)
	b = appendTailTime(b, accountAccessExpires, a.AccessTokenExpiresAt)
	b = appendTailTime(b, accountRefreshExpires, a.RefreshTokenExpiresAt)
	if r.provider == noSymbol {
		b = appendTail(b, accountProvider, a.ProviderID)
	}
	b = appendTail(b, accountSealed, sealed)
	r.text, p.scratch = texts.add(b), b
	return r
}

func (p *people) findAccount(id string) (ord uint32, ok bool) {
	if id == "" {
		return 0, false
	}
	return p.accountIDs.Find(id, func(ord uint32) bool {
		r := p.accounts.At(int(ord))
		return r.text != "" && r.accountID() == id
	})
}

func (p *people) accountAlive(ord uint32) bool { return p.accounts.At(int(ord)).text != "" }

// addAccount adds an account to a user.
func (p *people) addAccount(user uint32, a Account, sealed string) {
	head := &p.activity.Edit(int(user)).account
	ord := uint32(p.accounts.Append(p.packAccount(&a, user, *head, sealed, &p.accountTexts)))
	*head = ord + 1
	p.accountIDs.Add(a.ID, ord, p.accountAlive)
}

// putAccount changes the row of an account to a, whose id and user it has.
func (p *people) putAccount(ord uint32, a Account, sealed string) {
	r := p.accounts.At(int(ord))
	*p.accounts.Edit(int(ord)) = p.packAccount(&a, r.user, r.before, sealed, nil)
}

// dropAccount empties the row of an account.
func (p *people) dropAccount(ord uint32) {
	r := *p.accounts.At(int(ord))
	for link := p.activity.At(int(r.user)).account; link != 0; {
		next := p.accounts.At(int(link - 1)).before
		switch {
		case link == ord+1: // it is the newest
			p.activity.Edit(int(r.user)).account = r.before
		case next == ord+1:
			p.accounts.Edit(int(link - 1)).before = r.before
		default:
			link = next
			continue
		}
		break
	}
	*p.accounts.Edit(int(ord)) = accountRow{}
}

// accountsOf returns the ordinals of a user's accounts, in the order of their rows.
func (p *people) accountsOf(user uint32) []uint32 {
	var list []uint32
	for link := p.activity.At(int(user)).account; link != 0; link = p.accounts.At(int(link - 1)).before {
		list = append(list, link-1)
	}
	slices.Reverse(list)
	return list
}

// Account returns an account by the id of its row.
func (t *Tables) Account(id string) (Account, bool) {
	ord, ok := t.findAccount(id)
	if !ok {
		return Account{}, false
	}
	return t.account(ord), true
}

// Accounts lists the accounts of a user.
func (t *Tables) Accounts(userID string) []Account {
	user, ok := t.findUser(userID)
	if !ok {
		return nil
	}
	var list []Account
	for _, ord := range t.accountsOf(user) {
		list = append(list, t.account(ord))
	}
	return list
}

// AccountSecret is the box with the password of an account, nil if there is none here:
// seal.Object{seal.Password, project, account id}.
func (t *Tables) AccountSecret(id string) []byte {
	ord, ok := t.findAccount(id)
	if !ok {
		return nil
	}
	return t.sealedOf(ord)
}

func (p *people) sealedOf(ord uint32) []byte {
	if box := fromTail(p.accounts.At(int(ord)).tail(), accountSealed); box != "" {
		return []byte(box)
	}
	return nil
}

// AccountsOfProvider lists the accounts at a provider.
func (t *Tables) AccountsOfProvider(providerID string) []Account {
	var list []Account
	for first, page := range t.accounts.Pages(0) {
		for i := range page {
			if r := &page[i]; r.text != "" && t.providerOf(r) == providerID {
				list = append(list, t.account(uint32(first+i)))
			}
		}
	}
	return list
}

func (p *people) reindexAccounts() {
	p.accountIDs = cow.IDs{}
	p.accountIDs.Load(p.accounts.Len(), idsOf(&p.accounts, func(r *accountRow) (string, bool) { return r.accountID(), r.text != "" }))
}
