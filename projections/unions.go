package projections

import (
	"slices"
	"sync"

	"github.com/RoaringBitmap/roaring/v2"
)

// unions remember the unions of sets, for readers: those of days that have passed are asked for
// again and again. A union is good as long as its parts are the very same sets, which never
// change.
type unions struct {
	mu   sync.Mutex
	kept map[keyRange]*union // guarded by mu
}

// keyRange is the keys of sets from first up to, but without, end.
type keyRange struct{ first, end uint64 }

type union struct {
	parts []*roaring.Bitmap
	all   *roaring.Bitmap
}

// maxUnions bounds the memory for unions: at a bit for each user, 32 MiB for a million of them.
const maxUnions = 256

// of is the union of the parts that are the sets of r. Several readers may share it: it must not be changed.
func (u *unions) of(r keyRange, parts []*roaring.Bitmap) *roaring.Bitmap {
	u.mu.Lock()
	known := u.kept[r]
	u.mu.Unlock()
	if known != nil && slices.Equal(known.parts, parts) {
		return known.all
	}
	fresh := &union{parts, roaring.FastOr(parts...)}
	u.mu.Lock()
	defer u.mu.Unlock()
	if len(u.kept) >= maxUnions || u.kept == nil {
		u.kept = map[keyRange]*union{} // rare: as many ranges as a day of questions has
	}
	u.kept[r] = fresh
	return fresh.all
}

// sharedUnions is what copies of the same sets remember in common.
type sharedUnions func(r keyRange, parts []*roaring.Bitmap) *roaring.Bitmap
