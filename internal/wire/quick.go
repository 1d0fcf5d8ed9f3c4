package wire

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// quickNames is how many members quick reads of one object: it looks for a name
// that is there twice by comparing names.
const quickNames = 64

// span is a part of the text.
type span struct{ start, end int }

// quick does for a well-formed object what walk does, in one pass and without a
// token in between. It returns where the object ends, or 0 if it does not know: the
// text may be wrong, end too early or go over a limit, or merely be of a kind
// that is rare, as names with escapes are. What it has noted is then of no meaning,
// and walk has the last word. Where quick returns an end, walk returns the same
// one, no error, and the same fields (FuzzQuick).
func (o *object) quick(text []byte, sh *shape, depth int) (n int) {
	o.reset(text)
	i := space(text, 0)
	if i == len(text) || text[i] != '{' {
		return 0
	}
	n = o.quickMembers(text, i+1, sh, depth)
	if n > 0 && o.high != 0 && !utf8.Valid(text[:n]) {
		return 0
	}
	return n
}

// Like quick, the functions below return where something ends that begins at i, or 0.

// quickMembers reads the members of an object whose brace is before i.
func (o *object) quickMembers(text []byte, i int, sh *shape, depth int) int {
	if i = space(text, i); i < len(text) && text[i] == '}' {
		return i + 1
	}
	outer := len(o.names)
	seen := uint64(0) // a bit for each name, which others may share
	for {
		start := i + 1
		if i = o.quickName(text, i); i == 0 {
			return 0
		}
		name := text[start:i]
		bit := nameBit(name)
		if n := len(o.names) - outer; n == quickNames || (seen&bit != 0 && o.named(outer, name)) {
			return 0
		}
		seen |= bit
		o.names = append(o.names, span{start, i})
		if i = space(text, i+1); i == len(text) || text[i] != ':' {
			return 0
		}
		f := unknown
		if sh != nil {
			f = sh.field(name)
		}
		if i = o.quickMember(text, space(text, i+1), f, sh, depth+1); i == 0 {
			return 0
		}
		if i = space(text, i); i == len(text) {
			return 0
		}
		switch text[i] {
		case ',':
			i = space(text, i+1)
		case '}':
			o.names = o.names[:outer]
			return i + 1
		default:
			return 0
		}
	}
}

// quickName returns the closing quote of a name without escapes.
func (o *object) quickName(text []byte, i int) int {
	if i == len(text) || text[i] != '"' {
		return 0
	}
	end := o.unescaped(text, i+1)
	if end == len(text) || text[end] != '"' || end-i-1 > MaxName {
		return 0
	}
	return end
}

// nameBit is a bit that tells most names of an object apart.
func nameBit(name []byte) uint64 {
	if len(name) == 0 {
		return 1
	}
	n := uint(len(name))
	return 1 << ((n*11 + uint(name[0])*5 + uint(name[n-1])) % 64)
}

// named reports whether one of the names from outer on is name.
func (o *object) named(outer int, name []byte) bool {
	for _, s := range o.names[outer:] {
		if bytes.Equal(o.text[s.start:s.end], name) {
			return true
		}
	}
	return false
}

// quickMember reads the value of field f and notes where it is, as member does.
func (o *object) quickMember(text []byte, i int, f field, sh *shape, depth int) int {
	if f == unknown {
		return o.quickValue(text, i, nil, depth)
	}
	o.seen |= 1 << f
	escapes := o.escapes
	end := o.quickValue(text, i, sh.inner[f], depth)
	if end == 0 || o.said&(1<<f) != 0 {
		return end
	}
	kind := jsontext.Kind(text[i])
	switch kind {
	case 'n':
		return end
	case '"':
		if end-i == 2 {
			return end
		}
	case '{', '[', 't', 'f':
	default:
		kind = '0'
	}
	o.slots[f] = slot{kind, o.escapes > escapes, i, end}
	o.said |= 1 << f
	return end
}

func (o *object) quickValue(text []byte, i int, sh *shape, depth int) int {
	if i == len(text) {
		return 0
	}
	switch text[i] {
	case '"':
		return o.quickText(text, i+1)
	case '{':
		if depth > MaxDepth {
			return 0
		}
		return o.quickMembers(text, i+1, sh, depth)
	case '[':
		if depth > MaxDepth {
			return 0
		}
		return o.quickElements(text, i+1, depth)
	case 't':
		return literal(text, i, "true")
	case 'f':
		return literal(text, i, "false")
	case 'n':
		return literal(text, i, "null")
	default:
		return number(text, i)
	}
}

// quickElements reads the elements of an array whose bracket is before i.
func (o *object) quickElements(text []byte, i, depth int) int {
	if i = space(text, i); i < len(text) && text[i] == ']' {
		return i + 1
	}
	for {
		if i = o.quickValue(text, i, nil, depth+1); i == 0 {
			return 0
		}
		if i = space(text, i); i == len(text) {
			return 0
		}
		switch text[i] {
		case ',':
			i = space(text, i+1)
		case ']':
			return i + 1
		default:
			return 0
		}
	}
}

// quickText reads a string whose opening quote is before i.
func (o *object) quickText(text []byte, i int) int {
	for {
		if i = o.unescaped(text, i); i == len(text) {
			return 0
		}
		switch text[i] {
		case '"':
			return i + 1
		case '\\':
			o.escapes++
			if i = escape(text, i+1); i == 0 {
				return 0
			}
		default: // a control character
			return 0
		}
	}
}

// unescaped returns the first position from i on that holds a quote, a backslash or
// a control character, or len(text). It notes in o.high if there are bytes above
// ASCII on the way, or shortly behind.
func (o *object) unescaped(text []byte, i int) int {
	high := uint64(0)
	for ; i+8 <= len(text); i += 8 {
		w := binary.LittleEndian.Uint64(text[i:])
		high |= w
		// Of what is not above ASCII, a byte is below ' ' or a quote if, with its second
		// bit turned, it is at most ' '.
		found := ((w ^ 2*ones) - (' '+1)*ones) | ((w ^ '\\'*ones) - ones)
		if found &= ^w & highs; found != 0 {
			o.high |= high & highs
			return i + bits.TrailingZeros64(found)/8
		}
	}
	o.high |= high & highs
	for ; i < len(text); i++ {
		switch c := text[i]; {
		case c < ' ', c == '"', c == '\\':
			return i
		case c >= utf8.RuneSelf:
			o.high |= highs
		}
	}
	return i
}

// escape reads what follows a backslash. Half of a surrogate pair will do.
func escape(text []byte, i int) int {
	if i == len(text) {
		return 0
	}
	switch text[i] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return i + 1
	case 'u':
		if i+5 > len(text) {
			return 0
		}
		for _, c := range text[i+1 : i+5] {
			if (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'f') {
				return 0
			}
		}
		return i + 5
	}
	return 0
}

func literal(text []byte, i int, word string) int {
	if end := i + len(word); end <= len(text) && string(text[i:end]) == word {
		return end
	}
	return 0
}

// number reads -?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?
func number(text []byte, i int) int {
	if i < len(text) && text[i] == '-' {
		i++
	}
	end := skipDigits(text, i)
	if end == i || (text[i] == '0' && end > i+1) {
		return 0
	}
	if end < len(text) && text[end] == '.' {
		if i = end + 1; skipDigits(text, i) == i {
			return 0
		}
		end = skipDigits(text, i)
	}
	if end < len(text) && text[end]|0x20 == 'e' {
		if i = end + 1; i < len(text) && (text[i] == '+' || text[i] == '-') {
			i++
		}
		if end = skipDigits(text, i); end == i {
			return 0
		}
	}
	return end
}

func skipDigits(text []byte, i int) int {
	for i < len(text) && '0' <= text[i] && text[i] <= '9' {
		i++
	}
	return i
}

// space returns the first position from i on that does not hold space, or len(text).
func space(text []byte, i int) int {
	for i < len(text) && text[i] <= ' ' && isSpace(text[i]) {
		i++
	}
	return i
}
