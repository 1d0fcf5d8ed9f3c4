package kv

// PartBytes is the longest value that is stored in one piece.
const PartBytes = partBytes

// PartKey is the key of a further part of a long value.
var PartKey = partKey

// PrefixPart is the prefix of all keys of parts.
var PrefixPart = []byte{prefixPart, '/'}

// Flatten compacts all tables.
func (db *DB) Flatten() error { return db.b.Flatten(2) }

// SetMinFree changes Options.MinFree.
func (db *DB) SetMinFree(n uint64) { db.minFree = n }

// Release closes what a Close for want of space has left open.
func (db *DB) Release() error { return db.b.Close() }

// ReachesBuilders reports whether the memory of table builders can be given back.
func ReachesBuilders(db *DB) bool { return db.builders.pool != nil }

// Rests is how often a compaction has rested, or would have, were the database not closing.
func Rests(db *DB) int64 { return db.pacer.rests.Load() }

// RestAfter is how long a compaction rests.
var RestAfter = restAfter
