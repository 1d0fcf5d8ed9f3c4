package eventlog_test

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"dashd/eventlog"
)

// TestCleanTextAtEveryPlace puts each byte, and some characters, at each place of texts that are read eight
// bytes at a time.
func TestCleanTextAtEveryPlace(t *testing.T) {
	clean := func(s string) string {
		return strings.Map(func(r rune) rune {
			if unicode.IsControl(r) && r != '\t' {
				return utf8.RuneError
			}
			return r
		}, s)
	}
	inside := []string{"é", "\u2028", "\U0001F600", "\u0085", "\t\x00", "~\x7f"}
	for c := range 256 {
		inside = append(inside, string([]byte{byte(c)}))
	}
	for _, in := range inside {
		for n := range 20 {
			for at := range n + 1 {
				s := strings.Repeat("~", at) + in + strings.Repeat(" ", n-at)
				if got, want := eventlog.CleanText(s), clean(s); got != want {
					t.Fatalf("CleanText(%q) = %q, want %q", s, got, want)
				}
			}
		}
	}
}
