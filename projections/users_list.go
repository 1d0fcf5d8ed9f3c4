package projections

import "iter"

// userRef is a row of users as queries see it.
type userRef struct {
	p   *people
	r   *userRow
	ord uint32
	now Time
}

// userColumns are those of users.
var userColumns = []column[userRef]{
	textCol("id", func(u userRef) string { return u.r.userID() }),
	foldedCol("name", func(u userRef) string { return u.r.nameText() }, func(u userRef) (string, bool) { return u.r.foldedName() }),
	foldedCol("email", func(u userRef) string { return u.r.emailText() }, func(u userRef) (string, bool) { return u.r.emailText(), true }),
	flagCol("emailVerified", func(u userRef) bool { return u.r.flags&userVerified != 0 }),
	nullableCol("image", func(u userRef) string { return fromTail(u.r.tail(), userImage) }),
	timeCol(createdAt, func(u userRef) Time { return u.r.createdAt }),
	timeCol("updatedAt", func(u userRef) Time { return u.r.updatedAt }),
	nullableCol("role", func(u userRef) string { return u.p.roleOf(u.r) }),
	flagCol("banned", userRef.banned),
	nullableCol("banReason", func(u userRef) Text { return u.user().BanReason }),
	timeCol("banExpires", func(u userRef) Time { return u.user().BanExpires }),
	flagCol("twoFactorEnabled", func(u userRef) bool { return u.r.flags&userTwoFactor != 0 }),
	timeCol("lastActiveAt", func(u userRef) Time { return u.p.activity.At(int(u.ord)).last }),
}

func (u userRef) id() string { return u.r.userID() }

func (u userRef) user() User { return u.p.user(u.ord).AsOf(u.now) }

func (u userRef) banned() bool { return u.r.flags&userBanned != 0 && u.user().Banned }

// userListing is the table of users as of now.
func (p *people) userListing(now Time) *listing[userRef, User] {
	return &listing[userRef, User]{
		columns: userColumns,
		parts:   partsOf(p.users.Len() - p.users.First()),
		id:      userRef.id,
		row:     userRef.user,
		count:   p.known,
		all: func(part, parts int, backward bool) iter.Seq[userRef] {
			return func(yield func(userRef) bool) {
				for first, page := range p.users.Part(part, parts, backward) {
					for i := range page {
						r := &page[i]
						if r.flags&userKnown != 0 && !yield(userRef{p, r, uint32(first + i), now}) {
							return
						}
					}
				}
			}
		},
		byTime: func(descending bool) iter.Seq[userRef] {
			return func(yield func(userRef) bool) {
				for ord := range inOrderOf(&p.joined, descending) {
					if !yield(userRef{p, p.users.At(int(ord)), ord, now}) {
						return
					}
				}
			}
		},
	}
}

// ListUsers answers a query over users.
func (t *Tables) ListUsers(q Query) (Page[User], error) { return t.userListing(q.Now).page(&q) }

// EachUser calls fn with the users of q's page, one by one, until it returns an error.
func (t *Tables) EachUser(q Query, fn func(User) error) error {
	return t.userListing(q.Now).each(&q, fn)
}
