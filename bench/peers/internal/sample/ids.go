package sample

import (
	"encoding/binary"
	"encoding/hex"
	"math/rand/v2"
	"sync/atomic"
	"time"
)

// IDs gives ids of events: UUIDs of version 7, which rise, so that a B-tree of them grows at its end only. No two of
// one IDs are equal. Any goroutine may take one; it costs the load generator some nanoseconds.
type IDs struct {
	last atomic.Uint64 // ms since 1970 << 12 | a counter, as in the first 64 bits without the version
}

// Next returns the next id.
func (s *IDs) Next() (id [16]byte) {
	now := uint64(time.Now().UnixMilli()) << 12
	for {
		last := s.last.Load()
		next := max(now, last+1)
		if s.last.CompareAndSwap(last, next) {
			binary.BigEndian.PutUint64(id[:8], next>>12<<16|7<<12|next&0xfff)
			binary.BigEndian.PutUint64(id[8:], rand.Uint64()&^(3<<62)|2<<62)
			return id
		}
	}
}

// Text is the usual form of an id.
func Text(id [16]byte) string {
	var b [36]byte
	at := 0
	for i, part := range [...][]byte{id[:4], id[4:6], id[6:8], id[8:10], id[10:]} {
		if i > 0 {
			b[at] = '-'
			at++
		}
		at += hex.Encode(b[at:], part)
	}
	return string(b[:])
}
