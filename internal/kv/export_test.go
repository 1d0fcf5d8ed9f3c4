package kv

// PartBytes is the longest value that is stored in one piece.
const PartBytes = partBytes

// PartKey is the key of a further part of a long value.
var PartKey = partKey

// PrefixPart is the prefix of all keys of parts.
var PrefixPart = []byte{prefixPart, '/'}

// Flatten compacts all tables.
func (db *DB) Flatten() error { return db.b.Flatten(2) }
