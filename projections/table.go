package projections

import (
	"crypto/sha256"
	"encoding/hex"
	"hash/maphash"
	"iter"

	"dashd/internal/cow"
)

// A table holds rows of one kind in the order in which they were made. Rows have an id,
// and up to three keys that several rows can share. The zero table is empty.
//
// A row that is removed leaves an empty one in its place. When most are empty, the
// table is made anew of the others.
type table[R any, P interface {
	*R
	row
}] struct {
	rows cow.Array[R]
	ids  cow.IDs
	by   [keysOfRow]cow.Pairs // ordinals by the hash of each key
	live int
}

const keysOfRow = 3

// A row is a record of a table.
type row interface {
	// rowID is unique in the table; the empty row has none.
	rowID() string
	// rowKeys are what the row can also be found by. There is no finding by "".
	rowKeys() [keysOfRow]string
}

// len is the number of rows.
func (t *table[R, P]) len() int { return t.live }

func (t *table[R, P]) find(id string) (ord uint32, ok bool) {
	if id == "" {
		return 0, false
	}
	return t.ids.Find(id, func(ord uint32) bool { return P(t.rows.At(int(ord))).rowID() == id })
}

func (t *table[R, P]) has(id string) bool {
	_, ok := t.find(id)
	return ok
}

// get returns a copy of a row.
func (t *table[R, P]) get(id string) (r R, ok bool) {
	if ord, ok := t.find(id); ok {
		return *t.rows.At(int(ord)), true
	}
	return r, false
}

// all yields the rows, to read only.
func (t *table[R, P]) all() iter.Seq[*R] {
	return func(yield func(*R) bool) {
		for _, page := range t.rows.Pages(0) {
			for i := range page {
				if r := &page[i]; P(r).rowID() != "" && !yield(r) {
					return
				}
			}
		}
	}
}

// having yields the rows whose key k is the given text, to read only. The table must
// not be changed meanwhile.
func (t *table[R, P]) having(k int, key string) iter.Seq[*R] {
	return func(yield func(*R) bool) {
		if key == "" {
			return
		}
		for ord := range t.by[k].Of(hashOf(key)) {
			if r := t.rows.At(int(ord)); P(r).rowKeys()[k] == key && !yield(r) {
				return
			}
		}
	}
}

// list returns copies of the rows that having yields, nil if there are none.
func (t *table[R, P]) list(k int, key string) []R {
	var list []R
	for r := range t.having(k, key) {
		list = append(list, *r)
	}
	return list
}

// removeHaving removes the rows whose key k is the given text, and calls fn with each.
func (t *table[R, P]) removeHaving(k int, key string, fn func(*R)) {
	for _, r := range t.list(k, key) {
		t.remove(P(&r).rowID())
		if fn != nil {
			fn(&r)
		}
	}
}

// count is the number of rows that having yields.
func (t *table[R, P]) count(k int, key string) int {
	n := 0
	for range t.having(k, key) {
		n++
	}
	return n
}

// put stores a row, in the place of the one that has its id, or as the last. A row
// needs an id.
func (t *table[R, P]) put(r R) {
	id, keys := P(&r).rowID(), P(&r).rowKeys()
	ord, known := t.find(id)
	if !known {
		ord = uint32(t.rows.Append(r))
		t.ids.Add(id, ord, t.alive)
		t.live++
		t.index(ord, [keysOfRow]string{}, keys)
		return
	}
	at := t.rows.Edit(int(ord))
	had := P(at).rowKeys()
	*at = r
	t.index(ord, had, keys)
}

// edit returns a row to be changed in place, but for its id and its keys; nil if there
// is none.
func (t *table[R, P]) edit(id string) *R {
	if ord, ok := t.find(id); ok {
		return t.rows.Edit(int(ord))
	}
	return nil
}

// remove takes a row away and returns it.
func (t *table[R, P]) remove(id string) (r R, ok bool) {
	ord, ok := t.find(id)
	if !ok {
		return r, false
	}
	at := t.rows.Edit(int(ord))
	r, *at = *at, r
	t.index(ord, P(&r).rowKeys(), [keysOfRow]string{})
	t.live--
	if empty := t.rows.Len() - t.live; empty > t.live+tolerated {
		t.compact()
	}
	return r, true
}

// tolerated is how many more empty rows than others a table may have.
const tolerated = 1 << 10

// index moves an ordinal from the keys that its row had to those it has.
func (t *table[R, P]) index(ord uint32, had, has [keysOfRow]string) {
	for k := range t.by {
		if had[k] == has[k] {
			continue
		}
		if had[k] != "" {
			t.by[k].Remove(hashOf(had[k]), ord)
		}
		if has[k] != "" {
			t.by[k].Add(hashOf(has[k]), ord)
		}
	}
}

func (t *table[R, P]) alive(ord uint32) bool { return P(t.rows.At(int(ord))).rowID() != "" }

// compact makes the table anew without empty rows.
func (t *table[R, P]) compact() {
	alive := make([]R, 0, t.live)
	for r := range t.all() {
		alive = append(alive, *r)
	}
	t.rows.Clear()
	for _, r := range alive {
		t.rows.Append(r)
	}
	t.reindex()
}

// reindex makes everything but the rows from the rows.
func (t *table[R, P]) reindex() {
	t.ids, t.by, t.live = cow.IDs{}, [keysOfRow]cow.Pairs{}, 0
	t.ids.Load(t.rows.Len(), idsOf(&t.rows, func(r *R) (string, bool) { id := P(r).rowID(); return id, id != "" }))
	var by [keysOfRow][]ordinalKey
	for first, page := range t.rows.Pages(0) {
		for i := range page {
			r := P(&page[i])
			if r.rowID() == "" {
				continue
			}
			for k, key := range r.rowKeys() {
				if key != "" {
					by[k] = append(by[k], ordinalKey{hashOf(key), uint32(first + i)})
				}
			}
			t.live++
		}
	}
	for k := range by {
		loadPairs(&t.by[k], by[k])
	}
}

// freeze returns a copy for readers.
func (t *table[R, P]) freeze() table[R, P] {
	frozen := table[R, P]{rows: t.rows.Freeze(), ids: t.ids.Freeze(), live: t.live}
	for k := range t.by {
		frozen.by[k] = t.by[k].Freeze()
	}
	return frozen
}

// kept makes the table a part of checkpoints.
func (t *table[R, P]) kept(name string, code func(*coder, *R)) keptTable {
	return keep(name, &t.rows, code)
}

var hashSeed = maphash.MakeSeed()

// hashOf is what keys are ordered by in memory. It is another one in each process, so
// that nobody can choose ids that share one; no answer depends on it.
func hashOf(key string) uint64 { return maphash.String(hashSeed, key) }

// copies yields copies of rows.
func copies[R any](rows iter.Seq[*R]) iter.Seq[R] {
	return func(yield func(R) bool) {
		for r := range rows {
			if !yield(*r) {
				return
			}
		}
	}
}

// derivedID is the id of a row whose event gives it none. It follows from what the row
// connects, of which there is one at a time.
func derivedID(kind, a, b string) string {
	sum := sha256.Sum256([]byte(kind + "\x00" + a + "\x00" + b))
	return hex.EncodeToString(sum[:16])
}
