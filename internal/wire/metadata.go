package wire

import (
	"bytes"
	"unicode/utf8"

	"dashd/eventlog"

	"github.com/go-json-experiment/json/jsontext"
)

// ownMetadata returns a copy of a checked JSON object that fits into one line
// and has whole characters only; nothing else about it changes.
func ownMetadata(raw []byte) ([]byte, error) {
	m := bytes.Clone(raw)
	if bytes.IndexByte(m, '\n') >= 0 || bytes.IndexByte(m, '\r') >= 0 {
		v := jsontext.Value(m)
		if err := v.Compact(); err != nil {
			return nil, err
		}
		m = v
	}
	if len(m) > eventlog.MaxMetadataLen {
		return nil, problem(eventlog.MetadataTooLarge, "metadata has more than %d bytes", eventlog.MaxMetadataLen)
	}
	mendSurrogates(m)
	return m, nil
}

// mendSurrogates replaces, in JSON text, each escape that is half of a surrogate
// pair by the escape of U+FFFD, which is as long.
func mendSurrogates(text []byte) {
	for i := bytes.IndexByte(text, '\\'); i >= 0 && i+1 < len(text); {
		r, n := escaped(text[i:])
		if low, _ := escaped(text[i+n:]); 0xd800 <= r && r < 0xdc00 && 0xdc00 <= low && low < 0xe000 {
			n *= 2
		} else if 0xd800 <= r && r < 0xe000 {
			copy(text[i:], `\ufffd`)
		}
		next := bytes.IndexByte(text[i+n:], '\\')
		if next < 0 {
			return
		}
		i += n + next
	}
}

// escaped reads the escape at the beginning of text: its length, and its code
// unit if it is a "u" with four hexadecimal digits.
func escaped(text []byte) (unit rune, n int) {
	if len(text) < 6 || text[0] != '\\' || text[1] != 'u' {
		return utf8.RuneError, min(2, len(text))
	}
	for _, c := range text[2:6] {
		switch {
		case '0' <= c && c <= '9':
			unit = unit<<4 | rune(c-'0')
		case 'a' <= c|0x20 && c|0x20 <= 'f':
			unit = unit<<4 | rune(c|0x20-'a'+10)
		default:
			return utf8.RuneError, 2
		}
	}
	return unit, 6
}
