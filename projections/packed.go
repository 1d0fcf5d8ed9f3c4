package projections

import (
	"encoding/binary"
	"iter"
	"strings"
	"unicode/utf8"

	"dashd/internal/cow"
)

// The rows of the large tables keep all their texts in one string, so that a row is
// one object beside its page: first those that every row has, whose lengths stand in
// the row, then a tail of those that few have. Each of the tail is a tag, its length,
// and itself.

// appendTail adds a text to a tail, unless it is empty.
func appendTail[S ~string](tail []byte, tag byte, text S) []byte {
	if text == "" {
		return tail
	}
	tail = binary.AppendUvarint(append(tail, tag), uint64(len(text)))
	return append(tail, text...)
}

// appendTailTime adds an instant, unless it is none.
func appendTailTime(tail []byte, tag byte, t Time) []byte {
	if t == 0 {
		return tail
	}
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], uint64(t))
	return appendTail(tail, tag, string(b[:]))
}

// fromTail returns the text with a tag, or "".
func fromTail(tail string, tag byte) string {
	for tail != "" {
		this := tail[0]
		n, size := uvarint(tail[1:])
		tail = tail[1+size:]
		if this == tag {
			return tail[:n]
		}
		tail = tail[n:]
	}
	return ""
}

func timeFromTail(tail string, tag byte) Time {
	text := fromTail(tail, tag)
	if len(text) != 8 {
		return 0
	}
	return Time(binary.BigEndian.Uint64([]byte(text)))
}

// wellFormedTail reports whether fromTail can read what a checkpoint says is a tail.
func wellFormedTail(tail string) bool {
	for tail != "" {
		n, size := uvarint(tail[1:])
		if size == 0 || n > len(tail)-1-size {
			return false
		}
		tail = tail[1+size+n:]
	}
	return true
}

// uvarint is binary.Uvarint of a string. The size is 0 if there is none.
func uvarint(s string) (n, size int) {
	for i := range min(len(s), 5) {
		n |= int(s[i]&0x7f) << (7 * i)
		if s[i] < 0x80 {
			return n, i + 1
		}
	}
	return 0, 0
}

// The lengths that rows have room for. Longer texts are cut; longer ids are no ids:
// eventlog refuses those of users and sessions.
const (
	maxRef  = 1<<8 - 1
	maxText = 1<<16 - 1
)

// clip cuts a text that is longer than a row can hold.
func clip[S ~string](s S) S {
	if len(s) <= maxText {
		return s
	}
	n := maxText
	for !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// lower is how texts are compared when case does not matter.
func lower(s string) string { return strings.ToLower(s) }

// timeKey orders instants as numbers without sign. No instant comes before all others, as
// null does in queries.
func timeKey(t Time) uint64 {
	if t == 0 {
		return 0
	}
	return uint64(t) ^ 1<<63
}

// inOrderOf yields all ordinals of an index.
func inOrderOf(x *cow.Pairs, descending bool) iter.Seq[uint32] {
	if descending {
		return secondOf(x.Descend(1<<64 - 1))
	}
	return secondOf(x.Ascend(0))
}

func lengthOf[T any](of iter.Seq[T]) (n int) {
	for range of {
		n++
	}
	return n
}

func secondOf(pairs iter.Seq2[uint64, uint32]) iter.Seq[uint32] {
	return func(yield func(uint32) bool) {
		for _, ord := range pairs {
			if !yield(ord) {
				return
			}
		}
	}
}
