package store

// Persist makes the next batch of up to limit bytes durable.
func (s *Store) Persist(limit int64) (more bool, err error) { return s.persist(limit) }

// PositionKey is the key of the persisted position.
var PositionKey = positionKey

// EncodePosition is the stored form of a position; DecodePosition its inverse.
var (
	EncodePosition = Position.encode
	DecodePosition = decodePosition
)

// Limits that tests must exceed.
const (
	TailBlocks = tailBlocks
	ChunkBytes = chunkBytes
	CacheBytes = cacheBytes
	IDLag      = idLag
	GatherFor  = gatherFor
)

// Cached is the memory that the cache believes to use.
func (s *Store) Cached() int { return s.cache.bytes }

// Held is what of the head is in memory: blocks, and ids that producers chose.
func (s *Store) Held() (blocks, ids int) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return len(s.head), len(s.ids)
}
