package kv

import (
	"bytes"
	"errors"
	"runtime/debug"

	"github.com/dgraph-io/badger/v4"
)

// view is one read: a version of the database that stays as it is.
type view struct {
	*badger.Txn
	calling bool // a callback is running: its panics are not Badger's
}

// Get calls fn with the value of key, valid during the call, and reports whether
// the key exists.
func (db *DB) Get(key []byte, fn func(val []byte) error) (found bool, err error) {
	err = db.view(func(v *view) error {
		item, err := v.Get(key)
		if errors.Is(err, badger.ErrKeyNotFound) {
			return nil
		}
		if err != nil {
			return failed("read", err)
		}
		found = true
		return v.value(item, func(_, val []byte) error { return fn(val) })
	})
	return found, err
}

// Scan calls fn for the keys with prefix, from the first >= from, ascending, until fn
// returns false. The slices are valid during the call. fn should be quick: while
// it runs, no version of any key can be dropped.
func (db *DB) Scan(prefix, from []byte, fn func(key, val []byte) (more bool, err error)) error {
	if bytes.Compare(from, prefix) < 0 {
		from = prefix
	}
	return db.iterate(badger.IteratorOptions{Prefix: prefix}, from, fn)
}

// Keys is Scan without the values, which are not read.
func (db *DB) Keys(prefix, from []byte, fn func(key []byte) (more bool, err error)) error {
	if bytes.Compare(from, prefix) < 0 {
		from = prefix
	}
	return db.view(func(v *view) error {
		it := v.NewIterator(badger.IteratorOptions{Prefix: prefix})
		defer it.Close()
		for it.Seek(from); it.Valid(); it.Next() {
			v.calling = true
			more, err := fn(it.Item().Key())
			v.calling = false
			if err != nil || !more {
				return err
			}
		}
		return nil
	})
}

// Descend is Scan in the other direction: from the last key <= from, descending.
func (db *DB) Descend(prefix, from []byte, fn func(key, val []byte) (more bool, err error)) error {
	return db.iterate(badger.IteratorOptions{Prefix: prefix, Reverse: true}, from, fn)
}

func (db *DB) iterate(o badger.IteratorOptions, from []byte, fn func(key, val []byte) (bool, error)) error {
	return db.view(func(v *view) error {
		it := v.NewIterator(o)
		defer it.Close()
		more := false
		for it.Seek(from); it.Valid(); it.Next() {
			err := v.value(it.Item(), func(key, val []byte) (err error) {
				more, err = fn(key, val)
				return err
			})
			if err != nil || !more {
				return err
			}
		}
		return nil
	})
}

// Floor calls fn with the last key of prefix that is <= key, and reports whether there is one.
func (db *DB) Floor(prefix, key []byte, fn func(key, val []byte) error) (found bool, err error) {
	err = db.Descend(prefix, key, func(key, val []byte) (bool, error) {
		found = true
		return false, fn(key, val)
	})
	return found, err
}

// view calls fn with the newest acknowledged version. A fault in a memory map
// (the disk cannot read the page) becomes a panic, and that an error.
func (db *DB) view(fn func(*view) error) (err error) {
	txn, err := db.begin()
	if err != nil {
		return err
	}
	defer db.end(txn)
	v := &view{Txn: txn}
	defer trap(&v.calling, &err)
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	return fn(v)
}

// value calls fn with the key and the whole value of item, and returns its error
// as it is.
func (v *view) value(item *badger.Item, fn func(key, val []byte) error) error {
	var fnErr error
	call := func(val []byte) error {
		v.calling = true
		fnErr = fn(item.Key(), val)
		v.calling = false
		return nil
	}
	var err error
	if item.UserMeta() == 0 {
		err = item.Value(call)
	} else {
		var whole []byte
		if whole, err = v.join(item); err == nil {
			err = call(whole)
		}
	}
	if err != nil {
		return failed("read", err)
	}
	return fnErr
}

// join reads a value that put has cut into parts.
func (v *view) join(item *badger.Item) ([]byte, error) {
	whole, err := item.ValueCopy(nil)
	if err != nil {
		return nil, err
	}
	for n := range int(item.UserMeta()) {
		part, err := v.Get(partKey(item.Key(), n))
		if err != nil {
			return nil, err // a part that is missing is as bad as one that is wrong
		}
		err = part.Value(func(val []byte) error {
			whole = append(whole, val...)
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return whole, nil
}
