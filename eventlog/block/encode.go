package block

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"sync"

	"dashd/eventlog"
)

// maxGroup is the longest group that fits in a block with any header.
const maxGroup = MaxBytes - headerBytes - maxProposer - 4 - 32

// encoder is what AppendGroup works with. Only one call uses it at a time.
type encoder struct {
	refs   map[string]uint16 // of the dictionary
	words  []string          // the dictionary; words[0] is ""
	text   int               // bytes of all words
	cols   [numStored][GroupEvents]uint16
	ids    [GroupEvents][16]byte
	rows   []byte // of a sub-block, before compression
	packed []byte
	group  []byte // all of it: so what AppendGroup allocates is as long as the group
}

var encoders = sync.Pool{New: func() any {
	return &encoder{refs: make(map[string]uint16), words: []string{""}}
}}

// release forgets the events, so that the pool keeps no text of theirs reachable.
func (x *encoder) release() {
	clear(x.refs)
	clear(x.words)
	x.words, x.text = x.words[:1], 0
	encoders.Put(x)
}

// AppendGroup appends the encoding of 1 to GroupEvents events to dst. A group is
// self-contained: dictionary, columns (the public parts), and s2-compressed
// sub-blocks of SubEvents events (salts and personal parts). It is made in the
// request's goroutine and never changed after.
//
// Empty byte slices come back nil. Events that could not come back as they are
// (an enumeration out of range, a personal part beside Erased, a Commit without
// it) are an error; more than one block can hold is one of kind errs.TooLarge.
// On error the result is dst.
func AppendGroup(dst []byte, events []eventlog.Event) ([]byte, error) {
	if len(events) == 0 || len(events) > GroupEvents {
		return dst, fmt.Errorf("block: a group of %d events", len(events))
	}
	for i := range events {
		if err := check(&events[i]); err != nil {
			return dst, fmt.Errorf("block: event %d: %w", i, err)
		}
	}
	x := encoders.Get().(*encoder)
	defer x.release()
	x.group = x.appendColumns(x.group[:0], events)
	if err := x.appendSubs(events); err != nil {
		return dst, err
	}
	return append(dst, x.group...), nil
}

// check refuses what the format cannot say.
func check(e *eventlog.Event) error {
	switch {
	case e.Status > eventlog.Failed:
		return fmt.Errorf("status %d", uint8(e.Status))
	case e.Source > eventlog.SourceAPI:
		return fmt.Errorf("source %d", uint8(e.Source))
	case e.Shown > eventlog.SeverityFailed:
		return fmt.Errorf("severity %d", uint8(e.Shown))
	case e.Origin.Vocabulary > eventlog.VocabularyDashd:
		return fmt.Errorf("vocabulary %d", uint8(e.Origin.Vocabulary))
	case e.Erased && (personalSize(&e.Personal) != emptyPersonal || e.Origin.Vocabulary != 0 || e.Salt != [16]byte{}):
		return fmt.Errorf("erased, with a personal part")
	case !e.Erased && e.Commit != [32]byte{}:
		return fmt.Errorf("a commit, and not erased")
	}
	if n := personalSize(&e.Personal); n > maxPersonal {
		return tooLarge(n)
	}
	return nil
}

// value is what a string column holds of e.
func value(e *eventlog.Event, c Column) string {
	switch c {
	case ColProject:
		return e.Project
	case ColType:
		return string(e.Type)
	case ColUser:
		return e.UserID
	case ColKey:
		return e.Key
	case ColOrganization:
		return e.OrganizationID
	case ColSession:
		return e.SessionID
	case ColActor:
		return e.ActorID
	case ColCountry:
		return e.CountryCode
	case ColIP:
		return e.IPAddress
	default:
		return e.ID
	}
}

// fill gives the values of a column their references. Values get theirs in the
// order of appearance, column by column, so those of a column are close together.
func (x *encoder) fill(c Column, events []eventlog.Event) {
	rows := &x.cols[c]
	last, ref := "", uint16(0)
	for i := range events {
		if s := value(&events[i], c); s != last {
			last, ref = s, x.ref(s)
		}
		rows[i] = ref
	}
}

func (x *encoder) ref(s string) uint16 {
	if s == "" {
		return 0
	}
	ref, ok := x.refs[s]
	if !ok {
		ref = uint16(len(x.words)) // at most numStored * GroupEvents
		x.words = append(x.words, s)
		x.refs[s] = ref
		x.text += len(s)
	}
	return ref
}

// shape is the narrowest form of a column.
func shape(rows []uint16) (width uint8, base uint16) {
	least, greatest, same := uint16(math.MaxUint16), uint16(0), true
	for _, ref := range rows {
		same = same && ref == rows[0]
		greatest = max(greatest, ref)
		if ref != 0 {
			least = min(least, ref)
		}
	}
	switch {
	case same:
		return 0, rows[0]
	case greatest-least < math.MaxUint8:
		return 1, least
	default:
		return 2, least
	}
}

func appendRefs(b []byte, rows []uint16, width uint8, base uint16) []byte {
	for _, ref := range rows {
		if ref != 0 {
			ref -= base - 1
		}
		switch width {
		case 1:
			b = append(b, byte(ref))
		case 2:
			b = binary.LittleEndian.AppendUint16(b, ref)
		}
	}
	return b
}

// appendColumns appends everything before the sub-blocks' ends.
func (x *encoder) appendColumns(b []byte, events []eventlog.Event) []byte {
	n := len(events)
	for c := range NumColumns {
		x.fill(c, events)
	}
	prefix := x.packIDs(events)
	least, timeWidth := timeShape(events)

	b = binary.LittleEndian.AppendUint16(b, uint16(n))
	b = binary.LittleEndian.AppendUint16(b, uint16(len(x.words)))
	b = binary.LittleEndian.AppendUint32(b, uint32(x.text))
	b = binary.LittleEndian.AppendUint64(b, uint64(least))
	b = append(b, timeWidth, prefix)
	var width [numStored]uint8
	var base [numStored]uint16
	for c := range x.cols {
		width[c], base[c] = shape(x.cols[c][:n])
		b = append(b, width[c])
		b = binary.LittleEndian.AppendUint16(b, base[c])
	}
	if prefix != textIDs {
		b = append(b, x.ids[0][:prefix]...)
	}
	b = x.appendDict(b)
	for i := range events {
		b = append(b, flagsOf(&events[i]))
	}
	b = appendTimes(b, events, least, timeWidth)
	for c := range x.cols {
		if width[c] > 0 {
			b = appendRefs(b, x.cols[c][:n], width[c], base[c])
		}
	}
	if prefix != textIDs {
		for i := range events {
			b = append(b, x.ids[i][prefix:]...)
		}
	}
	return b
}

// packIDs prepares the ids in either form and returns the length of the prefix
// they share, or textIDs.
func (x *encoder) packIDs(events []eventlog.Event) (prefix uint8) {
	for i := range events {
		if !parseUUID(&x.ids[i], events[i].ID) {
			x.fill(colTextID, events)
			return textIDs
		}
	}
	clear(x.cols[colTextID][:len(events)])
	prefix = 16
	for i := range events {
		for !bytes.Equal(x.ids[i][:prefix], x.ids[0][:prefix]) {
			prefix--
		}
	}
	return prefix
}

// parseUUID reads a UUID in lower-case canonical text, and nothing else.
func parseUUID(u *[16]byte, s string) bool {
	if len(s) != 36 || s[8] != '-' || s[13] != '-' || s[18] != '-' || s[23] != '-' {
		return false
	}
	for i, at := range [16]uint8{0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34} {
		hi, lo := nibbles[s[at]], nibbles[s[at+1]]
		if hi|lo > 15 {
			return false
		}
		u[i] = hi<<4 | lo
	}
	return true
}

// nibbles holds the values of lower-case hexadecimal digits, 0xff for others.
var nibbles = func() (t [256]uint8) {
	for i := range t {
		t[i] = 0xff
	}
	for i, c := range []byte("0123456789abcdef") {
		t[c] = uint8(i)
	}
	return t
}()

func flagsOf(e *eventlog.Event) byte {
	f := byte(e.Status) | byte(e.Source)<<1 | byte(e.Shown)<<shownShift
	if e.GivenID {
		f |= flagGivenID
	}
	if e.GivenTime {
		f |= flagGivenTime
	}
	if e.Erased {
		f |= flagErased
	}
	return f
}

func timeShape(events []eventlog.Event) (least int64, width uint8) {
	least, greatest := events[0].Time, events[0].Time
	for i := range events {
		least, greatest = min(least, events[i].Time), max(greatest, events[i].Time)
	}
	switch d := uint64(greatest) - uint64(least); {
	case d == 0:
		return least, 0
	case d <= math.MaxUint8:
		return least, 1
	case d <= math.MaxUint16:
		return least, 2
	case d <= math.MaxUint32:
		return least, 4
	default:
		return least, 8
	}
}

func appendTimes(b []byte, events []eventlog.Event, least int64, width uint8) []byte {
	var row [8]byte
	for i := range events {
		binary.LittleEndian.PutUint64(row[:], uint64(events[i].Time)-uint64(least))
		b = append(b, row[:width]...)
	}
	return b
}

func (x *encoder) appendDict(b []byte) []byte {
	end := uint32(0)
	for _, s := range x.words[1:] {
		end += uint32(len(s))
		if endWidth(uint32(x.text)) == 2 {
			b = binary.LittleEndian.AppendUint16(b, uint16(end))
		} else {
			b = binary.LittleEndian.AppendUint32(b, end)
		}
	}
	for _, s := range x.words[1:] {
		b = append(b, s...)
	}
	return b
}

// appendSubs appends the ends of the sub-blocks and the sub-blocks to the group. It
// gives up when that becomes longer than maxGroup.
func (x *encoder) appendSubs(events []eventlog.Event) error {
	b := x.group
	defer func() { x.group = b }()
	ends := len(b)
	b = append(b, make([]byte, 4*((len(events)+SubEvents-1)/SubEvents))...)
	start := len(b)
	for k := 0; len(events) > 0; k++ {
		n := min(SubEvents, len(events))
		b = x.appendSub(b, events[:n])
		if len(b) > maxGroup {
			return tooLarge(len(b))
		}
		binary.LittleEndian.PutUint32(b[ends+4*k:], uint32(len(b)-start))
		events = events[n:]
	}
	return nil
}

func (x *encoder) appendSub(b []byte, events []eventlog.Event) []byte {
	x.rows = x.rows[:0]
	live := 0
	for i := range events {
		e := &events[i]
		if e.Erased {
			b = append(b, e.Commit[:]...)
			continue
		}
		live++
		b = append(b, e.Salt[:]...)
		x.rows = binary.AppendUvarint(x.rows, uint64(personalSize(&e.Personal)))
		x.rows = appendPersonal(x.rows, &e.Personal)
	}
	if live == 0 {
		return b
	}
	x.packed = compress(x.packed[:cap(x.packed)], x.rows, live)
	return append(b, x.packed...)
}
