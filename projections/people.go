package projections

import "dashd/internal/cow"

// people are the tables of users and what belongs to one.
type people struct {
	users    cow.Array[userRow]
	activity cow.Array[activityRow] // of the users, by the same ordinals
	userIDs  cow.IDs
	emails   cow.Pairs // users by the hash of the address
	joined   cow.Pairs // users by createdAt
	known    int       // users that readers see

	joinedDays  sets            // users that readers see, by dayKey(0, the day of createdAt), and everybody
	activeUntil cow.Array[Time] // by page of activity: no lastActiveAt there is later

	accounts   cow.Array[accountRow]
	accountIDs cow.IDs

	sessions   cow.Array[sessionRow]
	sessionIDs cow.IDs
	begun      cow.Pairs // sessions that readers see, by createdAt
	expiring   cow.Pairs // all sessions that are known, those that have ended too, by expiresAt
	active     cow.Pairs // sessions by the hashes of their active organization and team
	uses       uses
	world      world

	factors table[TwoFactor, *TwoFactor]

	agents, cities, words symbols

	clock cow.Array[Time] // one value: the newest time of an event that began a session

	// Only the writer:
	lastUser, lastSession                 uint32 // ordinals that were asked for last
	scratch                               []byte
	userTexts, accountTexts, sessionTexts arena
}

// none is the ordinal of no row.
const none = 1<<32 - 1

// activityRow is what changes of a user with every session. It stands beside the rest,
// because a page of rows is copied when one of them changes.
type activityRow struct {
	last    Time   // lastActiveAt
	session uint32 // ordinal + 1 of his newest session; its row has the one before
	account uint32 // ordinal + 1 of his newest account, likewise
}

func (p *people) freeze() people {
	return people{
		users:    p.users.Freeze(),
		activity: p.activity.Freeze(),
		userIDs:  p.userIDs.Freeze(),
		emails:   p.emails.Freeze(),
		joined:   p.joined.Freeze(),
		known:    p.known,

		joinedDays:  p.joinedDays.freeze(),
		activeUntil: p.activeUntil.Freeze(),

		accounts:   p.accounts.Freeze(),
		accountIDs: p.accountIDs.Freeze(),

		sessions:   p.sessions.Freeze(),
		sessionIDs: p.sessionIDs.Freeze(),
		begun:      p.begun.Freeze(),
		expiring:   p.expiring.Freeze(),
		active:     p.active.Freeze(),
		uses:       p.uses.freeze(),
		world:      p.world.freeze(),

		factors: p.factors.freeze(),
		agents:  p.agents.freeze(),
		cities:  p.cities.freeze(),
		words:   p.words.freeze(),
		clock:   p.clock.Freeze(),
	}
}
