package block

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"

	"dashd/eventlog"
)

// Column names a string column of a group.
type Column uint8

// The string columns. Each row holds a reference into the group's dictionary;
// reference 0 is the empty string. The order is the one on disk.
const (
	ColProject Column = iota
	ColType
	ColUser
	ColKey
	ColOrganization
	ColSession
	ColActor
	ColCountry
	ColIP // a copy of the personal part's address, for the index; empty once erased
	NumColumns
)

// colTextID holds the ids of a group in which not all are UUIDs.
const colTextID = NumColumns

const numStored = int(NumColumns) + 1

// A Group is a run of 1 to GroupEvents events encoded together. It refers to
// nothing outside of itself. Integers are little-endian.
//
//	offset  bytes
//	0       2      number of events, n
//	2       2      number of dictionary entries, d >= 1; entry 0 is ""
//	4       4      length of the dictionary's text, t
//	8       8      the least time, ms since 1970 UTC, signed
//	16      1      bytes of a row of the time column: 0, 1, 2, 4 or 8
//	17      1      p, length of the prefix that all ids share, 0 to 16;
//	               or ff: ids are text, in the tenth string column
//	18      30     ten string columns, in the order of the constants, then the
//	               ids: bytes of a row (0, 1 or 2), base (2 bytes)
//	48      p      (0 if p is ff) the prefix of the ids
//	        (d-1)w the end in the text of entries 1 to d-1; w is 2 if t < 65536, else 4
//	        t      the dictionary's text
//	        n      flags
//	        ...    n rows of the time column: what to add to the least time
//	        ...    for each string column n rows: 0 is entry 0, v > 0 is entry base+v-1;
//	               a column of 0 bytes has entry base in every row
//	        ...    n rows of ids, 16-p bytes each: a UUID without its prefix; none if p is ff
//	        4s     the end of each sub-block, counted from the first's start;
//	               s is n/SubEvents, rounded up
//	        ...    sub-blocks
//
// Flags of a row: bit 0 status, 1 source, 2-4 shown severity, 5 given id,
// 6 given time, 7 erased.
//
// A sub-block holds the personal parts of SubEvents events (the last one: of the
// rest). First, for each event in order, its salt (16 bytes) or, if it is erased,
// its commit (32 bytes): they do not compress. Then one s2 block (a Snappy block
// with s2's repeat codes) of the events that are not erased, in order, each its
// length as a varint and its personal part in canonical bytes, see [Commit]. If all are
// erased there is no s2 block. One of at most 16 events is made with the dictionary
// of dictionary.go, since it is too short to have seen much of what repeats.
type Group struct {
	data  []byte
	first int

	n, dict   uint16
	ids       uint8 // length of the prefix, or textIDs
	timeWidth uint8
	base      int64
	endsAt    uint32 // where the parts stand in data
	textAt    uint32
	textLen   uint32
	flagsAt   uint32
	timeAt    uint32
	idsAt     uint32
	subsAt    uint32
	bodyAt    uint32
	cols      [numStored]column
}

type column struct {
	at    uint32
	base  uint16
	width uint8
}

const (
	groupHeader = 18 + 3*numStored
	textIDs     = 0xff
	saltBytes   = 16
	commitBytes = 32
)

// Flags of a row.
const (
	flagFailed    = 0x01
	flagAPI       = 0x02
	shownMask     = 0x1c
	shownShift    = 2
	flagGivenID   = 0x20
	flagGivenTime = 0x40
	flagErased    = 0x80
)

var (
	errShort   = errors.New("cut short")
	errCorrupt = errors.New("malformed")
)

// parseGroup finds the parts of a group. It looks at the header only.
func parseGroup(first int, data []byte) (Group, error) {
	g := Group{data: data, first: first}
	if len(data) < groupHeader {
		return g, errShort
	}
	g.n = binary.LittleEndian.Uint16(data)
	g.dict = binary.LittleEndian.Uint16(data[2:])
	g.textLen = binary.LittleEndian.Uint32(data[4:])
	g.base = int64(binary.LittleEndian.Uint64(data[8:]))
	g.timeWidth, g.ids = data[16], data[17]
	switch {
	case g.n == 0 || g.n > GroupEvents:
		return g, fmt.Errorf("%d events", g.n)
	case g.dict == 0:
		return g, fmt.Errorf("%w dictionary", errCorrupt)
	case g.timeWidth > 8 || g.timeWidth&(g.timeWidth-1) != 0:
		return g, fmt.Errorf("times of %d bytes", g.timeWidth)
	case g.ids > saltBytes && g.ids != textIDs:
		return g, fmt.Errorf("ids with a prefix of %d bytes", g.ids)
	}
	n := uint64(g.n)
	at := uint64(groupHeader)
	part := func(size uint64) uint32 {
		start := at
		at += size
		return uint32(start)
	}
	prefix, idRow := uint64(g.ids), uint64(16-g.ids)
	if g.ids == textIDs {
		prefix, idRow = 0, 0
	}
	part(prefix)
	g.endsAt = part(uint64(g.dict-1) * endWidth(g.textLen))
	g.textAt = part(uint64(g.textLen))
	g.flagsAt = part(n)
	g.timeAt = part(n * uint64(g.timeWidth))
	for c := range g.cols {
		d := data[18+3*c:]
		col := column{width: d[0], base: binary.LittleEndian.Uint16(d[1:])}
		if col.width > 2 {
			return g, fmt.Errorf("references of %d bytes", col.width)
		}
		col.at = part(n * uint64(col.width))
		g.cols[c] = col
	}
	g.idsAt = part(n * idRow)
	g.subsAt = part(4 * uint64(g.subs()))
	g.bodyAt = part(0)
	if at > uint64(len(data)) {
		return g, errShort
	}
	return g, nil
}

// verify looks at every row. After it, references are below DictLen and
// sub-blocks hold what their flags say.
func (g *Group) verify() error {
	end := uint32(0)
	for ref := 1; ref < int(g.dict); ref++ {
		next := g.end(ref)
		if next < end || next > g.textLen {
			return fmt.Errorf("%w dictionary", errCorrupt)
		}
		end = next
	}
	if end != g.textLen {
		return fmt.Errorf("%w dictionary", errCorrupt)
	}
	for c := range g.cols {
		if g.maxRef(&g.cols[c]) >= int(g.dict) {
			return fmt.Errorf("column %d refers to no dictionary entry", c)
		}
	}
	if g.ids != textIDs && g.cols[colTextID] != (column{at: g.cols[colTextID].at}) {
		return fmt.Errorf("two columns of ids")
	}
	for i, f := range g.flags(0, int(g.n)) {
		if eventlog.Severity(f&shownMask>>shownShift) > eventlog.SeverityFailed {
			return fmt.Errorf("row %d: no such severity", i)
		}
		if f&flagErased != 0 && g.Ref(ColIP, i) != 0 {
			return fmt.Errorf("row %d: erased, with an address", i)
		}
	}
	return g.verifySubs()
}

func (g *Group) verifySubs() error {
	for k := range g.subs() {
		_, packed, live, err := g.sub(k)
		if err != nil {
			return err
		}
		if live == 0 {
			continue
		}
		if _, err := textLen(packed); err != nil {
			return fmt.Errorf("sub-block %d: %w", k, err)
		}
	}
	if g.subEnd(g.subs()-1) != uint32(len(g.data))-g.bodyAt {
		return fmt.Errorf("bytes behind the last sub-block")
	}
	return nil
}

// maxRef is the greatest reference in a column.
func (g *Group) maxRef(c *column) int {
	greatest := 0
	switch c.width {
	case 0:
		return int(c.base)
	case 1:
		for _, v := range g.data[c.at : c.at+uint32(g.n)] {
			greatest = max(greatest, int(v))
		}
	default:
		rows := g.data[c.at : c.at+2*uint32(g.n)]
		for i := 0; i < len(rows); i += 2 {
			greatest = max(greatest, int(binary.LittleEndian.Uint16(rows[i:])))
		}
	}
	if greatest == 0 {
		return 0
	}
	return int(c.base) + greatest - 1
}

// First is the offset in the block of the group's first event.
func (g *Group) First() int { return g.first }

// Len is the number of the group's events.
func (g *Group) Len() int { return int(g.n) }

// DictLen is the number of dictionary entries, with the empty one.
func (g *Group) DictLen() int { return int(g.dict) }

// Dict returns a dictionary entry, as bytes of the block; nil if there is none.
func (g *Group) Dict(ref uint16) []byte {
	if ref == 0 || ref >= g.dict {
		return nil
	}
	start := uint32(0)
	if ref > 1 {
		start = g.end(int(ref) - 1)
	}
	end := g.end(int(ref))
	if start > end || end > g.textLen {
		return nil
	}
	return g.data[g.textAt+start : g.textAt+end : g.textAt+end]
}

func endWidth(textLen uint32) uint64 {
	if textLen < 1<<16 {
		return 2
	}
	return 4
}

// end is where dictionary entry ref, from 1, ends in the text.
func (g *Group) end(ref int) uint32 {
	if g.textLen < 1<<16 {
		return uint32(binary.LittleEndian.Uint16(g.data[g.endsAt+2*uint32(ref-1):]))
	}
	return binary.LittleEndian.Uint32(g.data[g.endsAt+4*uint32(ref-1):])
}

// Ref returns row i of a string column; it is less than DictLen.
func (g *Group) Ref(c Column, i int) uint16 {
	col := &g.cols[c]
	var v uint16
	switch col.width {
	case 0:
		return col.base
	case 1:
		v = uint16(g.data[col.at+uint32(i)])
	default:
		v = binary.LittleEndian.Uint16(g.data[col.at+2*uint32(i):])
	}
	if v == 0 {
		return 0
	}
	return col.base + v - 1
}

// Time returns when the producer says that event i happened.
func (g *Group) Time(i int) int64 {
	rows := g.data[g.timeAt+uint32(i)*uint32(g.timeWidth):]
	var d uint64
	switch g.timeWidth {
	case 0:
	case 1:
		d = uint64(rows[0])
	case 2:
		d = uint64(binary.LittleEndian.Uint16(rows))
	case 4:
		d = uint64(binary.LittleEndian.Uint32(rows))
	default:
		d = binary.LittleEndian.Uint64(rows)
	}
	return int64(uint64(g.base) + d)
}

// flags returns the flags of rows i to j-1.
func (g *Group) flags(i, j int) []byte {
	return g.data[g.flagsAt+uint32(i) : g.flagsAt+uint32(j)]
}

func (g *Group) flag(i int) byte { return g.data[g.flagsAt+uint32(i)] }

// Status returns the status of row i.
func (g *Group) Status(i int) eventlog.Status { return eventlog.Status(g.flag(i) & flagFailed) }

// Source returns the source of row i.
func (g *Group) Source(i int) eventlog.Source {
	return eventlog.Source(g.flag(i) & flagAPI >> 1)
}

// Shown returns the severity row i asks to show.
func (g *Group) Shown(i int) eventlog.Severity {
	return min(eventlog.Severity(g.flag(i)&shownMask>>shownShift), eventlog.SeverityFailed)
}

// GivenID says whether the producer chose the id of row i.
func (g *Group) GivenID(i int) bool { return g.flag(i)&flagGivenID != 0 }

// GivenTime says whether the producer chose the time of row i.
func (g *Group) GivenTime(i int) bool { return g.flag(i)&flagGivenTime != 0 }

// Erased says whether the personal part of row i is gone.
func (g *Group) Erased(i int) bool { return g.flag(i)&flagErased != 0 }

// ID returns the id of row i.
func (g *Group) ID(i int) string {
	var buf [36]byte
	return string(g.appendID(buf[:0], i))
}

func (g *Group) appendID(dst []byte, i int) []byte {
	if g.ids == textIDs {
		return append(dst, g.Dict(g.Ref(colTextID, i))...)
	}
	var u [16]byte
	row := uint32(16 - g.ids)
	copy(u[copy(u[:], g.data[groupHeader:groupHeader+int(g.ids)]):], g.data[g.idsAt+uint32(i)*row:])
	return appendUUID(dst, &u)
}

func appendUUID(dst []byte, u *[16]byte) []byte {
	dst = hex.AppendEncode(dst, u[:4])
	for i := 4; i < 10; i += 2 {
		dst = append(dst, '-')
		dst = hex.AppendEncode(dst, u[i:i+2])
	}
	dst = append(dst, '-')
	return hex.AppendEncode(dst, u[10:])
}

// subs is the number of sub-blocks.
func (g *Group) subs() int { return (int(g.n) + SubEvents - 1) / SubEvents }

func (g *Group) subEnd(k int) uint32 {
	return binary.LittleEndian.Uint32(g.data[g.subsAt+4*uint32(k):])
}

// sub returns the salts and commits of sub-block k, its s2 block, and how many
// events are in that.
func (g *Group) sub(k int) (salts, packed []byte, live int, err error) {
	start, end := uint32(0), g.subEnd(k)
	if k > 0 {
		start = g.subEnd(k - 1)
	}
	body := g.data[g.bodyAt:]
	if start > end || uint64(end) > uint64(len(body)) {
		return nil, nil, 0, fmt.Errorf("sub-block %d: %w", k, errShort)
	}
	size := 0
	for _, f := range g.flags(k*SubEvents, min((k+1)*SubEvents, int(g.n))) {
		if f&flagErased != 0 {
			size += commitBytes
		} else {
			size += saltBytes
			live++
		}
	}
	data := body[start:end]
	if len(data) < size || live == 0 && len(data) != size {
		return nil, nil, 0, fmt.Errorf("sub-block %d: %w", k, errCorrupt)
	}
	return data[:size], data[size:], live, nil
}
