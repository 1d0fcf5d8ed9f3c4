package store

import (
	"context"
	"encoding/binary"

	"dashd/internal/kv"
)

// idFilter knows of an id that it is not in the log, without asking the database:
// nearly all ids that producers choose are new, and to find that out in Badger costs
// more than to store the event.
//
// It holds the hash of every given id of the log, or it is not ready: after a start
// the ids on disk are read in the background (see fillFilter). It may take an id for
// one it holds, and never the other way round.
//
// It is a list of blocked Bloom filters: an id has a block of 64 bytes, which the
// first half of its hash selects, and 7 bits in it, which the second half does.
// At idsPerBlock, one id in 700 is taken for another. A full filter is followed by
// one of twice the size, up to lastFilterBlocks, which goes on to fill up: behind
// 33 million ids it becomes worse slowly, and takes 62 MiB.
//
// It is guarded by Store.mu.
type idFilter struct {
	ready bool
	parts [][]filterBlock
	room  int // ids that the last part still takes
}

type filterBlock [8]uint64

const (
	idsPerBlock       = 32
	firstFilterBlocks = 1 << 15 // 2 MiB
	lastFilterBlocks  = 1 << 19 // 32 MiB
)

func (f *idFilter) add(hash [16]byte) {
	if f.room == 0 && (len(f.parts) == 0 || len(f.parts[len(f.parts)-1]) < lastFilterBlocks) {
		n := firstFilterBlocks << len(f.parts)
		f.parts = append(f.parts, make([]filterBlock, n))
		f.room = n * idsPerBlock
	}
	f.room = max(f.room-1, 0)
	part := f.parts[len(f.parts)-1]
	block := &part[binary.LittleEndian.Uint64(hash[:8])%uint64(len(part))]
	for bits, k := binary.LittleEndian.Uint64(hash[8:]), 0; k < 7; bits, k = bits>>9, k+1 {
		block[bits>>6&7] |= 1 << (bits & 63)
	}
}

// lacks reports whether it is sure that the log does not have the id.
func (f *idFilter) lacks(hash [16]byte) bool {
	if !f.ready {
		return false
	}
	which, want := binary.LittleEndian.Uint64(hash[:8]), binary.LittleEndian.Uint64(hash[8:])
	for _, part := range f.parts {
		if part[which%uint64(len(part))].has(want) {
			return false
		}
	}
	return true
}

func (b *filterBlock) has(bits uint64) bool {
	for range 7 {
		if b[bits>>6&7]>>(bits&63)&1 == 0 {
			return false
		}
		bits >>= 9
	}
	return true
}

// fillChunk is how many rows fillFilter reads at a time: no read lasts long, and no
// append waits long.
const fillChunk = 4096

// fillFilter adds the ids on disk. Those that are appended meanwhile are added
// by Append, so afterwards the filter has all. Until then ids are looked up in the
// database.
func (s *Store) fillFilter(ctx context.Context) {
	var hashes [][16]byte
	first := kv.IDKey([16]byte{})
	from := first
	for ctx.Err() == nil {
		hashes = hashes[:0]
		err := s.db.Scan(kv.PrefixID, from, func(key, _ []byte) (bool, error) {
			if len(key) != len(first) {
				return false, damage("%q is not the key of an id", key)
			}
			hashes = append(hashes, [16]byte(key[len(kv.PrefixID):]))
			return len(hashes) < fillChunk, nil
		})
		if err != nil {
			_ = s.readError(err) // nobody waits: it has told Fatal
			return
		}
		s.mu.Lock()
		for _, h := range hashes {
			s.filter.add(h)
		}
		s.filter.ready = len(hashes) < fillChunk
		s.mu.Unlock()
		if len(hashes) < fillChunk {
			return
		}
		from = append(kv.IDKey(hashes[len(hashes)-1]), 0) // the next key there can be
	}
}
