package store

import (
	"crypto/sha256"
	"sync"

	"dashd/eventlog/block"
	"dashd/internal/kv"
)

// chainEvery is how many bytes of blocks follow on a row of a/ at least before the
// next: the block that reaches it gets one. So rows are at the same seqs on all nodes, and
// what lies between two is shorter than chainEvery and one block.
//
// It is part of the format, as the rows are:
//
//	a/<last seq of a block>:  01  format version
//	                          the chain up to there: 32 bytes
const (
	chainEvery   = 3 << 20
	chainVersion = 1
)

// Link is the chain behind a block, whose bytes block.Open accepts, from that before it.
func Link(chain [32]byte, raw []byte) [32]byte {
	var both [2 * sha256.Size]byte
	hash := block.Hash(raw)
	copy(both[copy(both[:], chain[:]):], hash[:])
	return sha256.Sum256(both[:])
}

// chainer computes the chain of blocks in a row, and which of them get a row of a/.
type chainer struct {
	chain [32]byte
	bytes int64 // of blocks since the last row
}

// add takes the next block, and reports whether it gets a row.
func (c *chainer) add(raw []byte) bool {
	c.chain = Link(c.chain, raw)
	if c.bytes += int64(len(raw)); c.bytes < chainEvery {
		return false
	}
	c.bytes = 0
	return true
}

// chainRow is the chain of the log up to a seq, for a row of a/.
type chainRow struct {
	seq   uint64
	chain [32]byte
}

func (r *chainRow) write(put func(key, val []byte) error) error {
	return put(kv.ChainKey(r.seq), append([]byte{chainVersion}, r.chain[:]...))
}

func readChainRow(key, val []byte) (r chainRow, err error) {
	if len(key) != len(kv.ChainKey(0)) || len(val) != 1+len(r.chain) || val[0] != chainVersion {
		return r, damage("the row %q of the chain is damaged", key)
	}
	return chainRow{kv.ChainSeq(key), [32]byte(val[1:])}, nil
}

// lastChainRow is the last row at or before seq; the zero one, which is also right,
// if there is none.
func (s *Store) lastChainRow(seq uint64) (r chainRow, err error) {
	_, err = s.db.Floor(kv.PrefixChain, kv.ChainKey(seq), func(key, val []byte) error {
		r, err = readChainRow(key, val)
		return err
	})
	return r, err
}

// ChainAt is Position.Chain as it was when the log ended at seq. It is known if a block
// ends there, and so it is on every node whose log reaches seq: blocks are the same
// everywhere. It costs up to 4 MiB of reading if the block is on disk, the first time
// it is asked for.
func (s *Store) ChainAt(seq uint64) (chain [32]byte, ok bool) {
	if seq == 0 {
		return chain, true
	}
	s.mu.RLock()
	inMemory := seq >= s.persisted.Seq
	switch {
	case seq == s.persisted.Seq:
		chain, ok = s.persisted.Chain, true
	case inMemory && seq <= s.applied.Seq:
		h := &s.head[headIndex(s.head, seq)]
		chain, ok = h.after.Chain, h.last() == seq
	}
	s.mu.RUnlock()
	if inMemory {
		return chain, ok
	}
	if chain, ok = s.asked.get(seq); ok {
		return chain, true
	}
	chain, ok, err := s.storedChain(seq)
	if err != nil {
		_ = s.readError(err) // it has told Fatal
		return chain, false
	}
	if ok {
		s.asked.add(chainRow{seq, chain})
	}
	return chain, ok
}

// askedChains are the chains on disk that were asked for last: the other nodes ask for one
// each, over and over. The zero value is ready.
type askedChains struct {
	mu   sync.Mutex
	rows [16]chainRow // a ring; seq 0 is no row
	next int
}

func (a *askedChains) get(seq uint64) (chain [32]byte, ok bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for i := range a.rows {
		if a.rows[i].seq == seq {
			return a.rows[i].chain, true
		}
	}
	return chain, false
}

func (a *askedChains) add(r chainRow) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.rows[a.next] = r
	a.next = (a.next + 1) % len(a.rows)
}

// storedChain computes the chain up to a seq on disk from the row before it.
func (s *Store) storedChain(seq uint64) (chain [32]byte, ok bool, err error) {
	r, err := s.lastChainRow(seq)
	if err != nil || r.seq == seq {
		return r.chain, err == nil, err
	}
	at := r.seq
	err = s.db.Scan(kv.PrefixBlock, kv.BlockKey(at+1), func(key, val []byte) (bool, error) {
		b, err := parse(key, val, block.View) // the database compares a checksum
		if err != nil {
			return false, err
		}
		if b.first != at+1 {
			return false, gap(at+1, b.first)
		}
		r.chain, at = Link(r.chain, val), b.last()
		return at < seq, nil
	})
	if err == nil && at < seq {
		err = damage("the block that holds event %d is missing", seq)
	}
	return r.chain, at == seq, err
}

// rowsTogether is how many rows of a/ are written in one transaction when a log from before
// there was a chain gets one: each stands for some 3 MiB of blocks.
const rowsTogether = 256

// openChain compares the chain of the position with the blocks since the last row
// of a/. A log from before there was a chain gets one, with its rows and a position
// that says it: once, by reading all of it. If that is ended, the next start goes on at
// the last row that was written.
func (s *Store) openChain(version byte) error {
	end := s.persisted
	last, err := s.lastChainRow(1<<64 - 1)
	if err != nil {
		return err
	}
	if last.seq > end.Seq {
		return damage("there is a chain up to event %d, but the log ends at %d", last.seq, end.Seq)
	}
	if version == chainless && end.Seq > 0 {
		s.log.Info("the log gets its chain: all of it is read, once", "seq", last.seq, "head", end.Seq)
	}
	s.chainer = chainer{chain: last.chain}
	var rows []chainRow
	for next := last.seq + 1; next <= end.Seq; {
		blocks, err := s.readChunk(next, end.Seq)
		if err != nil {
			return err
		}
		for i := range blocks {
			b := &blocks[i]
			if next = b.last() + 1; s.chainer.add(b.raw) {
				rows = append(rows, chainRow{b.last(), s.chainer.chain})
			}
		}
		if version == chainless && len(rows) >= rowsTogether {
			if err := s.writeChain(rows, nil); err != nil {
				return err
			}
			s.log.Info("the log gets its chain", "seq", next-1, "head", end.Seq)
			rows = rows[:0]
		}
	}
	if version == chainless {
		end.Chain = s.chainer.chain
		s.applied, s.persisted = end, end
		return s.writeChain(rows, &end)
	}
	if len(rows) > 0 {
		return damage("the row of the chain for event %d is missing", rows[0].seq)
	}
	if s.chainer.chain != end.Chain {
		return damage("the blocks up to event %d are not those whose chain is stored", end.Seq)
	}
	return nil
}

// writeChain makes rows of a/ durable, and a position.
func (s *Store) writeChain(rows []chainRow, p *Position) error {
	return s.db.Write(func(put func(key, val []byte) error) error {
		for i := range rows {
			if err := rows[i].write(put); err != nil {
				return err
			}
		}
		if p == nil {
			return nil
		}
		return put(positionKey, p.encode())
	})
}

// chainCheck recomputes the chain for Check.
type chainCheck struct {
	chainer
	*Store
	until Position // of the log when the check began
}

func (c *chainCheck) add(b *stored) error {
	row := c.chainer.add(b.raw)
	if b.last() == c.until.Seq && c.chain != c.until.Chain {
		return c.damaged("the blocks up to event %d are not those whose chain is stored", b.last())
	}
	if !row || b.last() > c.PersistedSeq() { // a row is stored with its block
		return nil
	}
	r, err := c.lastChainRow(b.last())
	switch {
	case err != nil:
		return c.readError(err)
	case r.seq != b.last():
		return c.damaged("the row of the chain for event %d is missing", b.last())
	case r.chain != c.chain:
		return c.damaged("the blocks up to event %d are not those of the row of the chain", r.seq)
	}
	return nil
}
