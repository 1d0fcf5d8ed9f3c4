package kv

import (
	"log/slog"

	"github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/options"
)

// Options of Open. The zero value is the recommended setting.
type Options struct {
	// Log receives what Badger says; nil: nothing.
	Log *slog.Logger
	// Fatal is called, at most once and from any goroutine, when Badger's
	// background work cannot go on: it would retry for ever, with writers stuck.
	// nil: it is logged only.
	Fatal func(error)
	// Working, if not nil, is told when a commit begins, and calls back when it has ended.
	Working func() (ended func())
	// MinFree is the free space in bytes below which nothing is written; 0: DefaultMinFree.
	MinFree uint64
	// MemTable is for tests that open many databases: how many bytes are gathered in memory before they
	// become a table; 0: 32 MiB. With less, a Write can take less than MaxWrite, a seventh of this.
	MemTable int64
}

const (
	// memTableSize is part of the format: Badger cannot reopen files that were
	// written with a larger one.
	memTableSize = 32 << 20

	// valueThreshold is the length from which Badger would move a value to its
	// value log, the errors of whose fsync it hides. It is the highest it allows.
	valueThreshold = 1 << 20

	// A compaction begins with levelZeroTables tables in level 0; writes wait while there are levelZeroStall.
	levelZeroTables, levelZeroStall = 12, 30

	// partBytes is the longest value stored under one key. Longer ones are cut
	// into parts (see put), so that none reaches the value log.
	partBytes = valueThreshold - 1
)

// badgerOptions are chosen for durability first; each that differs from the
// default says why.
func badgerOptions(dir string, memTable int64, log badger.Logger) badger.Options {
	o := badger.DefaultOptions(dir)
	o.Logger = log
	o.MetricsEnabled = false

	o.SyncWrites = true // Sync alone covers the active memtable only
	o.MemTableSize = memTable
	o.ValueThreshold = valueThreshold
	o.ValueLogFileSize = 64 << 20 // it stays empty
	o.VerifyValueChecksum = true
	// Every block is checked at every read, and never cached as checked. Checking
	// whole tables at open as well would read the whole database before the node
	// can start, and Badger then dereferences nil at the first wrong checksum.
	o.ChecksumVerificationMode = options.OnBlockRead

	o.DetectConflicts = false // nobody reads what he writes
	o.NumVersionsToKeep = 1
	o.CompactL0OnClose = true

	o.Compression = options.None // blocks and indexes are compressed already
	o.BlockCacheSize = 0         // tables are memory maps: the page cache is the cache
	o.IndexCacheSize = 0         // used for encryption only
	o.NumMemtables = 1           // one filling, one waiting, one being flushed: 42 MiB each
	o.NumCompactors = 2          // the least Badger accepts
	// A compaction maps what it reads and what it writes, and has ten builders at
	// work, each of which takes three tables: small tables. It is the dearest pass over
	// what was written: keys come in order, but ids do not, and each compaction
	// takes all of the next level along that lies between them. So rather seldom.
	o.NumLevelZeroTables = levelZeroTables
	o.NumLevelZeroTablesStall = levelZeroStall
	o.BaseTableSize = 2 << 20
	o.BaseLevelSize = 256 << 20 // keys come in order: fewer levels, fewer rewrites
	return o
}
