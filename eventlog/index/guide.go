package index

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"sort"
	"sync/atomic"

	"dashd/internal/kv"
)

const (
	// pageHashes and pageRows are part of the format: how many hashes, with their starts, and how
	// many rows of a table have a checksum together.
	pageHashes = 256
	pageRows   = 1024

	tableHead = headerBytes + 8 // before the hashes of a table
)

// guide is what is kept in memory of a field's table, so that a term is looked up where the table
// is stored, in one page of hashes. What is read is compared with the page's checksum each time.
type guide struct {
	hashes, rows int // in the table
	pages        []guidePage
	sums         []uint32 // of the pages of rows

	at atomic.Pointer[kv.Place] // where the table was found last; nil: nowhere yet
}

// guidePage is a page of hashes.
type guidePage struct {
	first uint64 // hash
	start uint16 // of it: where in the table's rows its rows start
	sum   uint32 // CRC-32C over the hashes and then their starts
}

// bytes is about what g takes in memory.
func (g *guide) bytes() int { return 16*len(g.pages) + 4*len(g.sums) + 80 }

// errOtherTable is about a table that is not the one that the guide was made for, or not as it was.
var errOtherTable = errors.New("does not agree with its guide")

// newGuide makes the guide of a table from its stored value.
func newGuide(b []byte) *guide {
	g := &guide{
		hashes: int(binary.LittleEndian.Uint32(b[headerBytes:])),
		rows:   int(binary.LittleEndian.Uint32(b[headerBytes+4:])),
	}
	for p := range (g.hashes + pageHashes - 1) / pageHashes {
		hashes, starts := g.page(b, p)
		g.pages = append(g.pages, guidePage{
			first: binary.LittleEndian.Uint64(hashes),
			start: binary.LittleEndian.Uint16(starts),
			sum:   crc32.Update(crc32.Checksum(hashes, crcTable), crcTable, starts),
		})
	}
	for p := range (g.rows + pageRows - 1) / pageRows {
		g.sums = append(g.sums, crc32.Checksum(g.rowPage(b, p), crcTable))
	}
	return g
}

// length is that of the table's stored value.
func (g *guide) length() int { return tableHead + 10*g.hashes + 2*g.rows + sumBytes }

// page returns the hashes of a page and their starts, in b, which is as long as length says.
func (g *guide) page(b []byte, p int) (hashes, starts []byte) {
	from, to := p*pageHashes, min((p+1)*pageHashes, g.hashes)
	starts = b[tableHead+8*g.hashes:]
	return b[tableHead+8*from : tableHead+8*to], starts[2*from : 2*to]
}

// rowPage returns a page of rows.
func (g *guide) rowPage(b []byte, p int) []byte {
	rows := b[tableHead+10*g.hashes : g.length()-sumBytes]
	return rows[2*pageRows*p : min(2*pageRows*(p+1), len(rows))]
}

// pageOf returns the page on which h has to be, if the table has it: -1 if it has not.
func (g *guide) pageOf(h uint64) int {
	return sort.Search(len(g.pages), func(i int) bool { return g.pages[i].first > h }) - 1
}

// span returns where in the rows of table b those of h are, which has to be on page p: from from
// to to. None are from 0 to 0.
func (g *guide) span(b []byte, h uint64, p int) (from, to int, err error) {
	if len(b) != g.length() {
		return 0, 0, errOtherTable
	}
	hashes, starts := g.page(b, p)
	if crc32.Update(crc32.Checksum(hashes, crcTable), crcTable, starts) != g.pages[p].sum {
		return 0, 0, errOtherTable
	}
	n := len(starts) / 2
	i := sort.Search(n, func(i int) bool { return binary.LittleEndian.Uint64(hashes[8*i:]) >= h })
	if i == n || binary.LittleEndian.Uint64(hashes[8*i:]) != h {
		return 0, 0, nil
	}
	from, to = int(binary.LittleEndian.Uint16(starts[2*i:])), g.rows
	if i+1 < n {
		to = int(binary.LittleEndian.Uint16(starts[2*i+2:]))
	} else if p+1 < len(g.pages) {
		to = int(g.pages[p+1].start)
	}
	if from >= to || to > g.rows {
		return 0, 0, errCorrupt
	}
	return from, to, nil
}

// list returns the rows from from to to of table b, which belong to one hash of a segment of n rows.
func (g *guide) list(b []byte, from, to, n int) ([]uint16, error) {
	list := make([]uint16, 0, to-from)
	for p := from / pageRows; p*pageRows < to; p++ {
		page := g.rowPage(b, p)
		if crc32.Checksum(page, crcTable) != g.sums[p] {
			return nil, errOtherTable
		}
		for i := max(from-p*pageRows, 0); i < min(to-p*pageRows, pageRows); i++ {
			row := binary.LittleEndian.Uint16(page[2*i:])
			if int(row) >= n || len(list) > 0 && row <= list[len(list)-1] {
				return nil, errCorrupt
			}
			list = append(list, row)
		}
	}
	return list, nil
}

func appendGuide(dst []byte, field int, segment uint64, segmentRows int, g *guide) []byte {
	dst = appendHeader(dst, guideLetters[field], segment, segmentRows)
	dst[len(dst)-headerBytes] = guideVersion
	dst = binary.LittleEndian.AppendUint32(dst, uint32(g.hashes))
	dst = binary.LittleEndian.AppendUint32(dst, uint32(g.rows))
	for _, p := range g.pages {
		dst = binary.LittleEndian.AppendUint64(dst, p.first)
		dst = binary.LittleEndian.AppendUint16(dst, p.start)
		dst = binary.LittleEndian.AppendUint32(dst, p.sum)
	}
	for _, s := range g.sums {
		dst = binary.LittleEndian.AppendUint32(dst, s)
	}
	return appendSum(dst)
}

// decodeGuide reads the guide of a field's table; it is nil if version 1 has put a filter in its
// place. Its pages are in order and in range, whatever the value held.
func decodeGuide(b []byte, field int, segment uint64, segmentRows int) (*guide, error) {
	if len(b) > 0 && b[0] == formatVersion {
		_, _, err := content(b, formatVersion, guideLetters[field], segment, segmentRows)
		return nil, err
	}
	n, body, err := content(b, guideVersion, guideLetters[field], segment, segmentRows)
	if err != nil {
		return nil, err
	}
	hashes, rows, body, err := tableSize(body, n)
	if err != nil {
		return nil, err
	}
	pages, sums := (hashes+pageHashes-1)/pageHashes, (rows+pageRows-1)/pageRows
	if uint64(len(body)) != 14*pages+4*sums {
		return nil, errCorrupt
	}
	g := &guide{hashes: int(hashes), rows: int(rows), pages: make([]guidePage, pages), sums: make([]uint32, sums)}
	for i := range g.pages {
		p := &g.pages[i]
		p.first, p.start, p.sum = binary.LittleEndian.Uint64(body), binary.LittleEndian.Uint16(body[8:]), binary.LittleEndian.Uint32(body[10:])
		body = body[14:]
		if i == 0 && p.start != 0 || int(p.start) >= g.rows ||
			i > 0 && (p.first <= g.pages[i-1].first || p.start <= g.pages[i-1].start) {
			return nil, errCorrupt
		}
	}
	for i := range g.sums {
		g.sums[i] = binary.LittleEndian.Uint32(body[4*i:])
	}
	return g, nil
}
