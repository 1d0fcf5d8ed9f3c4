package eventlog

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// CleanText returns s as valid UTF-8 without control characters: each of them
// but tab, and each byte that is no UTF-8, becomes U+FFFD. It returns s itself if
// there is none.
func CleanText(s string) string {
	if isPlain(s) {
		return s // most often
	}
	for i := range len(s) {
		if c := s[i]; (c < ' ' && c != '\t') || c >= 0x7f {
			return strings.Map(visible, s)
		}
	}
	return s
}

// isPlain reports whether all of s is ASCII without a control character.
func isPlain(s string) bool {
	if len(s) < 8 {
		for i := range len(s) {
			if s[i] < ' ' || s[i] >= 0x7f {
				return false
			}
		}
		return true
	}
	for i := 0; i+8 < len(s); i += 8 {
		if !isPlain8(s[i:]) {
			return false
		}
	}
	return isPlain8(s[len(s)-8:]) // of which the loop may have seen some
}

// isPlain8 is isPlain for the first eight bytes.
func isPlain8(s string) bool {
	const ones, highs = 0x0101010101010101, 0x8080808080808080
	w := uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
	return (w|(w-' '*ones)&^w|(w+ones))&highs == 0 // no byte is above 0x7e, or below a blank
}

func visible(r rune) rune {
	if unicode.IsControl(r) && r != '\t' {
		return utf8.RuneError
	}
	return r
}

// PlaceText returns what an event holds of the name of a place.
func PlaceText(s string) string { return cutText(s, maxPlaceLen) }

// cutText returns as much of s, cleaned, as fits in limit bytes, in whole runes.
func cutText(s string, limit int) string {
	// Cleaning never makes text shorter, so what is beyond the limit now can
	// be dropped unread.
	return cut(CleanText(cut(s, limit)), limit)
}

// cut returns at most limit bytes of s. It does not cut a rune in two, unless
// what is there is no UTF-8.
func cut(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	for n := limit; n > max(limit-utf8.UTFMax, 0); n-- {
		if utf8.RuneStart(s[n]) {
			return s[:n]
		}
	}
	return s[:limit]
}

// byteSet is the set of the bytes of s.
func byteSet(s string) (set [256]bool) {
	for i := range len(s) {
		set[s[i]] = true
	}
	return set
}
