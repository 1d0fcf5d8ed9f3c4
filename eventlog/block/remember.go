package block

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"

	"dashd/eventlog"
)

// Sums are checksums (CRC-32C) of the parts of a block that is right, so that a few of its
// events can be read again without a look at the rest: first of all headers together, then for
// each group of what stands before its sub-blocks and of each sub-block. They take 4 bytes
// for 64 events, and are not stored.
type Sums []uint32

// ErrChanged says that a block is not the one that its Sums were made of.
var ErrChanged = errors.New("its bytes have changed")

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Sums returns the sums of b, which Open has made of raw.
func (b *Block) Sums(raw []byte) Sums {
	n := 1
	for i := range b.groups {
		n += b.groups[i].sums()
	}
	s := append(make(Sums, 0, n), b.headersSum(raw))
	for i := range b.groups {
		g := &b.groups[i]
		s = append(s, g.headSum())
		for k := range g.subs() {
			salts, packed, _, err := g.sub(k)
			if err != nil {
				panic("block: Sums of a block that is not right: " + err.Error())
			}
			s = append(s, subSum(salts, packed))
		}
	}
	return s
}

// sums is how many of the sums of a block are a group's.
func (g *Group) sums() int { return 1 + g.subs() }

// headersSum is the sum of what tells where the groups are, and of what the block says
// about all its events.
func (b *Block) headersSum(raw []byte) uint32 {
	sum := crc32.Checksum(raw[:headerBytes+len(b.Proposer)], castagnoli)
	for i := range b.groups {
		var length [4]byte
		binary.LittleEndian.PutUint32(length[:], uint32(len(b.groups[i].data)))
		sum = crc32.Update(sum, castagnoli, length[:])
		sum = crc32.Update(sum, castagnoli, b.groups[i].data[:groupHeader])
	}
	return sum
}

// headSum is the sum of all but the sub-blocks.
func (g *Group) headSum() uint32 { return crc32.Checksum(g.data[:g.bodyAt], castagnoli) }

// subSum is the sum of a sub-block, whose parts follow each other in the block.
func subSum(salts, packed []byte) uint32 {
	return crc32.Update(crc32.Checksum(salts, castagnoli), castagnoli, packed)
}

// Remembered is a block whose bytes were right once and may have changed since: what is read of
// them is compared with their sums first.
type Remembered struct {
	block Block
	sums  Sums
}

// Remember returns a view of a block, as View does, with the sums that it had.
func Remember(raw []byte, sums Sums) (Remembered, error) {
	b, err := View(raw)
	if err != nil {
		return Remembered{}, fmt.Errorf("%w: %w", ErrChanged, err)
	}
	if len(sums) == 0 || b.headersSum(raw) != sums[0] {
		return Remembered{}, ErrChanged
	}
	return Remembered{b, sums[1:]}, nil
}

// Select is Select of the block. The error is ErrChanged if one of the bytes that it needs has
// changed.
func (r *Remembered) Select(first uint64, offsets []int, fn func(*eventlog.Record) error) error {
	d := newDecoder()
	defer d.release()
	var g *Group
	for _, at := range offsets {
		if err := r.block.checkOffset(at); err != nil {
			return err
		}
		if g == nil || at < g.first || at >= g.first+int(g.n) {
			var err error
			if g, d.sums, err = r.group(at); err != nil {
				return err
			}
		}
		if err := r.block.visit(d, (*decoder).event, g, at-g.first, first, fn); err != nil {
			return err
		}
	}
	return nil
}

// group returns the group that holds event i, whose head it has compared, and the sums of its
// sub-blocks.
func (r *Remembered) group(i int) (*Group, Sums, error) {
	sums := r.sums
	for k := range r.block.groups {
		g := &r.block.groups[k]
		if len(sums) < g.sums() {
			break
		}
		if i < g.first+int(g.n) {
			if g.headSum() != sums[0] {
				break
			}
			return g, sums[1:g.sums()], nil
		}
		sums = sums[g.sums():]
	}
	return nil, nil, ErrChanged
}
