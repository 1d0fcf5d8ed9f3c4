package projections

// BannedAt reports whether the user is banned at an instant: a ban that is over by then
// counts as lifted.
func (u *User) BannedAt(now Time) bool {
	return u.Banned && (u.BanExpires == 0 || u.BanExpires > now)
}

// AsOf is the user as one sees him who looks at an instant.
func (u User) AsOf(now Time) User {
	if u.Banned && !u.BannedAt(now) {
		u.Banned, u.BanReason, u.BanExpires = false, "", 0
	}
	return u
}
