package block

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"
	"sort"

	"dashd/internal/errs"
)

// Limits of format version 1.
const (
	MaxBytes    = 1 << 20 // a sealed block
	GroupEvents = 1024    // events of a group
	SubEvents   = 64      // events of a compressed sub-block
)

// The envelope of format version 1. Integers are little-endian.
//
//	offset  bytes
//	0       4      "dshb"
//	4       1      01, the format version
//	5       1      length of the proposer's id, p
//	6       2      cluster version
//	8       8      receivedAt, ms since 1970 UTC, signed
//	16      4      number of groups, g >= 1
//	20      4      number of events, the sum over the groups
//	24      p      the proposer's id
//	24+p           g times: length of the group (4 bytes), the group
//	end-32  32     SHA-256 over all before
const (
	magic         = "dshb"
	FormatVersion = 1 // of what Seal writes; Open reads it and all before
	headerBytes   = 24
	maxProposer   = math.MaxUint8
)

// Header is what a block says about all its events.
type Header struct {
	Proposer   string // node id of the leader that proposed it, at most 255 bytes
	ReceivedAt int64  // of every event in it, ms; >= that of the block before
	// ClusterVersion is the version all members spoke when it was proposed. The
	// first release's is 0.
	ClusterVersion uint16
}

// Block is a parsed block. It refers to the bytes it was parsed from, which must
// not change. It is immutable and safe for concurrent use.
type Block struct {
	Header
	n      int
	groups []Group
}

// SealedSize is the length of Seal's result for groups of the given total length.
func SealedSize(h Header, groups, bytes int) int {
	return headerBytes + len(h.Proposer) + 4*groups + bytes + sha256.Size
}

// Seal makes a block of groups: header, groups, SHA-256 over all before. The
// groups are copied as they are. A block that would be longer than MaxBytes is an
// error of kind errs.TooLarge.
func Seal(h Header, groups ...[]byte) ([]byte, error) {
	if len(h.Proposer) > maxProposer {
		return nil, fmt.Errorf("block: proposer id of %d bytes", len(h.Proposer))
	}
	if len(groups) == 0 {
		return nil, fmt.Errorf("block: no groups")
	}
	events, total := 0, 0
	for i, data := range groups {
		g, err := parseGroup(events, data)
		if err != nil {
			return nil, fmt.Errorf("block: group %d: %w", i, err)
		}
		events += g.Len()
		total += len(data)
	}
	size := SealedSize(h, len(groups), total)
	if size > MaxBytes {
		return nil, tooLarge(size)
	}
	b := make([]byte, 0, size)
	b = append(b, magic...)
	b = append(b, FormatVersion, byte(len(h.Proposer)))
	b = binary.LittleEndian.AppendUint16(b, h.ClusterVersion)
	b = binary.LittleEndian.AppendUint64(b, uint64(h.ReceivedAt))
	b = binary.LittleEndian.AppendUint32(b, uint32(len(groups)))
	b = binary.LittleEndian.AppendUint32(b, uint32(events))
	b = append(b, h.Proposer...)
	for _, data := range groups {
		b = binary.LittleEndian.AppendUint32(b, uint32(len(data)))
		b = append(b, data...)
	}
	sum := sha256.Sum256(b)
	return append(b, sum[:]...), nil
}

func tooLarge(size int) error {
	return errs.New(errs.TooLarge, "TOO_LARGE", "the events take %d bytes together; at most %d fit", size, MaxBytes)
}

// Open checks the envelope hash and the structure of b and returns a view of it.
// After Open, no method of Block or Group panics for a row that exists, whatever
// b held; those that must decompress may still return an error.
func Open(b []byte) (Block, error) {
	if len(b) < headerBytes+sha256.Size || len(b) > MaxBytes {
		return Block{}, fmt.Errorf("block: %d bytes", len(b))
	}
	body := b[:len(b)-sha256.Size]
	if sum := sha256.Sum256(body); !bytes.Equal(sum[:], b[len(body):]) {
		return Block{}, fmt.Errorf("block: hash does not match")
	}
	blk, err := View(b)
	if err != nil {
		return Block{}, err
	}
	for i := range blk.groups {
		if err := blk.groups[i].verify(); err != nil {
			return Block{}, fmt.Errorf("block: group %d: %w", i, err)
		}
	}
	return blk, nil
}

// View is Open without the hash and without a look at the rows, for bytes this
// process has checked before. It costs time per group, not per event.
func View(b []byte) (Block, error) {
	if len(b) < headerBytes+sha256.Size || len(b) > MaxBytes {
		return Block{}, fmt.Errorf("block: %d bytes", len(b))
	}
	body := b[:len(b)-sha256.Size]
	if string(body[:4]) != magic {
		return Block{}, fmt.Errorf("block: not a block")
	}
	if body[4] != FormatVersion {
		return Block{}, fmt.Errorf("block: format version %d is not known", body[4])
	}
	groups := binary.LittleEndian.Uint32(body[16:])
	events := binary.LittleEndian.Uint32(body[20:])
	proposer := int(body[5])
	rest := body[headerBytes:]
	// The first test keeps a wrong count from reserving memory.
	if groups == 0 || uint64(groups) > uint64(len(rest)/groupHeader) || proposer > len(rest) {
		return Block{}, fmt.Errorf("block: %d groups do not fit", groups)
	}
	blk := Block{
		Header: Header{
			Proposer:       string(rest[:proposer]),
			ReceivedAt:     int64(binary.LittleEndian.Uint64(body[8:])),
			ClusterVersion: binary.LittleEndian.Uint16(body[6:]),
		},
		groups: make([]Group, 0, groups),
	}
	rest = rest[proposer:]
	for i := range groups {
		if len(rest) < 4 {
			return Block{}, fmt.Errorf("block: group %d: %w", i, errShort)
		}
		size := binary.LittleEndian.Uint32(rest)
		rest = rest[4:]
		if uint64(size) > uint64(len(rest)) {
			return Block{}, fmt.Errorf("block: group %d: %w", i, errShort)
		}
		g, err := parseGroup(blk.n, rest[:size:size])
		if err != nil {
			return Block{}, fmt.Errorf("block: group %d: %w", i, err)
		}
		blk.groups = append(blk.groups, g)
		blk.n += g.Len()
		rest = rest[size:]
	}
	if len(rest) != 0 || blk.n != int(events) {
		return Block{}, fmt.Errorf("block: header and groups do not agree")
	}
	return blk, nil
}

// Hash is the SHA-256 at the end of the bytes of a block that Open accepts: it stands for
// all of them.
func Hash(b []byte) [sha256.Size]byte { return [sha256.Size]byte(b[len(b)-sha256.Size:]) }

// Len is the number of events.
func (b *Block) Len() int { return b.n }

// Groups are the groups of the block, in order. The caller must not change the slice.
func (b *Block) Groups() []Group { return b.groups }

// group returns the group that holds event i, which must exist.
func (b *Block) group(i int) *Group {
	k := sort.Search(len(b.groups), func(k int) bool { return b.groups[k].first > i })
	return &b.groups[k-1]
}
