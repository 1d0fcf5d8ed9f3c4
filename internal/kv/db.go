package kv

import (
	"errors"
	"runtime/debug"
	"sync"
	"time"

	"dashd/internal/errs"

	"github.com/dgraph-io/badger/v4"
)

// ErrClosed is returned by every call after Close.
var ErrClosed = errs.New(errs.Unavailable, "", "the node is stopping")

// DB is the node's one Badger database. It is safe for concurrent use.
//
// Badger runs in managed mode: versions are numbered here. In its other mode a
// read that begins during a commit waits for that commit's fsync.
type DB struct {
	// immutable after Open
	b        *badger.DB
	builders builders
	levels   []level
	pacer    *pacer
	dir      string
	minFree  uint64
	working  func() (ended func())

	// writing orders commits: one at a time, each with its own fsync, which is
	// what Badger does anyway. It guards the three fields after it.
	writing   sync.Mutex
	broken    error     // why no commit can be trusted any more
	fault     Fault     // what the next commit does wrong
	dirSynced time.Time // the directory's modification time as of its last fsync

	mu      sync.Mutex // guards the fields after it
	version uint64     // of the last acknowledged commit
	reading map[uint64]int
	closed  bool
	open    sync.WaitGroup // reads and writes under way; Add only with mu held and not closed
}

// Open opens or creates the database in dir.
func Open(dir string, o Options) (*DB, error) {
	if o.MinFree == 0 {
		o.MinFree = DefaultMinFree
	}
	if err := prepare(dir, o.MinFree); err != nil {
		return nil, err
	}
	if o.MemTable == 0 {
		o.MemTable = memTableSize
	}
	if o.Working == nil {
		o.Working = func() func() { return func() {} }
	}
	log := newLogger(o.Log, o.Fatal)
	b, err := openBadger(dir, o.MemTable, log)
	if err != nil {
		return nil, openError(dir, err)
	}
	db := &DB{b: b, dir: dir, minFree: o.MinFree, builders: buildersOf(b), levels: levelsOf(b), working: o.Working, reading: make(map[uint64]int)}
	db.pacer = &pacer{levelZero: db.levelZero, closing: make(chan struct{})}
	db.version = b.MaxVersion()
	if err = log.ignored(); err == nil {
		err = db.syncDirectory()
	}
	if err != nil {
		return nil, openError(dir, errors.Join(err, b.Close()))
	}
	log.pacer.Store(db.pacer)
	return db, nil
}

// openBadger turns Badger's panics about broken files into errors, as far as
// they happen in this goroutine.
func openBadger(dir string, memTable int64, log *logger) (b *badger.DB, err error) {
	o := badgerOptions(dir, memTable, log)
	defer trap(new(bool), &err)
	if err := removeUnborn(dir); err != nil {
		return nil, err
	}
	if err := checkTables(dir, o); err != nil {
		return nil, err
	}
	return badger.OpenManaged(o)
}

// Close waits for the calls under way, then syncs and closes. A second Close
// does nothing.
//
// On a file system that is nearly full it leaves everything as it is and returns
// an error that says so: what was written stays in Badger's log, and closing
// would write it into tables, through memory maps, where a full disk is a bus
// error that nobody can catch.
func (db *DB) Close() error {
	db.mu.Lock()
	was := db.closed
	db.closed = true
	db.mu.Unlock()
	if was {
		return nil
	}
	db.open.Wait()
	close(db.pacer.closing)
	if err := enoughSpace(db.dir, db.minFree); err != nil {
		return err
	}
	if err := db.b.Close(); err != nil {
		return failed("close", err)
	}
	return nil
}

// Verify re-reads every table and checks its checksums. It finds what reads
// report as "not found".
func (db *DB) Verify() (err error) {
	if _, err := db.enter(); err != nil {
		return err
	}
	defer db.open.Done()
	defer func() { err = damagedTable(db.dir, err) }()
	defer trap(new(bool), &err)
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	if err := db.verifyTables(); err != nil {
		return failed("verify", err)
	}
	return nil
}

// TableBytes is the size of what Verify reads.
func (db *DB) TableBytes() (n int64, err error) {
	if _, err := db.enter(); err != nil {
		return 0, err
	}
	defer db.open.Done()
	for _, t := range db.b.Tables() {
		n += int64(t.OnDiskSize)
	}
	return n, nil
}

// enter admits a call and returns the version it reads; db.open.Done ends it.
func (db *DB) enter() (version uint64, err error) {
	db.mu.Lock()
	defer db.mu.Unlock()
	if db.closed {
		return 0, ErrClosed
	}
	db.open.Add(1)
	return db.version, nil
}

// begin opens a read transaction. Until end, compaction keeps what it sees.
func (db *DB) begin() (*badger.Txn, error) {
	db.mu.Lock()
	defer db.mu.Unlock()
	if db.closed {
		return nil, ErrClosed
	}
	db.open.Add(1)
	db.reading[db.version]++
	return db.b.NewTransactionAt(db.version, false), nil
}

func (db *DB) end(txn *badger.Txn) {
	version := txn.ReadTs()
	txn.Discard()
	db.mu.Lock()
	if db.reading[version]--; db.reading[version] == 0 {
		delete(db.reading, version)
	}
	db.mu.Unlock()
	db.open.Done()
}

// committed makes a version visible, and lets compaction drop what no reader
// can see any more.
func (db *DB) committed(version uint64) {
	db.mu.Lock()
	defer db.mu.Unlock()
	db.version = version
	oldest := version
	for v := range db.reading {
		oldest = min(oldest, v)
	}
	db.b.SetDiscardTs(oldest)
}
