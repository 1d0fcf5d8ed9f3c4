package kv

// DB is the node's one Badger database.
type DB struct{}

// Options of Open.
type Options struct{}

// Open opens or creates the database in dir.
func Open(dir string, o Options) (*DB, error) { panic("skeleton") }

// Close syncs and closes.
func (db *DB) Close() error { panic("skeleton") }

// Get calls fn with the value of key, valid during the call, and reports whether
// the key exists.
func (db *DB) Get(key []byte, fn func(val []byte) error) (bool, error) { panic("skeleton") }

// Scan calls fn for the keys with prefix, from the first >= from, ascending, until fn
// returns false. The slices are valid during the call.
func (db *DB) Scan(prefix, from []byte, fn func(key, val []byte) (more bool, err error)) error {
	panic("skeleton")
}

// Floor calls fn with the last key of prefix that is <= key, and reports whether there is one.
func (db *DB) Floor(prefix, key []byte, fn func(key, val []byte) error) (bool, error) {
	panic("skeleton")
}

// Write commits all puts of fn in one synced transaction: when it returns nil they are
// durable, all of them. Keys and values must not be changed until it returns.
func (db *DB) Write(fn func(put func(key, val []byte) error) error) error { panic("skeleton") }
