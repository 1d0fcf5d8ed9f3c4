package kv

import (
	"reflect"
	"slices"
	"sync"
	"unsafe"

	"github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/table"
)

// level is what is used of one of Badger's levels: its lock, and the tables that the
// lock guards.
type level struct {
	lock   *sync.RWMutex
	tables *[]*table.Table
}

// levelsOf finds Badger's levels, which exist as long as the database is open. Badger has
// no way to them, so they are reached through the fields that hold them. It finds
// none in a release of Badger that keeps them in another way.
func levelsOf(b *badger.DB) (levels []level) {
	controller := reflect.ValueOf(b).Elem().FieldByName("lc")
	if !controller.IsValid() || controller.Kind() != reflect.Pointer || controller.IsNil() {
		return nil
	}
	all := controller.Elem().FieldByName("levels")
	if !all.IsValid() || all.Kind() != reflect.Slice || all.Type().Elem().Kind() != reflect.Pointer {
		return nil
	}
	for i := range all.Len() {
		handler := all.Index(i).Elem()
		lock, tables := handler.FieldByName("RWMutex"), handler.FieldByName("tables")
		if !lock.IsValid() || lock.Type() != reflect.TypeFor[sync.RWMutex]() ||
			!tables.IsValid() || tables.Type() != reflect.TypeFor[[]*table.Table]() {
			return nil
		}
		levels = append(levels, level{
			(*sync.RWMutex)(unsafe.Pointer(lock.UnsafeAddr())),
			(*[]*table.Table)(unsafe.Pointer(tables.UnsafeAddr())),
		})
	}
	return levels
}

// each calls fn for the tables of a level until it fails. They stay mapped meanwhile.
func (l level) each(fn func(*table.Table) error) error {
	l.lock.RLock()
	tables := slices.Clone(*l.tables)
	for _, t := range tables {
		t.IncrRef()
	}
	l.lock.RUnlock()
	var failure error
	for _, t := range tables {
		if failure == nil {
			failure = fn(t)
		}
		// The last to let go of a table that was compacted removes its file.
		if err := t.DecrRef(); err != nil && failure == nil {
			failure = err
		}
	}
	return failure
}

// verifyTables re-reads every table, and holds one in memory at a time.
func (db *DB) verifyTables() error {
	if len(db.levels) == 0 {
		return db.b.VerifyChecksum()
	}
	for _, l := range db.levels {
		err := l.each(func(t *table.Table) error {
			defer releasePages(t.Data)
			return t.VerifyChecksum()
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// ReleasePages takes the pages of the tables out of the memory of the process. They stay
// in the system's cache for as long as there is room, and come back when they are
// read. Without it a table that was once written or compacted counts as resident for as
// long as it exists, and the process seems to need as much memory as the database is
// large.
func (db *DB) ReleasePages() error {
	if _, err := db.enter(); err != nil {
		return err
	}
	defer db.open.Done()
	for _, l := range db.levels {
		err := l.each(func(t *table.Table) error {
			releasePages(t.Data)
			return nil
		})
		if err != nil {
			return failed("remove a table", err)
		}
	}
	return nil
}
