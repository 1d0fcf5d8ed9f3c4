package projections

import (
	"strings"

	"dashd/internal/cow"
)

// userRow is a user, or one that is known only by his id: because something belongs to him,
// because he did something, or because he was deleted. So an ordinal stands for the same
// id for ever, whatever is told of it.
type userRow struct {
	text      string // id, email, name; tail: see the tags
	createdAt Time
	updatedAt Time
	email     uint16 // length
	name      uint16 // length
	role      symbol // of words
	id        uint8  // length
	flags     uint8
}

const (
	userKnown uint8 = 1 << iota
	userVerified
	userBanned
	userTwoFactor
)

// The tags of a user's tail.
const (
	userImage byte = iota + 1
	userBanReason
	userBanExpires
	userRole   // if it has no symbol
	userFolded // the name in lower case, if that is not simply found out
)

func (r *userRow) userID() string { return r.text[:r.id] }

func (r *userRow) emailText() string { return r.text[r.id : int(r.id)+int(r.email)] }

func (r *userRow) nameText() string {
	start := int(r.id) + int(r.email)
	return r.text[start : start+int(r.name)]
}

func (r *userRow) tail() string { return r.text[int(r.id)+int(r.email)+int(r.name):] }

// foldedName is the name in lower case, if ready; else the name, of which only letters of
// ASCII have to be changed for it.
func (r *userRow) foldedName() (name string, ready bool) {
	if tail := r.tail(); tail != "" {
		if folded := fromTail(tail, userFolded); folded != "" {
			return folded, true
		}
	}
	return r.nameText(), false
}

// user is the row as readers see it.
func (p *people) user(ord uint32) User {
	r := p.users.At(int(ord))
	u := User{
		ID:               r.userID(),
		Name:             r.nameText(),
		Email:            r.emailText(),
		EmailVerified:    r.flags&userVerified != 0,
		CreatedAt:        r.createdAt,
		UpdatedAt:        r.updatedAt,
		Role:             Text(p.roleOf(r)),
		Banned:           r.flags&userBanned != 0,
		TwoFactorEnabled: r.flags&userTwoFactor != 0,
		LastActiveAt:     p.activity.At(int(ord)).last,
	}
	if tail := r.tail(); tail != "" {
		u.Image = Text(fromTail(tail, userImage))
		u.BanReason = Text(fromTail(tail, userBanReason))
		u.BanExpires = timeFromTail(tail, userBanExpires)
	}
	return u
}

func (p *people) roleOf(r *userRow) string {
	if r.role == noSymbol {
		return fromTail(r.tail(), userRole)
	}
	return p.words.text(r.role)
}

// packUser is the inverse of user, lastActiveAt aside.
func (p *people) packUser(u *User, texts *arena) userRow {
	u.Name, u.Email, u.Image, u.BanReason = clip(u.Name), clip(lower(u.Email)), clip(u.Image), clip(u.BanReason)
	r := userRow{
		createdAt: u.CreatedAt, updatedAt: u.UpdatedAt,
		id: uint8(len(u.ID)), email: uint16(len(u.Email)), name: uint16(len(u.Name)),
		role:  p.words.symbol(string(u.Role)),
		flags: userKnown | bit(u.EmailVerified, userVerified) | bit(u.Banned, userBanned) | bit(u.TwoFactorEnabled, userTwoFactor),
	}
	b := append(p.scratch[:0], u.ID...)
	b = append(b, u.Email...)
	b = append(b, u.Name...)
	b = appendTail(b, userImage, u.Image)
	b = appendTail(b, userBanReason, u.BanReason)
	b = appendTailTime(b, userBanExpires, u.BanExpires)
	if r.role == noSymbol {
		b = appendTail(b, userRole, clip(u.Role))
	}
	if !isASCII(u.Name) {
		if folded := clip(lower(u.Name)); folded != u.Name {
			b = appendTail(b, userFolded, folded)
		}
	}
	r.text, p.scratch = texts.add(b), b
	return r
}

func bit(set bool, flag uint8) uint8 {
	if set {
		return flag
	}
	return 0
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

// findUser finds the row with an id, also that of a user of whom only the id is known.
func (p *people) findUser(id string) (ord uint32, ok bool) {
	if id == "" {
		return 0, false
	}
	return p.userIDs.Find(id, func(ord uint32) bool {
		return p.users.At(int(ord)).userID() == id
	})
}

// userAgain is findUser for the writer. It is fast if he asks for the same user again, as he
// does for one event, and for the events of one request.
func (p *people) userAgain(id string) (ord uint32, ok bool) {
	if r := p.users.At(int(p.lastUser)); r != nil && r.userID() == id {
		return p.lastUser, true
	}
	if ord, ok = p.findUser(id); ok {
		p.lastUser = ord
	}
	return ord, ok
}

// knownUser finds the row of a user.
func (p *people) knownUser(id string) (ord uint32, ok bool) {
	ord, ok = p.findUser(id)
	return ord, ok && p.users.At(int(ord)).flags&userKnown != 0
}

func (p *people) userAlive(uint32) bool { return true }

// userRowOf finds the row with an id, or makes one of a user of whom only the id is
// known, for something to belong to. There must be an id that fits.
func (p *people) userRowOf(id string) (ord uint32) {
	if ord, ok := p.userAgain(id); ok {
		return ord
	}
	return p.appendUser(strings.Clone(id))
}

// appendUser makes a row that holds a new id.
func (p *people) appendUser(id string) (ord uint32) {
	ord = uint32(p.users.Append(userRow{text: id, id: uint8(len(id))}))
	p.activity.Append(activityRow{})
	if ord%cow.PageLen == 0 {
		p.activeUntil.Append(0)
	}
	p.userIDs.Add(id, ord, p.userAlive)
	p.lastUser = ord
	return ord
}

// putUser changes the row of a user to u, whose id it has, and makes him known.
func (p *people) putUser(ord uint32, u User) {
	old := *p.users.At(int(ord))
	var texts *arena
	if old.flags&userKnown == 0 {
		texts = &p.userTexts
	}
	r := p.packUser(&u, texts)
	if old.flags&userKnown == 0 {
		p.known++
		p.emails.Add(hashOf(u.Email), ord)
		p.joined.Add(timeKey(u.CreatedAt), ord)
		p.joinedDays.add(dayKey(0, dayOf(u.CreatedAt)), ord)
		p.joinedDays.add(everybodyKey, ord)
	} else {
		if was := old.emailText(); was != u.Email {
			p.emails.Remove(hashOf(was), ord)
			p.emails.Add(hashOf(u.Email), ord)
		}
		if old.createdAt != u.CreatedAt {
			p.joined.Remove(timeKey(old.createdAt), ord)
			p.joined.Add(timeKey(u.CreatedAt), ord)
			p.joinedDays.remove(dayKey(0, dayOf(old.createdAt)), ord)
			p.joinedDays.add(dayKey(0, dayOf(u.CreatedAt)), ord)
		}
	}
	*p.users.Edit(int(ord)) = r
	p.setActive(ord, u.LastActiveAt)
}

func (p *people) setActive(ord uint32, at Time) {
	if p.activity.At(int(ord)).last != at {
		p.activity.Edit(int(ord)).last = at
		p.noteActive(ord, at)
	}
}

// dropUser leaves of the row of a user what is known of one of whom only the id is. What
// belongs to him must be gone.
func (p *people) dropUser(ord uint32) {
	r := p.users.At(int(ord))
	if r.flags&userKnown != 0 {
		p.known--
		p.emails.Remove(hashOf(r.emailText()), ord)
		p.joined.Remove(timeKey(r.createdAt), ord)
		p.joinedDays.remove(dayKey(0, dayOf(r.createdAt)), ord)
		p.joinedDays.remove(everybodyKey, ord)
	}
	*p.users.Edit(int(ord)) = userRow{text: strings.Clone(r.userID()), id: r.id}
	*p.activity.Edit(int(ord)) = activityRow{}
}

// hasUser reports whether there is a user with an id. It is for the writer.
func (t *Tables) hasUser(id string) bool {
	ord, ok := t.userAgain(id)
	return ok && t.users.At(int(ord)).flags&userKnown != 0
}

// addUser makes the row of a user who has none.
func (t *Tables) addUser(u User) {
	if u.ID == "" || len(u.ID) > maxRef {
		return
	}
	ord, ok := t.userAgain(u.ID)
	if !ok {
		ord = t.appendUser(u.ID) // as it is: putUser puts a copy there
	}
	u.LastActiveAt = t.activity.At(int(ord)).last // he may have had sessions
	t.putUser(ord, u)
}

// User returns a user.
func (t *Tables) User(id string) (User, bool) {
	ord, ok := t.knownUser(id)
	if !ok {
		return User{}, false
	}
	return t.user(ord), true
}

// UserByEmail returns the user with an address, ignoring case. Applications should let
// no two users have the same; if they do, it is the one whose row is the oldest.
func (t *Tables) UserByEmail(email string) (User, bool) {
	email = lower(email)
	if email == "" {
		return User{}, false
	}
	for ord := range t.emails.Of(hashOf(email)) {
		if t.users.At(int(ord)).emailText() == email {
			return t.user(ord), true
		}
	}
	return User{}, false
}

// UserCount is the number of users.
func (t *Tables) UserCount() int { return t.known }

func (p *people) reindexUsers() {
	p.userIDs, p.emails, p.joined, p.joinedDays, p.known = cow.IDs{}, cow.Pairs{}, cow.Pairs{}, sets{}, 0
	p.userIDs.Load(p.users.Len(), idsOf(&p.users, func(r *userRow) (string, bool) { return r.userID(), true }))
	emails, joined := make([]ordinalKey, 0, p.users.Len()), make([]ordinalKey, 0, p.users.Len())
	for first, page := range p.users.Pages(0) {
		for i := range page {
			r, ord := &page[i], uint32(first+i)
			if r.flags&userKnown != 0 {
				p.known++
				emails = append(emails, ordinalKey{hashOf(r.emailText()), ord})
				joined = append(joined, ordinalKey{timeKey(r.createdAt), ord})
				p.joinedDays.add(dayKey(0, dayOf(r.createdAt)), ord)
				p.joinedDays.add(everybodyKey, ord)
			}
		}
	}
	loadPairs(&p.emails, emails)
	loadPairs(&p.joined, joined)
	p.reindexActivity()
}
