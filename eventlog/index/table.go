package index

import (
	"cmp"
	"encoding/binary"
	"slices"
)

// table says which rows of a segment have which value of one field. Immutable.
type table struct {
	hashes []uint64 // distinct, ascending
	starts []uint16 // of each hash: where in rows its rows start
	rows   []uint16 // of each hash: ascending
}

// find returns the rows whose value has hash h, ascending; the caller must not
// change them.
func (t *table) find(h uint64) []uint16 {
	i, ok := slices.BinarySearch(t.hashes, h)
	if !ok {
		return nil
	}
	if i+1 == len(t.starts) {
		return t.rows[t.starts[i]:]
	}
	return t.rows[t.starts[i]:t.starts[i+1]]
}

// newTable makes the table of a column of hashes, in which 0 is no value. It sorts in the memory
// of s, which may be that of the tables before.
func newTable(column []uint64, s *sorter) table {
	entries, distinct := s.sort(column)
	t := table{
		hashes: make([]uint64, 0, distinct),
		starts: make([]uint16, 0, distinct),
		rows:   make([]uint16, len(entries)),
	}
	for i, e := range entries {
		if i == 0 || e.hash != entries[i-1].hash {
			t.hashes = append(t.hashes, e.hash)
			t.starts = append(t.starts, uint16(i))
		}
		t.rows[i] = e.row
	}
	return t
}

type entry struct {
	hash uint64
	row  uint16
}

// sorter sorts columns of hashes, one after the other in the same memory.
type sorter struct{ entries, other []entry }

// sort returns the rows that have a value, by hash, and how many hashes there are. They are good
// until the next call.
func (s *sorter) sort(column []uint64) (entries []entry, distinct int) {
	entries = s.entries[:0]
	for i, h := range column {
		if h != 0 {
			entries = append(entries, entry{h, uint16(i)})
		}
	}
	s.entries = entries
	s.other = slices.Grow(s.other[:0], len(entries))[:len(entries)]
	entries = sortByHash(entries, s.other)
	for i := range entries {
		if i == 0 || entries[i].hash != entries[i-1].hash {
			distinct++
		}
	}
	return entries, distinct
}

const (
	// sortDigit is the length in bits of a digit of a hash. sortDigits are looked at, the highest:
	// 65,536 values have a pair that is alike in 33 bits once in four columns.
	sortDigit  = 11
	sortDigits = 3
	sortShift  = 64 - sortDigits*sortDigit // to the lowest of them
)

// sortByHash sorts a stably, in a or in other, which is as long, so that the rows of a hash stay
// ascending. It is a radix sort of the hashes' upper bits, far faster here than a sort that
// compares; that one sorts the few that these bits leave undecided. So values that a producer
// has searched for, to be alike in these bits, are slow by a factor, not quadratic.
func sortByHash(a, other []entry) []entry {
	const mask = 1<<sortDigit - 1
	var counts [sortDigits][1 << sortDigit]int32
	for _, e := range a {
		for digit := range counts {
			counts[digit][e.hash>>(sortShift+sortDigit*digit)&mask]++
		}
	}
	for digit := range counts {
		at, next := &counts[digit], int32(0)
		for v, n := range at {
			at[v] = next
			next += n
		}
		for _, e := range a {
			v := e.hash >> (sortShift + sortDigit*digit) & mask
			other[at[v]] = e
			at[v]++
		}
		a, other = other, a
	}
	sortUndecided(a)
	return a
}

// sortUndecided sorts what is in the order of its upper bits.
func sortUndecided(a []entry) {
	for from := 0; from < len(a); {
		to, same := from+1, true
		for ; to < len(a) && a[to].hash>>sortShift == a[from].hash>>sortShift; to++ {
			same = same && a[to].hash == a[from].hash
		}
		if !same {
			slices.SortStableFunc(a[from:to], func(x, y entry) int { return cmp.Compare(x.hash, y.hash) })
		}
		from = to
	}
}

func appendTable(dst []byte, field int, segment uint64, segmentRows int, t *table) []byte {
	dst = slices.Grow(dst, headerBytes+8+10*len(t.hashes)+2*len(t.rows)+sumBytes)
	dst = appendHeader(dst, letters[field], segment, segmentRows)
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(t.hashes)))
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(t.rows)))
	for _, h := range t.hashes {
		dst = binary.LittleEndian.AppendUint64(dst, h)
	}
	for _, s := range t.starts {
		dst = binary.LittleEndian.AppendUint16(dst, s)
	}
	for _, r := range t.rows {
		dst = binary.LittleEndian.AppendUint16(dst, r)
	}
	return appendSum(dst)
}

// decodeTable reads the value of a field's table. What it returns is in order and
// in range, whatever the value held.
func decodeTable(b []byte, field int, segment uint64, segmentRows int) (*table, error) {
	n, body, err := content(b, formatVersion, letters[field], segment, segmentRows)
	if err != nil {
		return nil, err
	}
	hashes, rows, body, err := tableSize(body, n)
	if err != nil {
		return nil, err
	}
	if uint64(len(body)) != 10*hashes+2*rows {
		return nil, errCorrupt
	}
	t := &table{hashes: make([]uint64, hashes), starts: make([]uint16, hashes), rows: make([]uint16, rows)}
	for i := range t.hashes {
		t.hashes[i] = binary.LittleEndian.Uint64(body[8*i:])
	}
	body = body[8*hashes:]
	for i := range t.starts {
		t.starts[i] = binary.LittleEndian.Uint16(body[2*i:])
	}
	body = body[2*hashes:]
	for i := range t.rows {
		t.rows[i] = binary.LittleEndian.Uint16(body[2*i:])
	}
	if !t.valid(n) {
		return nil, errCorrupt
	}
	return t, nil
}

// tableSize reads how many hashes and rows a table of a segment of n rows has, and returns what follows.
func tableSize(body []byte, n int) (hashes, rows uint64, rest []byte, err error) {
	if len(body) < 8 {
		return 0, 0, nil, errShort
	}
	hashes, rows = uint64(binary.LittleEndian.Uint32(body)), uint64(binary.LittleEndian.Uint32(body[4:]))
	if hashes > rows || hashes == 0 && rows > 0 || rows > uint64(n) {
		return 0, 0, nil, errCorrupt
	}
	return hashes, rows, body[8:], nil
}

// valid reports whether the table is one of a segment of n rows.
func (t *table) valid(n int) bool {
	for i := range t.hashes {
		if i == 0 && t.starts[0] != 0 ||
			i > 0 && (t.hashes[i] <= t.hashes[i-1] || t.starts[i] <= t.starts[i-1]) ||
			int(t.starts[i]) >= len(t.rows) {
			return false
		}
	}
	next := 1 // in starts
	for i, r := range t.rows {
		if int(r) >= n {
			return false
		}
		if next < len(t.starts) && i == int(t.starts[next]) {
			next++
		} else if i > 0 && r <= t.rows[i-1] {
			return false
		}
	}
	return true
}
