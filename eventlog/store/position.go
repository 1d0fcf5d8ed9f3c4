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
//	01  format version
//	    index, term, seq, receivedAt, configuration index: uvarints
//	    configuration: the rest but 4 bytes
//	    CRC32C over all before, big-endian
const positionVersion = 1

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func (p Position) encode() []byte {
	b := []byte{positionVersion}
	for _, n := range []uint64{p.Index, p.Term, p.Seq, uint64(p.ReceivedAt), p.ConfigurationIndex} {
		b = binary.AppendUvarint(b, n)
	}
	b = append(b, p.Configuration...)
	return binary.BigEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
}

var errPosition = errors.New("the stored position is damaged")

func decodePosition(b []byte) (p Position, err error) {
	if len(b) < 1+4 {
		return p, errPosition
	}
	body, sum := b[:len(b)-4], binary.BigEndian.Uint32(b[len(b)-4:])
	if crc32.Checksum(body, castagnoli) != sum {
		return p, errPosition
	}
	if body[0] != positionVersion {
		return p, fmt.Errorf("the stored position has format version %d, which this release does not know", body[0])
	}
	rest := body[1:]
	var received uint64
	for _, n := range []*uint64{&p.Index, &p.Term, &p.Seq, &received, &p.ConfigurationIndex} {
		v, size := binary.Uvarint(rest)
		if size <= 0 {
			return p, errPosition
		}
		*n, rest = v, rest[size:]
	}
	p.ReceivedAt = int64(received)
	if len(rest) > 0 {
		p.Configuration = append([]byte(nil), rest...)
	}
	return p, nil
}
