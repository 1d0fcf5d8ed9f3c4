package store

import "context"

// Persist makes the next batch of up to limit bytes durable.
func (s *Store) Persist(limit int64) (more bool, err error) { return s.persist(limit) }

// PositionKey is the key of the persisted position.
var PositionKey = positionKey

// EncodePosition is the stored form of a position; DecodePosition its inverse.
var (
	EncodePosition = Position.encode
	DecodePosition = decodePosition
)

// PositionVersion is the format that is written; Chainless the one before.
const (
	PositionVersion = positionVersion
	Chainless       = chainless
)

// Limits that tests must exceed.
const (
	TailBlocks = tailBlocks
	ChunkBytes = chunkBytes
	CacheBytes = cacheBytes
	IDLag      = idLag
	IDLead     = idLead
	GatherFor  = gatherFor
	ChainEvery = chainEvery
	BatchBytes = batchBytes
)

// Cached is the memory that the cache believes to use.
func (s *Store) Cached() int { return s.cache.bytes }

// Held is what of the head is in memory: blocks, and ids that producers chose.
func (s *Store) Held() (blocks, ids int) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return len(s.head), len(s.ids)
}

// Extents is what View and Select remember.
type Extents = extents

// MaxExtents is how many.
const MaxExtents = maxExtents

// Add and Find are those of extents.
func (x *extents) Add(first, last uint64) { x.add(first, last, nil) }

func (x *extents) Find(seq uint64) (first uint64, ok bool) {
	first, _, ok = x.find(seq)
	return first, ok
}

// FillFilter is what Run begins with.
func (s *Store) FillFilter(ctx context.Context) { s.fillFilter(ctx) }

// FilterReady tells whether FillFilter has come to its end.
func (s *Store) FilterReady() bool { return s.filter.ready }

// NewIDFilter returns what is behind Lookup, ready.
func NewIDFilter() *IDFilter { return &idFilter{ready: true} }

// IDFilter is what is behind Lookup.
type IDFilter = idFilter

// Insert and Lacks are those of idFilter.
func (f *idFilter) Insert(hash [16]byte)     { f.add(hash) }
func (f *idFilter) Lacks(hash [16]byte) bool { return f.lacks(hash) }

// StoredChain is ChainAt for what is on disk, each time anew.
func (s *Store) StoredChain(seq uint64) (chain [32]byte, ok bool, err error) {
	return s.storedChain(seq)
}

// Forget drops the blocks that are kept in memory, and not what is known of them.
func (s *Store) Forget() { s.cache = cache{} }
