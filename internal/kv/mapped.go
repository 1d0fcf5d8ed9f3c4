package kv

import (
	"reflect"
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

// held returns the tables of a level, which stay mapped until they are let go.
func (l level) held() []*table.Table {
	l.lock.RLock()
	defer l.lock.RUnlock()
	held := append([]*table.Table(nil), *l.tables...)
	for _, t := range held {
		t.IncrRef()
	}
	return held
}

// ReleasePages takes the pages of the tables out of the memory of the process. They stay
// in the system's cache for as long as there is room, and come back when they are
// read. Without it a table that was once written, compacted or verified counts as
// resident for as long as it exists, and the process seems to need as much memory as the
// database is large.
func (db *DB) ReleasePages() error {
	if _, err := db.enter(); err != nil {
		return err
	}
	defer db.open.Done()
	for _, l := range db.levels {
		for _, t := range l.held() {
			releasePages(t.Data)
			if err := t.DecrRef(); err != nil {
				return failed("remove a table", err)
			}
		}
	}
	return nil
}
