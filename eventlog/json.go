package eventlog

import (
	"encoding/binary"
	"math/bits"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// The functions of this file read JSON text that has been found valid before it
// entered the log. They copy nothing they need not, and build no tree: reading
// one field costs one look at each byte. On text that is not valid JSON they
// still end, within its bounds, with an answer of no particular meaning.

// MetadataText is the text that the top-level field key holds: a string that is
// not empty, or a number other than 0 in decimal. It is false for an absent
// field and for every other value. Of a key that occurs twice, the last counts.
func MetadataText(metadata []byte, key string) (string, bool) {
	var buf [64]byte
	text, ok := AppendText(buf[:0], MetadataField(metadata, key))
	return string(text), ok
}

// MetadataField is the raw JSON value of the top-level field key, nil if there
// is none. Of a key that occurs twice, the last counts.
func MetadataField(metadata []byte, key string) []byte {
	var values [1][]byte
	MetadataFields(metadata, []string{key}, values[:])
	return values[0]
}

// MetadataFields sets values[i] to what MetadataField says of keys[i], for all
// of them in one pass.
func MetadataFields(metadata []byte, keys []string, values [][]byte) {
	clear(values[:len(keys)])
	lengths := uint64(0) // of the keys, a bit each: most members have another
	for _, key := range keys {
		lengths |= 1 << (len(key) % 64)
	}
	m := members{text: metadata}
	m.i = skipSpace(metadata, 0) + 1 // behind the brace
	for m.next() {
		if !m.escaped && lengths>>(len(m.key)%64)&1 == 0 {
			continue
		}
		for i, key := range keys {
			if m.keyIs(key) {
				values[i] = m.value
			}
		}
	}
}

// AppendText appends the text that a raw JSON value holds, as MetadataText
// understands it, and reports whether it holds any.
func AppendText(dst, value []byte) ([]byte, bool) {
	if len(value) == 0 {
		return dst, false
	}
	switch c := value[0]; {
	case c == '"' && len(value) > 2:
		return appendUnquoted(dst, value[1:len(value)-1]), true
	case c == '-', '0' <= c && c <= '9':
		return appendNumber(dst, value)
	default:
		return dst, false
	}
}

// appendNumber appends a number as its writer would say it: an integer digit
// for digit, since it may be an id; anything else in its shortest form, with an
// exponent only where JavaScript writes one too.
func appendNumber(dst, number []byte) ([]byte, bool) {
	integer := true
	for i, c := range number {
		if (c < '0' || c > '9') && (i > 0 || c != '-') {
			integer = false
			break
		}
	}
	f, err := strconv.ParseFloat(string(number), 64)
	switch {
	case f == 0:
		return dst, false
	case integer || err != nil:
		return append(dst, number...), true
	}
	abs := max(f, -f)
	if 1e-6 <= abs && abs < 1e21 {
		return strconv.AppendFloat(dst, f, 'f', -1, 64), true
	}
	dst = strconv.AppendFloat(dst, f, 'e', -1, 64)
	if n := len(dst); dst[n-3] == '-' && dst[n-2] == '0' { // 1e-07
		dst = append(dst[:n-2], dst[n-1])
	}
	return dst, true
}

// members steps through the members of one JSON object.
type members struct {
	text    []byte
	i       int    // where the next member begins
	key     []byte // raw, without its quotes
	escaped bool   // key contains a backslash
	value   []byte // raw
}

// next moves to the next member and reports whether there is one.
func (m *members) next() bool {
	// Most often, a text follows, without a blank anywhere.
	if i, t := m.i, m.text; i+1 < len(t) {
		if t[i] == ',' {
			i++
		}
		if t[i] == '"' {
			end, escaped := stringEnd(t, i+1)
			if end+2 < len(t) && t[end+1] == ':' && t[end+2] == '"' {
				m.key, m.escaped = t[i+1:end], escaped
				last, _ := stringEnd(t, end+3)
				m.i = min(last+1, len(t))
				m.value = t[end+2 : m.i]
				return true
			}
		}
	}
	return m.nextOfAny()
}

// nextOfAny is next of what may have blanks, and of any value.
func (m *members) nextOfAny() bool {
	i := skipSpace(m.text, m.i)
	if i < len(m.text) && m.text[i] == ',' {
		i = skipSpace(m.text, i+1)
	}
	if i >= len(m.text) || m.text[i] != '"' {
		return false
	}
	end, escaped := stringEnd(m.text, i+1)
	m.key, m.escaped = m.text[i+1:end], escaped
	i = skipSpace(m.text, end+1)
	if i >= len(m.text) || m.text[i] != ':' {
		return false
	}
	i = skipSpace(m.text, i+1)
	m.i = skipValue(m.text, i)
	if m.i <= i {
		return false
	}
	m.value = m.text[i:m.i]
	return true
}

func (m *members) keyIs(key string) bool {
	if !m.escaped {
		return string(m.key) == key
	}
	var buf [64]byte
	return string(appendUnquoted(buf[:0], m.key)) == key
}

// skipSpace returns the first position from i on that holds no white space.
func skipSpace(text []byte, i int) int {
	for i < len(text) && (text[i] == ' ' || text[i] == '\n' || text[i] == '\t' || text[i] == '\r') {
		i++
	}
	return i
}

// stringEnd returns the position of the quote that ends the string whose first
// character is at i, or the end of text. escaped tells of a backslash in it. It looks at
// eight bytes at a time: most of what is read in a log is skipped here.
func stringEnd(text []byte, i int) (end int, escaped bool) {
	const ones = 0x0101010101010101
	for i < len(text) {
		if i+8 <= len(text) {
			w := binary.LittleEndian.Uint64(text[i:])
			q, b := w^'"'*ones, w^'\\'*ones
			// The lowest bit that is set belongs to the first byte that is zero in q or b.
			found := ((q-ones)&^q | (b-ones)&^b) & (0x80 * ones)
			if found == 0 {
				i += 8
				continue
			}
			i += bits.TrailingZeros64(found) / 8
		}
		switch text[i] {
		case '"':
			return i, escaped
		case '\\':
			escaped = true
			i += 2
		default:
			i++
		}
	}
	return len(text), escaped
}

// skipValue returns the position behind the value that begins at i.
func skipValue(text []byte, i int) int {
	depth := 0
	for ; i < len(text); i++ {
		switch text[i] {
		case '"':
			i, _ = stringEnd(text, i+1)
			if depth == 0 {
				return min(i+1, len(text))
			}
		case '{', '[':
			depth++
		case '}', ']':
			depth--
			if depth == 0 {
				return i + 1
			}
			if depth < 0 { // a literal that ends its container
				return i
			}
		case ',', ' ', '\n', '\t', '\r':
			if depth == 0 {
				return i
			}
		}
	}
	return len(text)
}

// appendUnquoted appends what the inside of a JSON string stands for. A lone
// surrogate becomes U+FFFD.
func appendUnquoted(dst, s []byte) []byte {
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+1 == len(s) {
			dst = append(dst, s[i])
			continue
		}
		i++
		switch c := s[i]; c {
		case 'b':
			dst = append(dst, '\b')
		case 'f':
			dst = append(dst, '\f')
		case 'n':
			dst = append(dst, '\n')
		case 'r':
			dst = append(dst, '\r')
		case 't':
			dst = append(dst, '\t')
		case 'u':
			r := hexRune(s[i+1:])
			i += min(4, len(s)-i-1)
			if utf16.IsSurrogate(r) && i+2 < len(s) && s[i+1] == '\\' && s[i+2] == 'u' {
				if pair := utf16.DecodeRune(r, hexRune(s[i+3:])); pair != utf8.RuneError {
					r = pair
					i += 6
				}
			}
			dst = utf8.AppendRune(dst, r)
		default: // the quote, the backslash and the slash
			dst = append(dst, c)
		}
	}
	return dst
}

// hexRune reads the four hexadecimal digits that s begins with.
func hexRune(s []byte) rune {
	if len(s) < 4 {
		return utf8.RuneError
	}
	var r rune
	for _, c := range s[:4] {
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c && c <= 'f':
			c -= 'a' - 10
		case 'A' <= c && c <= 'F':
			c -= 'A' - 10
		default:
			return utf8.RuneError
		}
		r = r<<4 | rune(c)
	}
	return r
}
