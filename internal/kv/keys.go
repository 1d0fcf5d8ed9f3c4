package kv

import "encoding/binary"

// The key space of the database, all of it. Integers are big-endian, so that the
// order of keys is the order of positions.
const (
	prefixMeta    = 'm'
	prefixBlock   = 'b'
	prefixChain   = 'a'
	prefixID      = 'i'
	prefixIndex   = 'x'
	prefixSegment = 's'
	prefixPart    = 'c'
	prefixImage   = 'p'
	prefixDrain   = 'd'
)

// PrefixBlock is the common prefix of all BlockKey keys.
var PrefixBlock = []byte{prefixBlock, '/'}

// PrefixID is the common prefix of all IDKey keys.
var PrefixID = []byte{prefixID, '/'}

// PrefixSegment is the common prefix of all SegmentKey keys.
var PrefixSegment = []byte{prefixSegment, '/'}

// MetaKey is m/<name>.
func MetaKey(name string) []byte { return append([]byte{prefixMeta, '/'}, name...) }

// BlockKey is b/<first seq>.
func BlockKey(first uint64) []byte { return seqKey(prefixBlock, first) }

// BlockSeq is the inverse of BlockKey.
func BlockSeq(key []byte) uint64 { return binary.BigEndian.Uint64(key[2:]) }

// PrefixChain is the common prefix of all ChainKey keys.
var PrefixChain = []byte{prefixChain, '/'}

// ChainKey is a/<last seq of a block>: the chain hash of the log up to there.
func ChainKey(last uint64) []byte { return seqKey(prefixChain, last) }

// ChainSeq is the inverse of ChainKey.
func ChainSeq(key []byte) uint64 { return binary.BigEndian.Uint64(key[2:]) }

// IDKey is i/<id hash>.
func IDKey(hash [16]byte) []byte { return append([]byte{prefixID, '/'}, hash[:]...) }

// IndexKey is x/<index>/<segment>; index is one letter.
func IndexKey(index byte, segment uint64) []byte {
	return binary.BigEndian.AppendUint64([]byte{prefixIndex, '/', index, '/'}, segment)
}

// SegmentKey is s/<segment>.
func SegmentKey(segment uint64) []byte { return seqKey(prefixSegment, segment) }

// ImageKey is p/<name>: a part of a checkpoint of a projection. The name is the
// projection's to choose.
func ImageKey(name []byte) []byte { return append([]byte{prefixImage, '/'}, name...) }

// PrefixDrain is the common prefix of all DrainKey keys.
var PrefixDrain = []byte{prefixDrain, '/'}

// DrainKey is d/<project>/<drain>: how far a drain has come.
func DrainKey(project, drain string) []byte {
	return append([]byte{prefixDrain, '/'}, project+"/"+drain...)
}

// partKey is c/<key>/<n>: a further part of the value of key, if it is too long
// for one.
func partKey(key []byte, n int) []byte {
	k := make([]byte, 0, len(key)+4)
	k = append(k, prefixPart, '/')
	k = append(k, key...)
	return append(k, '/', byte(n))
}

func seqKey(prefix byte, n uint64) []byte {
	return binary.BigEndian.AppendUint64([]byte{prefix, '/'}, n)
}
