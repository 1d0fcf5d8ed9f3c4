package store

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"sort"

	"dashd/eventlog/block"
	"dashd/internal/kv"
)

// Lookup finds an event by the hash of an id that its producer chose.
func (s *Store) Lookup(hash [16]byte) (seq uint64, ok bool, err error) {
	s.mu.RLock()
	lacks := s.filter.lacks(hash)
	if !lacks {
		seq, ok = s.ids[hash]
	}
	s.mu.RUnlock()
	if lacks || ok {
		return seq, ok, nil
	}
	ok, err = s.db.Get(kv.IDKey(hash), func(val []byte) error {
		if len(val) != 8 {
			return damage("the row of id hash %x is damaged", hash)
		}
		seq = binary.BigEndian.Uint64(val)
		return nil
	})
	if err != nil {
		return 0, false, s.readError(err)
	}
	if ok && seq > s.Head() { // Install has stored it and says so in a moment
		return 0, false, nil
	}
	return seq, ok, nil
}

// idLag is how long after the making of an id its block may be received, and idLead how long before, in ms:
// a node that passes an event on makes its id by its own clock, which may be ahead of the leader's.
const (
	idLag  = 60_000
	idLead = 10_000
)

// FindID finds an event of a project by its id, whoever chose it. Ids made by dashd are UUIDv7
// whose time is close to the block's ReceivedAt.
//
// An id that nobody has costs a look at the id columns of a minute of the log, and ten seconds.
func (s *Store) FindID(project, id string) (seq uint64, ok bool, err error) {
	seq, ok, err = s.Lookup(block.IDHash(project, id))
	if err != nil {
		return 0, false, err
	}
	if ok {
		if ok, err = s.holds(seq, project, id); ok || err != nil {
			return seq, ok, err
		}
	}
	made, isV7 := timeOfV7(id)
	if !isV7 {
		return 0, false, nil
	}
	from, err := s.ReceivedSince(made)
	if err != nil {
		return 0, false, err
	}
	if seq, ok, err = s.searchIDs(from, made+idLag, project, id); ok || err != nil {
		return seq, ok, err
	}
	if from, err = s.ReceivedSince(made - idLead); err != nil {
		return 0, false, err
	}
	return s.searchIDs(from, made-1, project, id)
}

// holds reports whether the event at seq is of that project and has that id.
func (s *Store) holds(seq uint64, project, id string) (bool, error) {
	b, err := s.find(seq)
	if err != nil {
		return false, err
	}
	at, ok := rowOf(&b, project, id)
	return ok && at == seq, nil
}

// errStop ends a scan that has found what it looked for.
var errStop = errors.New("stop")

// searchIDs looks at every id from the block that holds from up to the last one received by until.
func (s *Store) searchIDs(from uint64, until int64, project, id string) (seq uint64, ok bool, err error) {
	err = s.Blocks(context.Background(), from, func(first uint64, raw []byte, b block.Block) error {
		if b.ReceivedAt > until {
			return errStop
		}
		if seq, ok = rowOf(&stored{first, raw, b}, project, id); ok {
			return errStop
		}
		return nil
	})
	if err != nil && !errors.Is(err, errStop) {
		return 0, false, err
	}
	return seq, ok, nil
}

// rowOf finds an id in a block by its columns.
func rowOf(b *stored, wantProject, id string) (seq uint64, ok bool) {
	groups := b.block.Groups()
	for k := range groups {
		g := &groups[k]
		for i := range g.Len() {
			if g.ID(i) == id && project(g, i) == wantProject {
				return b.first + uint64(g.First()+i), true
			}
		}
	}
	return 0, false
}

// ReceivedSince returns the first seq received at or after t, or one beyond the head.
func (s *Store) ReceivedSince(t int64) (uint64, error) {
	var failed error
	n := sort.Search(int(s.Head()), func(i int) bool {
		if failed != nil {
			return true
		}
		b, err := s.ReceivedAt(uint64(i) + 1)
		failed = err
		return b >= t
	})
	return uint64(n) + 1, failed
}

// ReceivedAt reads the time of receipt of one event of the log, and no more of its block
// than the header if it is on disk.
func (s *Store) ReceivedAt(seq uint64) (t int64, err error) {
	s.mu.RLock()
	inMemory := seq > s.persisted.Seq
	if inMemory {
		t = s.head[headIndex(s.head, seq)].block.ReceivedAt
	}
	s.mu.RUnlock()
	if inMemory {
		return t, nil
	}
	found, err := s.db.Floor(kv.PrefixBlock, kv.BlockKey(seq), func(_, val []byte) error {
		b, err := block.View(val)
		t = b.ReceivedAt
		if err != nil {
			return damage("the block that holds event %d is damaged (%w)", seq, err)
		}
		return nil
	})
	if err == nil && !found {
		err = damage("the block that holds event %d is missing", seq)
	}
	if err != nil {
		return 0, s.readError(err)
	}
	return t, nil
}

// timeOfV7 returns the time in a UUID of version 7 in canonical text.
func timeOfV7(id string) (ms int64, ok bool) {
	if len(id) != 36 || id[8] != '-' || id[13] != '-' || id[14] != '7' || id[18] != '-' || id[23] != '-' {
		return 0, false
	}
	for _, c := range []byte(id) {
		if !(c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c == '-') {
			return 0, false
		}
	}
	var b [8]byte
	if _, err := hex.Decode(b[2:], []byte(id[:8]+id[9:13])); err != nil {
		return 0, false
	}
	return int64(binary.BigEndian.Uint64(b[:])), true
}
