package kv

import (
	"bytes"
	"fmt"
	"math"
	"runtime"
	"runtime/debug"
	"slices"
	"sort"
	"unsafe"

	"github.com/dgraph-io/badger/v4/table"
	"github.com/dgraph-io/badger/v4/y"

	"dashd/internal/errs"
)

// Place is where in a table a value was found. A table never changes, and no number of one is
// used again while the process runs. The zero value is nowhere.
type Place struct {
	table  uint64
	at, to uint32
}

// Peek is Get for a key that is never deleted, and as a rule written once, if its value is in a table in
// one piece: fn sees the bytes of the table, in the memory map. It reports whether fn was
// called; if not, Get knows more. Of a key that is written again, fn can see an older value, and
// has to know it from the newest.
//
// If *p is where the value still is, its bytes are not looked at here: fn has to have checksums
// of its own for those that it uses. Else the value is looked for and compared with Badger's
// checksum, and *p is set. Get does that each time, and copies the whole value twice.
func (db *DB) Peek(key []byte, p *Place, fn func(val []byte) error) (called bool, err error) {
	if _, err := db.enter(); err != nil {
		return false, err
	}
	defer db.open.Done()
	t := db.tableAt(key, p.table)
	if t == nil {
		if t, *p, err = db.locate(key); t == nil || err != nil {
			return false, err
		}
	}
	defer letGo(t, &err)
	defer trapFault(&err)
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	return true, fn(t.Data[p.at:p.to:p.to])
}

// tableAt returns the table of that number if key can still be in it. It stays mapped until it
// is let go of.
func (db *DB) tableAt(key []byte, number uint64) *table.Table {
	if number == 0 { // Badger counts from 1
		return nil
	}
	for i, l := range db.levels {
		l.lock.RLock()
		for _, t := range l.around(key, i == 0) {
			if t.ID() == number {
				t.IncrRef()
				l.lock.RUnlock()
				return t
			}
		}
		l.lock.RUnlock()
	}
	return nil
}

// locate looks for key in the tables, from the newest level on: what a compaction moves
// meanwhile is met in the next one.
func (db *DB) locate(key []byte) (found *table.Table, p Place, err error) {
	defer trap(new(bool), &err)
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	for i, l := range db.levels {
		l.lock.RLock()
		tables := slices.Clone(l.around(key, i == 0))
		slices.Reverse(tables) // of the first level, the newest come last
		for _, t := range tables {
			t.IncrRef()
		}
		l.lock.RUnlock()
		for _, t := range tables {
			if found == nil {
				if p = placeIn(t, key); p.table != 0 {
					found = t
					continue
				}
			}
			letGo(t, &err)
		}
		if found != nil || err != nil {
			break
		}
	}
	return found, p, err
}

// around returns the tables of a level that key can be in, while its lock is held. Those of the
// first level overlap; those of another are in order and do not.
func (l level) around(key []byte, overlapping bool) []*table.Table {
	tables := *l.tables
	if overlapping {
		return tables
	}
	i := sort.Search(len(tables), func(i int) bool { return bytes.Compare(y.ParseKey(tables[i].Biggest()), key) >= 0 })
	return tables[i:min(i+1, len(tables))]
}

// Bits of an entry, of Badger: it deletes the key; its value is elsewhere.
const notItself = 1<<0 | 1<<1

// placeIn is where t has the value of key, in one piece and as it was written; nowhere if it
// has not. Reading it compares Badger's checksum.
func placeIn(t *table.Table, key []byte) Place {
	if t.DoesNotHave(y.Hash(key)) {
		return Place{}
	}
	it := t.NewIterator(table.NOCACHE)
	defer func() { _ = it.Close() }() // lets go of memory, which cannot fail
	newest := y.KeyWithTs(key, math.MaxUint64)
	if it.Seek(newest); !it.Valid() || !y.SameKey(newest, it.Key()) {
		return Place{}
	}
	v := it.Value()
	if v.Meta&notItself != 0 || v.UserMeta != 0 || len(v.Value) == 0 {
		return Place{}
	}
	// Tables are neither compressed nor encrypted, so the value is a piece of t.Data; if that
	// ever changes, the difference is out of range.
	at := uint64(uintptr(unsafe.Pointer(unsafe.SliceData(v.Value))) - uintptr(unsafe.Pointer(unsafe.SliceData(t.Data))))
	if to := at + uint64(len(v.Value)); at < to && to <= uint64(len(t.Data)) && to <= math.MaxUint32 {
		return Place{t.ID(), uint32(at), uint32(to)}
	}
	return Place{}
}

// letGo gives back the reference that keeps t mapped. The last one to do so removes the file of a
// table that was compacted.
func letGo(t *table.Table, err *error) {
	if failure := t.DecrRef(); failure != nil && *err == nil {
		*err = failed("remove a table", failure)
	}
}

// trapFault is trap for a callback that reads a memory map: only a fault becomes an error.
func trapFault(err *error) {
	switch p := recover().(type) {
	case nil:
	case interface {
		runtime.Error
		Addr() uintptr
	}:
		*err = errs.Stop(errs.ExitIO, fmt.Errorf("database: memory map cannot be read: %v\n%s", p, debug.Stack()))
	default:
		panic(p)
	}
}
