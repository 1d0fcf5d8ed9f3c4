package store

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"dashd/eventlog/block"
	"dashd/internal/errs"
)

// Part is a run of blocks of one log on its way to another, which lacks it.
type Part struct {
	First  uint64   // seq of the first event of the blocks
	Blocks [][]byte // in order
	// At is where the log is with them. With Index 0 it says Seq, ReceivedAt and Chain only: which
	// raft entries have brought blocks is known for the end of the log alone.
	At Position
}

// Parts calls fn with what a log that ends at after lacks of this one up to the
// position to: parts of at most 4 MiB, or one block, and in the last of them, which
// may have no blocks, At is to, of which Index, Term, Seq and Chain matter here. fn may keep
// the part. The next blocks are read while fn works.
//
// It refuses (errs.Conflict) a log that is not a prefix of this one, as far as that can
// be seen here: no block ends at after; and a position that is not one of this log's.
func (s *Store) Parts(ctx context.Context, after uint64, to Position, fn func(*Part) error) error {
	chain, ok := s.ChainAt(min(after, to.Seq))
	if !ok {
		return refuse("no block of this log ends at event %d, or it does not reach so far", min(after, to.Seq))
	}
	c := cutter{Part: Part{First: after + 1, At: Position{Seq: after, Chain: chain}}, send: fn}
	if after < to.Seq {
		err := s.Blocks(ctx, after+1, func(first uint64, raw []byte, b block.Block) error {
			if err := c.add(&stored{first, raw, b}); err != nil {
				return err
			}
			if c.At.Seq >= to.Seq {
				return errStop
			}
			return nil
		})
		if err != nil && !errors.Is(err, errStop) {
			return err
		}
		chain = c.At.Chain
	}
	if chain != to.Chain || c.At.Seq != max(after, to.Seq) {
		return refuse("event %d of raft index %d is not where this log has its events", to.Seq, to.Index)
	}
	c.At = to
	return fn(&c.Part)
}

// cutter makes parts of blocks.
type cutter struct {
	Part
	size int64
	send func(*Part) error
}

// add adds a block to the part, or if it does not fit, to the next one.
func (c *cutter) add(b *stored) error {
	size := partSize(b)
	if len(c.Blocks) > 0 && c.size+size > batchBytes {
		part := c.Part
		if err := c.send(&part); err != nil {
			return err
		}
		c.First, c.Blocks, c.size = b.first, nil, 0
	}
	c.Blocks = append(c.Blocks, b.raw)
	c.size += size
	c.At.Seq = b.last()
	c.At.ReceivedAt = max(c.At.ReceivedAt, b.block.ReceivedAt)
	c.At.Chain = Link(c.At.Chain, b.raw)
	return nil
}

// partSize is what a block takes of the size of a part: its bytes, and the rows of the ids it
// may have.
func partSize(b *stored) int64 { return int64(len(b.raw) + idRowBytes*b.block.Len()) }

func refuse(format string, args ...any) error {
	return errs.New(errs.Conflict, "LOG_DIFFERS", format, args...)
}

// The wire form of a part. Integers are big-endian.
//
//	offset  bytes
//	0       1      01, the format version
//	1       4      length of what follows
//	5       8      First
//	13      4      number of blocks
//	17      4      length of At
//	21      a      At, as it is stored
//	               for each block: length (4 bytes), the block
//
// A part carries no checksum of its own: each block has one, so has At, and the chain
// in At is over the blocks.
const (
	partVersion     = 1
	partHeaderBytes = 5
	partFixedBytes  = 16
	maxPartBytes    = batchBytes + batchBytes/2 // a part, with what its form adds
)

// AppendPart appends the wire form of p to dst.
func AppendPart(dst []byte, p *Part) []byte {
	at := p.At.encode()
	size := partFixedBytes + len(at)
	for _, b := range p.Blocks {
		size += 4 + len(b)
	}
	dst = append(dst, partVersion)
	dst = binary.BigEndian.AppendUint32(dst, uint32(size))
	dst = binary.BigEndian.AppendUint64(dst, p.First)
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(p.Blocks)))
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(at)))
	dst = append(dst, at...)
	for _, b := range p.Blocks {
		dst = binary.BigEndian.AppendUint32(dst, uint32(len(b)))
		dst = append(dst, b...)
	}
	return dst
}

// ReadPart reads one part, and nothing behind it. The error is io.EOF if there is nothing
// to read. It holds no more memory than twice what has come, and never more than 12 MiB.
// What the part says is not checked: Install does that.
func ReadPart(r *bufio.Reader) (*Part, error) {
	var head [partHeaderBytes]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, err
	}
	if head[0] != partVersion {
		return nil, badPart("format version %d is not known", head[0])
	}
	size := binary.BigEndian.Uint32(head[1:])
	if size < partFixedBytes || size > maxPartBytes {
		return nil, badPart("it has %d bytes", size)
	}
	var body bytes.Buffer
	if n, err := io.CopyN(&body, r, int64(size)); err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return nil, fmt.Errorf("read a part of the log: %d of %d bytes: %w", n, size, err)
	}
	return decodePart(body.Bytes())
}

// decodePart parses what follows the length. The part refers to b.
func decodePart(b []byte) (*Part, error) {
	p := &Part{First: binary.BigEndian.Uint64(b)}
	blocks, size := binary.BigEndian.Uint32(b[8:]), binary.BigEndian.Uint32(b[12:])
	b = b[partFixedBytes:]
	if uint64(size) > uint64(len(b)) {
		return nil, badPart("its position is short")
	}
	var version byte
	var err error
	if p.At, version, err = decodePosition(b[:size]); err != nil || version != positionVersion {
		return nil, badPart("its position: format version %d, %v", version, err)
	}
	b = b[size:]
	if uint64(blocks) > uint64(len(b)/4) {
		return nil, badPart("%d blocks do not fit", blocks)
	}
	for range blocks {
		if len(b) < 4 {
			return nil, badPart("a block is missing")
		}
		size, b = binary.BigEndian.Uint32(b), b[4:]
		if uint64(size) > uint64(len(b)) {
			return nil, badPart("a block is short")
		}
		p.Blocks, b = append(p.Blocks, b[:size:size]), b[size:]
	}
	if len(b) > 0 {
		return nil, badPart("%d bytes follow the last block", len(b))
	}
	return p, nil
}

func badPart(format string, args ...any) error {
	return errs.New(errs.Invalid, "BAD_PART", "a part of the log cannot be read: "+format, args...)
}
