package wire

import "math/bits"

// The functions of this file look at eight bytes at a time. A byte of w that is
// asked for has its highest bit set in the result; what is set above the lowest of
// them has no meaning.

const (
	ones  = 0x0101010101010101
	highs = 0x80 * ones
)

// bytes8 returns the eight bytes of s from i on, which must exist, the first lowest.
func bytes8[T string | []byte](s T, i int) uint64 {
	s = s[i : i+8]
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
}

func equals(w uint64, c byte) uint64 {
	w ^= uint64(c) * ones
	return (w - ones) & ^w & highs
}

func below(w uint64, c byte) uint64 { return (w - uint64(c)*ones) & ^w & highs }

// skipPlain returns the first position from i on whose byte does not stand for
// itself in a JSON string (see plain), or len(s).
func skipPlain(s string, i int) int {
	for ; i+8 <= len(s); i += 8 {
		w := bytes8(s, i)
		if found := below(w, ' ') | w&highs | equals(w, '"') | equals(w, '\\'); found != 0 {
			return i + bits.TrailingZeros64(found)/8
		}
	}
	for i < len(s) && plain[s[i]] {
		i++
	}
	return i
}

// visible marks the bytes that show as what they are, but the backslash; words, those
// of them that a value without quotes may consist of.
var visible, words = func() (visible, words [256]bool) {
	for c := ' '; c < 0x7f; c++ {
		visible[c] = c != '\\'
		words[c] = visible[c] && c != ' ' && c != '"' && c != '='
	}
	return visible, words
}()

// skipVisible returns the first position from i on whose byte is not one of visible, or len(s).
func skipVisible(s string, i int) int {
	for ; i+8 <= len(s); i += 8 {
		w := bytes8(s, i)
		if found := below(w, ' ') | w&highs | equals(w, 0x7f) | equals(w, '\\'); found != 0 {
			return i + bits.TrailingZeros64(found)/8
		}
	}
	for i < len(s) && visible[s[i]] {
		i++
	}
	return i
}

// skipWord returns the first position whose byte is not one of words, or len(s).
func skipWord(s string) (i int) {
	for ; i+8 <= len(s); i += 8 {
		w := bytes8(s, i)
		found := below(w, ' '+1) | w&highs | equals(w, 0x7f) | equals(w, '\\') | equals(w, '"') | equals(w, '=')
		if found != 0 {
			return i + bits.TrailingZeros64(found)/8
		}
	}
	for i < len(s) && words[s[i]] {
		i++
	}
	return i
}

// skipUnquoted returns the first position from i on whose byte makes a CSV field
// need quotes, or len(s). It may stop at another control character as well.
func skipUnquoted[T string | []byte](s T, i int) int {
	for ; i+8 <= len(s); i += 8 {
		w := bytes8(s, i)
		if found := below(w, ' ') | equals(w, '"') | equals(w, ','); found != 0 {
			return i + bits.TrailingZeros64(found)/8
		}
	}
	for i < len(s) && s[i] >= ' ' && s[i] != '"' && s[i] != ',' {
		i++
	}
	return i
}

// skipTo returns the first position from i on that holds c, or len(s).
func skipTo[T string | []byte](s T, i int, c byte) int {
	for ; i+8 <= len(s); i += 8 {
		if found := equals(bytes8(s, i), c); found != 0 {
			return i + bits.TrailingZeros64(found)/8
		}
	}
	for i < len(s) && s[i] != c {
		i++
	}
	return i
}
