package kv

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/dgraph-io/badger/v4"
)

// MaxWrite is how many bytes of keys and values one Write can take at least. The
// limit of Badger, 15 % of a memtable, counts overhead also.
const MaxWrite = 4 << 20

// Write commits all puts of fn in one synced transaction: when it returns nil they are
// durable, all of them. Keys and values must not be changed until it returns.
//
// If fn fails, nothing is written. If the commit fails, it may have reached the
// disk or not, and no later Write is accepted.
func (db *DB) Write(fn func(put func(key, val []byte) error) error) error {
	return db.update(func(txn *badger.Txn) error {
		return fn(func(key, val []byte) error { return put(txn, key, val) })
	})
}

// MaxDelete is how many keys one Delete can take.
const MaxDelete = 1 << 10

// Delete removes keys, with their values, in one transaction like that of Write. A key
// that does not exist is no error.
//
// It is for what can be told from garbage should it come back: Badger has been seen to
// bring a deleted key back in a compaction, after a crash. What must be gone for
// good is overwritten instead.
func (db *DB) Delete(keys [][]byte) error {
	return db.update(func(txn *badger.Txn) error {
		for _, key := range keys {
			if err := remove(txn, key); err != nil {
				return err
			}
		}
		return nil
	})
}

// update commits what fn does in one synced transaction.
func (db *DB) update(fn func(*badger.Txn) error) error {
	db.writing.Lock()
	defer db.writing.Unlock()
	if db.broken != nil {
		return db.broken
	}
	defer db.working()()
	version, err := db.enter()
	if err != nil {
		return err
	}
	defer db.open.Done()
	if err := enoughSpace(db.dir, db.minFree); err != nil {
		db.broken = err
		return err
	}

	txn := db.b.NewTransactionAt(version, true)
	defer txn.Discard()
	if err := fn(txn); err != nil {
		return err
	}
	if err := db.commit(txn, version+1); err != nil {
		db.broken = failed("write", err)
		return db.broken
	}
	db.builders.release()
	return nil
}

// commit makes txn durable, then visible.
func (db *DB) commit(txn *badger.Txn, version uint64) error {
	if db.fault == FailBeforeCommit {
		return errInjected
	}
	if err := txn.CommitAt(version, nil); err != nil { // durable, but for the name of the file
		return err
	}
	if err := db.syncDirectory(); err != nil { // durable
		return err
	}
	if db.fault == FailAfterCommit {
		return errInjected
	}
	db.committed(version)
	return nil
}

// put adds key to txn. A value of more than partBytes is stored in parts: the
// first under key, with the number of the others as its user meta byte, those
// under partKey. Parts that a longer value has left are overwritten, so that
// nothing of it remains.
func put(txn *badger.Txn, key, val []byte) error {
	head, rest := cut(val)
	parts := 0
	for ; len(rest) > 0; parts++ {
		var part []byte
		part, rest = cut(rest)
		if err := set(txn, badger.NewEntry(partKey(key, parts), part)); err != nil {
			return err
		}
	}
	before, err := partsOf(txn, key)
	if err != nil {
		return err
	}
	for n := parts; n < before; n++ {
		if err := set(txn, badger.NewEntry(partKey(key, n), nil)); err != nil {
			return err
		}
	}
	return set(txn, badger.NewEntry(key, head).WithMeta(byte(parts)))
}

// remove deletes key from txn, with the parts of its value.
func remove(txn *badger.Txn, key []byte) error {
	parts, err := partsOf(txn, key)
	if err != nil {
		return err
	}
	for n := range parts {
		if err := txn.Delete(partKey(key, n)); err != nil {
			return fmt.Errorf("delete a part: %w", err)
		}
	}
	if err := txn.Delete(bytes.Clone(key)); err != nil {
		return fmt.Errorf("delete: %w", err)
	}
	return nil
}

func cut(val []byte) (head, rest []byte) {
	n := min(len(val), partBytes)
	return val[:n:n], val[n:]
}

// partsOf is the number of further parts that are stored under key. Ids are many
// and never long: they are not looked up.
func partsOf(txn *badger.Txn, key []byte) (int, error) {
	if len(key) > 0 && key[0] == prefixID {
		return 0, nil
	}
	item, err := txn.Get(key)
	if errors.Is(err, badger.ErrKeyNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, failed("read", err)
	}
	return int(item.UserMeta()), nil
}

func set(txn *badger.Txn, e *badger.Entry) error {
	if err := txn.SetEntry(e); err != nil {
		return fmt.Errorf("put a value of %d bytes: %w", len(e.Value), err)
	}
	return nil
}
