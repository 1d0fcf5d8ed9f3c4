package projections

import (
	"iter"
	"sync"
	"unsafe"

	"dashd/internal/cow"
)

// kept are the tables that checkpoints hold.
func (p *people) kept() []keptTable {
	return []keptTable{
		p.agents.kept("user agents"),
		p.cities.kept("cities"),
		p.words.kept("words"),
		keep("users", &p.users, codeUserRow),
		keep("activity", &p.activity, codeActivityRow),
		keep("accounts", &p.accounts, codeAccountRow),
		keep("sessions", &p.sessions, codeSessionRow),
		keep("clock", &p.clock, func(c *coder, t *Time) { c.time(t) }),
		p.factors.kept("second factors", codeTwoFactor),
	}
}

// reindex makes everything but the rows from the rows.
func (p *people) reindex() {
	var all sync.WaitGroup
	for _, part := range []func(){
		p.reindexUsers, p.reindexAccounts, p.reindexSessions, p.reindexUses, p.reindexWorld,
		p.agents.reindex, p.cities.reindex, p.words.reindex, p.factors.reindex,
	} {
		all.Go(part)
	}
	all.Wait()
}

// idsOf yields the ids of rows, with their ordinals, unless id says that one is gone.
func idsOf[R any](rows *cow.Array[R], id func(*R) (string, bool)) iter.Seq2[string, uint32] {
	return func(yield func(string, uint32) bool) {
		for first, page := range rows.Pages(0) {
			for i := range page {
				if text, there := id(&page[i]); there && !yield(text, uint32(first+i)) {
					return
				}
			}
		}
	}
}

// ordinalKey is a pair of a cow.Pairs.
type ordinalKey struct {
	key uint64
	ord uint32
}

// loadPairs fills an empty set with pairs in the order of their ordinals.
func loadPairs(x *cow.Pairs, pairs []ordinalKey) {
	pairs = sortedByKey(pairs)
	x.Load(func(yield func(uint64, uint32) bool) {
		for _, p := range pairs {
			if !yield(p.key, p.ord) {
				return
			}
		}
	})
}

// sortedByKey sorts pairs that are in the order of their ordinals. It may use their memory.
//
// Keys are sorted by a digit of 11 bits after the other, from the lowest on: each pass leaves
// what has the same digit in its order.
func sortedByKey(pairs []ordinalKey) []ordinalKey {
	const digit, digits = 11, 6
	var varies, last uint64
	sorted := true
	for _, p := range pairs {
		varies |= p.key ^ pairs[0].key
		sorted = sorted && last <= p.key
		last = p.key
	}
	if sorted {
		return pairs
	}
	other := make([]ordinalKey, len(pairs))
	for d := range digits {
		shift := d * digit
		if varies>>shift&(1<<digit-1) == 0 {
			continue
		}
		var at [1<<digit + 1]int
		for _, p := range pairs {
			at[p.key>>shift&(1<<digit-1)+1]++
		}
		for i := range 1 << digit {
			at[i+1] += at[i]
		}
		for _, p := range pairs {
			k := p.key >> shift & (1<<digit - 1)
			other[at[k]] = p
			at[k]++
		}
		pairs, other = other, pairs
	}
	return pairs
}

func codeUserRow(c *coder, r *userRow) {
	c.time(&r.createdAt)
	c.time(&r.updatedAt)
	codeSmall(c, &r.flags)
	codeSmall(c, &r.role)
	codeSmall(c, &r.id)
	codeSmall(c, &r.email)
	codeSmall(c, &r.name)
	c.packed(&r.text)
	c.checkText(r.text, int(r.id)+int(r.email)+int(r.name))
}

func codeActivityRow(c *coder, r *activityRow) {
	c.time(&r.last)
	c.uint32(&r.session)
	c.uint32(&r.account)
}

func codeAccountRow(c *coder, r *accountRow) {
	c.time(&r.createdAt)
	c.time(&r.updatedAt)
	c.uint32(&r.user)
	c.uint32(&r.before)
	codeSmall(c, &r.provider)
	codeSmall(c, &r.id)
	codeSmall(c, &r.subject)
	c.packed(&r.text)
	c.checkText(r.text, int(r.id)+int(r.subject))
}

func codeSessionRow(c *coder, r *sessionRow) {
	c.time(&r.createdAt)
	c.time(&r.updatedAt)
	c.time(&r.expiresAt)
	c.uint32(&r.user)
	c.uint32(&r.before)
	codeSmall(c, &r.agent)
	codeSmall(c, &r.city)
	codeSmall(c, &r.country)
	codeSmall(c, &r.method)
	codeSmall(c, &r.code[0])
	codeSmall(c, &r.code[1])
	codeSmall(c, &r.id)
	codeSmall(c, &r.ip)
	c.flag(&r.ended)
	c.packed(&r.text)
	c.checkText(r.text, int(r.id)+int(r.ip))
}

// codeSmall passes a number of at most 16 bits.
func codeSmall[N ~uint8 | ~uint16](c *coder, v *N) {
	wide := uint64(*v)
	c.uint(&wide)
	if c.reading {
		*v = N(wide)
		if uint64(*v) != wide {
			c.fail()
		}
	}
}

// checkText fails if what was read is no text of a row, with n bytes before its tail.
func (c *coder) checkText(text string, n int) {
	if c.reading && (n > len(text) || !wellFormedTail(text[n:])) {
		c.fail()
	}
}

// packed passes the text of a row. Those that are read lie next to each other.
func (c *coder) packed(text *string) {
	if !c.reading {
		codeText(c, text)
		return
	}
	read := c.readText()
	*text = c.texts.add(unsafe.Slice(unsafe.StringData(read), len(read)))
}
