package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
)

// Position is how far a log reaches.
type Position struct {
	Index, Term uint64 // last raft entry applied
	Seq         uint64 // last event; 0 if none
	ReceivedAt  int64  // of the last event, ms
	// Ahead is how many of the last events came with Install, from another node,
	// before the entries that brought them were known here: every entry up to Index is in the
	// log up to Seq-Ahead. It is 0 but while an Install is going on, and after one that a
	// crash has ended. Raft may deliver those entries: see Append.
	Ahead uint64
	// Chain stands for all blocks up to Seq, and their order. It is zero if there are
	// none, and behind a block SHA-256 over the chain before it and the block's own hash.
	Chain [32]byte
	// Configuration is raft's, encoded by fsm, as of ConfigurationIndex.
	Configuration      []byte
	ConfigurationIndex uint64
}

// Applied is where a block's events went.
type Applied struct {
	First, Last uint64 // seq
	ReceivedAt  int64
}

// positionVersion is the format of m/position:
//
//	02  format version
//	    index, term, seq, receivedAt, configuration index, ahead: uvarints
//	    chain: 32 bytes
//	    configuration: the rest but 4 bytes
//	    CRC32C over all before, big-endian
//
// Version 1 has neither ahead nor the chain.
const (
	positionVersion = 2
	chainless       = 1
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func (p Position) encode() []byte {
	b := []byte{positionVersion}
	for _, n := range []uint64{p.Index, p.Term, p.Seq, uint64(p.ReceivedAt), p.ConfigurationIndex, p.Ahead} {
		b = binary.AppendUvarint(b, n)
	}
	b = append(b, p.Chain[:]...)
	b = append(b, p.Configuration...)
	return binary.BigEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
}

var errPosition = errors.New("the stored position is damaged")

// decodePosition is the inverse of encode. It also reads version 1, whose Chain
// is left zero.
func decodePosition(b []byte) (p Position, version byte, err error) {
	if len(b) < 1+4 {
		return p, 0, errPosition
	}
	body, sum := b[:len(b)-4], binary.BigEndian.Uint32(b[len(b)-4:])
	if crc32.Checksum(body, castagnoli) != sum {
		return p, 0, errPosition
	}
	version = body[0]
	if version != positionVersion && version != chainless {
		return p, 0, fmt.Errorf("the stored position has format version %d, which this release does not know", version)
	}
	rest := body[1:]
	var received uint64
	fields := []*uint64{&p.Index, &p.Term, &p.Seq, &received, &p.ConfigurationIndex, &p.Ahead}
	if version == chainless {
		fields = fields[:5]
	}
	for _, n := range fields {
		v, size := binary.Uvarint(rest)
		if size <= 0 {
			return Position{}, 0, errPosition
		}
		*n, rest = v, rest[size:]
	}
	p.ReceivedAt = int64(received)
	if version != chainless {
		if len(rest) < len(p.Chain) {
			return Position{}, 0, errPosition
		}
		rest = rest[copy(p.Chain[:], rest):]
	}
	if p.Ahead > p.Seq {
		return Position{}, 0, errPosition
	}
	if len(rest) > 0 {
		p.Configuration = append([]byte(nil), rest...)
	}
	return p, version, nil
}
