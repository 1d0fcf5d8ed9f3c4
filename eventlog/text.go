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
	for i := range len(s) {
		if c := s[i]; (c < ' ' && c != '\t') || c >= 0x7f {
			return strings.Map(visible, s)
		}
	}
	return s
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
