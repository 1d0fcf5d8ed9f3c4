package wire_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"dashd/eventlog"
	"dashd/internal/wire"
)

// TestAppendTextIsWhatOneCharacterAfterTheOtherGives has every character that is not shown as it is
// at every position of a word of the machine.
func TestAppendTextIsWhatOneCharacterAfterTheOtherGives(t *testing.T) {
	special := []string{
		" ", "\"", "=", "\\", "\x00", "\x1f", "\n", "\x7f", "~", "!", "é", "€", "😀", "\u202e", "\u200b", "\U000e0001", "\x80", "\xff", "\xe2\x82",
	}
	rng := rand.New(rand.NewPCG(1, 2))
	check := func(s string) {
		t.Helper()
		r := &eventlog.Record{Seq: 1, Event: eventlog.Event{ID: "e", Type: eventlog.Type(s), UserID: s}}
		user := ""
		if s != "" {
			user = " user=" + shownPair(s)
		}
		want := fmt.Sprintf("1970-01-01T00:00:00.000Z  #1  info  %s  %s %s id=e\n", shown(s), shown(s), user)
		if got := string(wire.AppendText(nil, r, s, eventlog.SeverityInfo)); got != want {
			t.Fatalf("of %q\n got %q\nwant %q", s, got, want)
		}
	}
	const plain = "abcdefghijklmnopqrstuvwxyz0123456789"
	for _, c := range special {
		for before := range 18 {
			for after := range 10 {
				check(plain[:before] + c + plain[:after])
			}
		}
	}
	for range 2_000 {
		var s strings.Builder
		for range rng.IntN(40) {
			if rng.IntN(3) == 0 {
				s.WriteString(special[rng.IntN(len(special))])
			} else {
				s.WriteByte(plain[rng.IntN(len(plain))])
			}
		}
		check(s.String())
	}
}

// shown is s with escapes for what does not show, made one character after the other.
func shown(s string) string {
	var out strings.Builder
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && n == 1:
			fmt.Fprintf(&out, `\x%02x`, s[i])
		case r == '\\':
			out.WriteString(`\\`)
		case unicode.IsGraphic(r):
			out.WriteRune(r)
		case r == '\n':
			out.WriteString(`\n`)
		case r == '\r':
			out.WriteString(`\r`)
		case r == '\t':
			out.WriteString(`\t`)
		case r < 1<<16:
			fmt.Fprintf(&out, `\u%04x`, r)
		default:
			fmt.Fprintf(&out, `\U%08x`, r)
		}
		i += n
	}
	return out.String()
}

// shownPair is a value, quoted if it has a character that ends one.
func shownPair(s string) string {
	if !strings.ContainsAny(s, ` "=`) {
		return shown(s)
	}
	parts := strings.Split(s, `"`)
	for i := range parts {
		parts[i] = shown(parts[i])
	}
	return `"` + strings.Join(parts, `\"`) + `"`
}
