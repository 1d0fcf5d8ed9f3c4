package index

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math"
	"slices"

	"dashd/eventlog"
)

// The stored values. Integers are little-endian; a varint is the one of
// encoding/binary. Each value is
//
//	offset  bytes
//	0       1      the format version: 02 for a guide, 01 for all else
//	1       1      the letter of its key: k t ueosaic UEOSAIC; m for s/
//	2       8      segment
//	10      4      rows of the segment, 1 to 65,536
//	14      ...    content
//	end-4   4      CRC-32C over all before
//
// Content of m, the segment:
//
//	8      seq of the first row
//	1      1 if the times of the rows never decrease, else 0
//	16     least and greatest time, ms since 1970 UTC, signed
//	28     for each field in order, the number of its distinct values
//	varint number of projects; of each, varint length and text
//	varint number of kinds; of each, varint place of its project in that list,
//	       varint length and text of its type, 3 bytes status, source, shown
//	       severity, varint number of events
//
// Content of k: 1 byte w, 1 or 2; the kind number of each row, w bytes.
// Content of t: 1 byte w, 4 or 8; 8 bytes least time; for each row what to add, w bytes.
//
// Content of a field's table (lower case): 4 bytes number of hashes h; 4 bytes
// number of rows r that have a value; h hashes, 8 bytes each, ascending; for each
// hash where its rows start, 2 bytes; r rows, 2 bytes each, ascending from each start
// to the next.
//
// Content of a field's guide (upper case): 4 bytes h and 4 bytes r, as in its table; for each 256
// hashes, 8 bytes the first of them, 2 bytes where its rows start, 4 bytes CRC-32C over these
// hashes and then their starts, as they are in the table; for each 1,024 rows of the table,
// 4 bytes CRC-32C over them.
//
// Where a guide is now, version 1 had a filter of the table's hashes. What begins with 01 there is
// not used: the guide is then made from the table.
const (
	formatVersion = 1
	guideVersion  = 2
	headerBytes   = 14
	sumBytes      = 4
	maxRows       = 1 << 16
)

var (
	crcTable   = crc32.MakeTable(crc32.Castagnoli)
	errShort   = errors.New("cut short")
	errCorrupt = errors.New("malformed")
)

func appendHeader(dst []byte, letter byte, segment uint64, rows int) []byte {
	dst = append(dst, formatVersion, letter)
	dst = binary.LittleEndian.AppendUint64(dst, segment)
	return binary.LittleEndian.AppendUint32(dst, uint32(rows))
}

func appendSum(b []byte) []byte {
	return binary.LittleEndian.AppendUint32(b, crc32.Checksum(b, crcTable))
}

// anyRows lets content accept a segment of any length.
const anyRows = 0

// content checks the frame of a value against what is known of its segment, and
// returns what is in it.
func content(b []byte, version, letter byte, segment uint64, want int) (rows int, body []byte, err error) {
	if len(b) < headerBytes+sumBytes {
		return 0, nil, errShort
	}
	end := len(b) - sumBytes
	if crc32.Checksum(b[:end], crcTable) != binary.LittleEndian.Uint32(b[end:]) {
		return 0, nil, errors.New("checksum does not match")
	}
	n := binary.LittleEndian.Uint32(b[10:])
	switch {
	case b[0] != version:
		return 0, nil, fmt.Errorf("format version %d is not known", b[0])
	case b[1] != letter || binary.LittleEndian.Uint64(b[2:]) != segment:
		return 0, nil, errors.New("value of another key")
	case n == 0 || n > maxRows || want != anyRows && want != int(n):
		return 0, nil, fmt.Errorf("%d rows", n)
	}
	return int(n), b[headerBytes:end], nil
}

// meta is what an s/ value says.
type meta struct {
	number   uint64
	first    uint64
	n        int
	min, max int64
	inOrder  bool
	distinct [numFields]uint32
	table    *kindTable
}

func appendMeta(dst []byte, m *meta) []byte {
	dst = appendHeader(dst, letterSegment, m.number, m.n)
	dst = binary.LittleEndian.AppendUint64(dst, m.first)
	dst = append(dst, 0)
	if m.inOrder {
		dst[len(dst)-1] = 1
	}
	dst = binary.LittleEndian.AppendUint64(dst, uint64(m.min))
	dst = binary.LittleEndian.AppendUint64(dst, uint64(m.max))
	for _, n := range m.distinct {
		dst = binary.LittleEndian.AppendUint32(dst, n)
	}
	places, projects := make(map[string]int), []string(nil) // in order of first use
	for _, k := range m.table.kinds {
		if _, ok := places[k.project]; !ok {
			places[k.project] = len(projects)
			projects = append(projects, k.project)
		}
	}
	dst = binary.AppendUvarint(dst, uint64(len(projects)))
	for _, p := range projects {
		dst = appendText(dst, p)
	}
	dst = binary.AppendUvarint(dst, uint64(len(m.table.kinds)))
	for i, k := range m.table.kinds {
		dst = binary.AppendUvarint(dst, uint64(places[k.project]))
		dst = appendText(dst, k.typ)
		dst = append(dst, byte(k.status), byte(k.source), byte(k.shown))
		dst = binary.AppendUvarint(dst, uint64(m.table.counts[i]))
	}
	return appendSum(dst)
}

func appendText(dst []byte, s string) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(s))), s...)
}

const metaFixed = 8 + 1 + 16 + 4*numFields

// decodeMeta reads an s/ value; kinds come from the pool.
func decodeMeta(b []byte, segment uint64, pool *kindPool) (meta, error) {
	n, body, err := content(b, formatVersion, letterSegment, segment, anyRows)
	if err != nil {
		return meta{}, err
	}
	if len(body) < metaFixed {
		return meta{}, errShort
	}
	m := meta{
		number:  segment,
		first:   binary.LittleEndian.Uint64(body),
		n:       n,
		inOrder: body[8] == 1,
		min:     int64(binary.LittleEndian.Uint64(body[9:])),
		max:     int64(binary.LittleEndian.Uint64(body[17:])),
	}
	for f := range m.distinct {
		m.distinct[f] = binary.LittleEndian.Uint32(body[25+4*f:])
	}
	m.table, err = decodeKinds(body[metaFixed:], n, pool)
	return m, err
}

func decodeKinds(b []byte, n int, pool *kindPool) (*kindTable, error) {
	r := reader{b: b}
	// Each entry takes its least length at least: a wrong count cannot reserve memory.
	projects := make([]string, r.count(1, n))
	for i := range projects {
		projects[i] = r.text()
	}
	count := r.count(6, n)
	t := &kindTable{kinds: make([]*kind, count), counts: make([]uint32, count)}
	total := uint64(0)
	for i := range t.kinds {
		project := r.varint()
		key := kindKey{typ: r.text()}
		key.status, key.source, key.shown = eventlog.Status(r.byte()), eventlog.Source(r.byte()), eventlog.Severity(r.byte())
		events := r.varint()
		if r.short {
			return nil, errShort
		}
		if project >= uint64(len(projects)) || events > uint64(n) ||
			key.status > eventlog.Failed || key.source > eventlog.SourceAPI || key.shown > eventlog.SeverityFailed {
			return nil, fmt.Errorf("kind %d: %w", i, errCorrupt)
		}
		key.project = projects[project]
		t.kinds[i], t.counts[i] = pool.get(key), uint32(events)
		total += events
	}
	if r.short || len(r.b) != 0 || total != uint64(n) {
		return nil, fmt.Errorf("kinds: %w", errCorrupt)
	}
	return t, nil
}

// reader reads the parts of a value that have no fixed place.
type reader struct {
	b     []byte
	short bool
}

func (r *reader) varint() uint64 {
	v, n := binary.Uvarint(r.b)
	if n <= 0 {
		r.b, r.short = nil, true
		return 0
	}
	r.b = r.b[n:]
	return v
}

// count reads a number of entries of at least size bytes each, at most limit.
func (r *reader) count(size, limit int) int {
	n := r.varint()
	if n > uint64(limit) || n > uint64(len(r.b)/size) {
		r.b, r.short = nil, true
		return 0
	}
	return int(n)
}

func (r *reader) byte() byte {
	if len(r.b) == 0 {
		r.short = true
		return 0
	}
	c := r.b[0]
	r.b = r.b[1:]
	return c
}

func (r *reader) text() string {
	n := r.varint()
	if n > uint64(len(r.b)) {
		r.b, r.short = nil, true
		return ""
	}
	s := string(r.b[:n])
	r.b = r.b[n:]
	return s
}

func appendKindColumn(dst []byte, segment uint64, kinds []uint16, table int) []byte {
	dst = slices.Grow(dst, headerBytes+1+2*len(kinds)+sumBytes)
	dst = appendHeader(dst, letterKinds, segment, len(kinds))
	if table <= math.MaxUint8+1 {
		dst = append(dst, 1)
		for _, k := range kinds {
			dst = append(dst, byte(k))
		}
		return appendSum(dst)
	}
	dst = append(dst, 2)
	for _, k := range kinds {
		dst = binary.LittleEndian.AppendUint16(dst, k)
	}
	return appendSum(dst)
}

// decodeKindColumn reads an x/k value of a segment that has table kinds.
func decodeKindColumn(b []byte, segment uint64, rows, table int) ([]uint16, error) {
	n, body, err := content(b, formatVersion, letterKinds, segment, rows)
	if err != nil {
		return nil, err
	}
	if len(body) < 1 || body[0] != 1 && body[0] != 2 || len(body) != 1+n*int(body[0]) {
		return nil, errCorrupt
	}
	kinds := make([]uint16, n)
	greatest := uint16(0)
	for i := range kinds {
		if body[0] == 1 {
			kinds[i] = uint16(body[1+i])
		} else {
			kinds[i] = binary.LittleEndian.Uint16(body[1+2*i:])
		}
		greatest = max(greatest, kinds[i])
	}
	if int(greatest) >= table {
		return nil, errCorrupt
	}
	return kinds, nil
}

func appendTimeColumn(dst []byte, segment uint64, times []int64, least, greatest int64) []byte {
	// The difference is right as a uint64 even where it overflows an int64.
	wide := uint64(greatest)-uint64(least) > math.MaxUint32
	width := byte(4)
	if wide {
		width = 8
	}
	dst = slices.Grow(dst, headerBytes+9+int(width)*len(times)+sumBytes)
	dst = appendHeader(dst, letterTimes, segment, len(times))
	dst = binary.LittleEndian.AppendUint64(append(dst, width), uint64(least))
	for _, t := range times {
		d := uint64(t) - uint64(least)
		if wide {
			dst = binary.LittleEndian.AppendUint64(dst, d)
		} else {
			dst = binary.LittleEndian.AppendUint32(dst, uint32(d))
		}
	}
	return appendSum(dst)
}

// decodeTimeColumn reads an x/t value.
func decodeTimeColumn(b []byte, segment uint64, rows int) (timeColumn, error) {
	n, body, err := content(b, formatVersion, letterTimes, segment, rows)
	if err != nil {
		return timeColumn{}, err
	}
	if len(body) < 9 || body[0] != 4 && body[0] != 8 || len(body) != 9+n*int(body[0]) {
		return timeColumn{}, errCorrupt
	}
	least := binary.LittleEndian.Uint64(body[1:])
	var c timeColumn
	if body[0] == 4 {
		c.base, c.narrow = int64(least), make([]uint32, n)
		for i := range c.narrow {
			c.narrow[i] = binary.LittleEndian.Uint32(body[9+4*i:])
		}
	} else {
		c.wide = make([]int64, n)
		for i := range c.wide {
			c.wide[i] = int64(least + binary.LittleEndian.Uint64(body[9+8*i:]))
		}
	}
	return c.summarize(), nil
}
