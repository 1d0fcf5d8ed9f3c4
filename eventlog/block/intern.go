package block

import "hash/maphash"

// interner returns the same string for the same bytes, if it saw them not long
// ago. User agents, display names and type names repeat in nearly every event,
// and whoever keeps one, as projections do, then shares it.
type interner struct {
	slots [1 << internBits]string
}

const internBits = 9

var internSeed = maphash.MakeSeed()

func (t *interner) of(b []byte) string {
	if len(b) == 0 {
		return ""
	}
	slot := &t.slots[maphash.Bytes(internSeed, b)&(1<<internBits-1)]
	if *slot != string(b) {
		*slot = string(b)
	}
	return *slot
}
