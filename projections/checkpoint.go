package projections

import (
	"unsafe"

	"dashd/internal/cow"
)

// A keptTable is a run of rows as checkpoints hold it, under a name that is part of
// the format. keep makes one of a cow.Array.
//
// Everything that cannot be computed from other rows must be in a kept table; what
// can (indexes, counts, lists of what belongs to something) is made again by reindex,
// once all rows are there. Rows keep their ordinals, and dead ones are rows too: so the
// rows of a node are the same bytes in every checkpoint until one of them changes.
type keptTable interface {
	tableName() string
	// span is First and Len of the array.
	span() (first, end int)
	// changed reports whether node k is another one than in the frozen copy that Epoch
	// gave since of.
	changed(k int, since uint64) bool
	epoch() uint64
	rowBytes() int // of a row in memory, without what it points to
	// write appends row i, read appends a row to the table. start comes before the first.
	write(c *coder, i int)
	read(c *coder)
	start(first int)
	// reserve comes before nodes are loaded: those of the rows from first up to end. load reads all rows of
	// node k from chunks, one after the other; several nodes may be loaded at the same time, with a coder each.
	reserve(first, end int)
	load(c *coder, k int, chunks *chunkReader) error
	// borrow takes node k from another table of the same name, that is frozen, before any is loaded. It reports
	// whether it could: the node must have as many rows there, and the caller knows that they are the same.
	borrow(k int, from keptTable) bool
}

// keep makes a kept table of rows. code passes every field of a row, in an order that is
// part of the format, to c: it is called to write, when it must not change the row, and
// to read, when the row is empty. The array may be a frozen copy, to write; it is never
// replaced by another one in the life of the tables.
func keep[T any](name string, rows *cow.Array[T], code func(c *coder, row *T)) keptTable {
	return &keptRows[T]{name: name, rows: rows, code: code}
}

type keptRows[T any] struct {
	name string
	rows *cow.Array[T]
	code func(c *coder, row *T)
	// unshared says that a writer changes what rows point to, as it takes them up.
	unshared bool
}

func (k *keptRows[T]) tableName() string                { return k.name }
func (k *keptRows[T]) span() (first, end int)           { return k.rows.First(), k.rows.Len() }
func (k *keptRows[T]) changed(n int, since uint64) bool { return k.rows.NodeEpoch(n) > since }
func (k *keptRows[T]) epoch() uint64                    { return k.rows.Epoch() }
func (k *keptRows[T]) rowBytes() int                    { return int(unsafe.Sizeof(*new(T))) }
func (k *keptRows[T]) write(c *coder, i int)            { k.code(c, k.rows.At(i)) }
func (k *keptRows[T]) start(first int)                  { k.rows.Start(first) }

func (k *keptRows[T]) reserve(first, end int) { k.rows.Reserve(first, end) }

func (k *keptRows[T]) load(c *coder, n int, chunks *chunkReader) error {
	for row := range k.rows.Fill(n) {
		text, err := chunks.row()
		if err != nil {
			return err
		}
		c.read(text)
		c.lent = true // the memory is that of the next chunk, too
		if k.code(c, row); c.err != nil || c.left() > 0 {
			return damageError{errRow}
		}
	}
	return chunks.end()
}

func (k *keptRows[T]) borrow(n int, from keptTable) bool {
	theirs, ok := from.(*keptRows[T])
	return ok && !k.unshared && k.rows.Borrow(n, theirs.rows)
}

func (k *keptRows[T]) read(c *coder) {
	var empty T
	k.code(c, k.rows.Edit(k.rows.Append(empty)))
}

// A keptPart is a part of the tables of a project: people, groups, settings or presence.
type keptPart interface {
	// kept are its tables, always in the same order.
	kept() []keptTable
	// reindex makes the rest of it from the rows. It looks at no other part: those of
	// all parts are called at the same time.
	reindex()
}

func (t *Tables) parts() []keptPart {
	return []keptPart{&t.people, &t.groups, &t.settings, &t.presence}
}

// kept are the tables of a project that checkpoints hold.
func (t *Tables) kept() (all []keptTable) {
	for _, p := range t.parts() {
		all = append(all, p.kept()...)
	}
	return all
}
