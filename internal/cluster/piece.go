package cluster

import (
	"encoding/binary"
	"errors"
	"hash/crc32"

	"github.com/hashicorp/raft"
	raftboltdb "github.com/hashicorp/raft-boltdb/v2"
)

// An entry of raft is stored as one to maxPieces entries of raft-boltdb, in one
// transaction. They have the term and the type of the entry; its data is cut into
// pieces, of lengths that are not part of the format. The first one says the rest:
//
//	Index      = index of the entry × maxPieces + number of the piece, from 0
//	Extensions = Extensions as raft gave them ‖ number of pieces (2 bytes) ‖ CRC-32C (4 bytes)
//
// Integers are big-endian. The CRC covers the whole entry, so a piece that is
// missing, changed or in another's place is found.
const (
	// pieceBytes makes a leaf of bbolt, which has two to four values, a few pages: an
	// entry of 340 kB is written 1.3 times, and 4.6 times in one piece.
	pieceBytes = 8000
	// shortPieceBytes makes it one page or two. Each entry writes the last leaf again, which is
	// most of what a short one writes: of 12 kB, 4.3 bytes a byte instead of 7. A long one
	// would only pay for more pieces.
	shortPieceBytes = 1900
	shortEntryBytes = 32 << 10 // up to which pieces are short
	maxPieces       = 1024
	sealBytes       = 2 + 4
)

func pieceKey(index, piece uint64) uint64 { return index*maxPieces + piece }

// entryOf is the index of the entry that a piece belongs to; 0 if there is none.
func entryOf(key uint64) uint64 { return key / maxPieces }

var (
	errTooLong = errors.New("an entry is too long for the raft log")
	errAltered = errors.New("an entry is not what was written")
)

// split appends the pieces of l to pieces. It does not change l, which raft goes on
// to send as it is.
func split(pieces []*raft.Log, l *raft.Log) ([]*raft.Log, error) {
	length := pieceBytes
	if len(l.Data) <= shortEntryBytes {
		length = shortPieceBytes
	}
	n := max(1, (len(l.Data)+length-1)/length)
	if n > maxPieces {
		return nil, errTooLong
	}
	logs := make([]raft.Log, n)
	for i, rest := 0, l.Data; i < n; i++ {
		size := min(len(rest), length)
		logs[i] = raft.Log{Index: pieceKey(l.Index, uint64(i)), Term: l.Term, Type: l.Type, Data: rest[:size]}
		rest = rest[size:]
		pieces = append(pieces, &logs[i])
	}
	extensions := make([]byte, 0, len(l.Extensions)+sealBytes)
	extensions = append(extensions, l.Extensions...)
	extensions = binary.BigEndian.AppendUint16(extensions, uint16(n))
	logs[0].Extensions = binary.BigEndian.AppendUint32(extensions, checksum(l, l.Extensions))
	logs[0].AppendedAt = l.AppendedAt
	return pieces, nil
}

// join reads the pieces of an entry into l.
func join(from *raftboltdb.BoltStore, index uint64, l *raft.Log) error {
	*l = raft.Log{}
	if err := from.GetLog(pieceKey(index, 0), l); err != nil {
		return err
	}
	seal := len(l.Extensions) - sealBytes
	if seal < 0 || l.Index != pieceKey(index, 0) {
		return errAltered
	}
	l.Index = index
	n, sum := binary.BigEndian.Uint16(l.Extensions[seal:]), binary.BigEndian.Uint32(l.Extensions[seal+2:])
	if l.Extensions = l.Extensions[:seal]; seal == 0 {
		l.Extensions = nil
	}
	if n == 0 || n > maxPieces { // those after it are another entry's
		return errAltered
	}
	for i := uint64(1); i < uint64(n); i++ {
		var piece raft.Log
		err := from.GetLog(pieceKey(index, i), &piece)
		if errors.Is(err, raft.ErrLogNotFound) {
			return errAltered
		}
		if err != nil {
			return err
		}
		l.Data = append(l.Data, piece.Data...)
	}
	if checksum(l, l.Extensions) != sum {
		return errAltered
	}
	return nil
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// checksum covers everything of an entry that has a meaning. Lengths keep data
// and extensions apart.
func checksum(l *raft.Log, extensions []byte) uint32 {
	var head [25]byte
	binary.BigEndian.PutUint64(head[0:], l.Index)
	binary.BigEndian.PutUint64(head[8:], l.Term)
	binary.BigEndian.PutUint64(head[16:], uint64(len(l.Data)))
	head[24] = byte(l.Type)
	sum := crc32.Update(0, castagnoli, head[:])
	sum = crc32.Update(sum, castagnoli, l.Data)
	return crc32.Update(sum, castagnoli, extensions)
}
