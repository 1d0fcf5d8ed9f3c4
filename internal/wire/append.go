package wire

import (
	"bytes"
	"strconv"
	"unicode/utf8"
)

// plain marks the bytes that stand for themselves in a JSON string.
var plain = func() (t [256]bool) {
	for c := ' '; c < utf8.RuneSelf; c++ {
		t[c] = c != '"' && c != '\\'
	}
	return t
}()

// appendString appends s as a JSON string. Beside what JSON demands it escapes
// U+2028 and U+2029, which end a line in JavaScript; a byte that is no UTF-8
// becomes U+FFFD.
func appendString(dst []byte, s string) []byte {
	dst = append(dst, '"')
	from := 0
	for i := skipPlain(s, 0); i < len(s); i = skipPlain(s, i) {
		c := s[i]
		r, n := rune(c), 1
		if c >= utf8.RuneSelf {
			r, n = utf8.DecodeRuneInString(s[i:])
			if r != '\u2028' && r != '\u2029' && (r != utf8.RuneError || n > 1) {
				i += n
				continue
			}
		}
		dst = append(dst, s[from:i]...)
		dst = appendEscaped(dst, r)
		i += n
		from = i
	}
	dst = append(dst, s[from:]...)
	return append(dst, '"')
}

func appendEscaped(dst []byte, r rune) []byte {
	switch r {
	case '"', '\\':
		return append(dst, '\\', byte(r))
	case '\n':
		return append(dst, `\n`...)
	case '\r':
		return append(dst, `\r`...)
	case '\t':
		return append(dst, `\t`...)
	default:
		return appendHex(append(dst, '\\', 'u'), r)
	}
}

const hexDigits = "0123456789abcdef"

// appendHex appends the four digits of the lower half of r.
func appendHex(dst []byte, r rune) []byte {
	return append(dst, hexDigits[r>>12&15], hexDigits[r>>8&15], hexDigits[r>>4&15], hexDigits[r&15])
}

// appendMember appends `,"name":"s"`, where name comes with its quotes, comma and
// colon; nothing if s is empty.
func appendMember(dst []byte, name, s string) []byte {
	if s == "" {
		return dst
	}
	return appendString(append(dst, name...), s)
}

// appendOrNull is appendMember with null for an empty string.
func appendOrNull(dst []byte, name, s string) []byte {
	dst = append(dst, name...)
	if s == "" {
		return append(dst, "null"...)
	}
	return appendString(dst, s)
}

func appendMillis(dst []byte, name string, ms int64) []byte {
	dst = append(dst, name...)
	dst = append(dst, '"')
	dst = appendTime(dst, ms)
	return append(dst, '"')
}

func appendUint(dst []byte, name string, n uint64) []byte {
	return strconv.AppendUint(append(dst, name...), n, 10)
}

// appendObject appends a JSON object as it is, on one line: events are sent one
// on each. In JSON text, the end of a line can only stand where a blank can.
func appendObject(dst, object []byte) []byte {
	if len(object) == 0 {
		return append(dst, "{}"...)
	}
	from := len(dst)
	dst = append(dst, object...)
	if bytes.IndexByte(object, '\n') >= 0 || bytes.IndexByte(object, '\r') >= 0 {
		for i, c := range dst[from:] {
			if c == '\n' || c == '\r' {
				dst[from+i] = ' '
			}
		}
	}
	return dst
}
