package block

import (
	"encoding/binary"
	"fmt"

	"github.com/klauspost/compress/s2"
)

// maxPersonal bounds the canonical bytes of one personal part: metadata of 64 KiB
// and ample room for the rest.
const maxPersonal = 128 << 10

// maxSubText bounds what a reader reserves for a sub-block's text.
const maxSubText = SubEvents * (maxPersonal + binary.MaxVarintLen32)

// dictionaryEvents is the number of events up to which a sub-block is compressed
// with the dictionary. One event alone becomes 40 % shorter by it, 16 become 15 %;
// beyond, the events are each other's dictionary, and s2 is faster without.
const dictionaryEvents = 16

var dictionary = s2.MakeDictManual([]byte(dictionaryText), 0)

// compress returns the s2 block of the rows of live events, in dst if it fits.
func compress(dst, rows []byte, live int) []byte {
	if live <= dictionaryEvents {
		return dictionary.Encode(dst, rows)
	}
	return s2.Encode(dst, rows)
}

// decompress is the inverse of compress. A block that textLen accepts and that fits in
// dst makes it reserve nothing.
func decompress(dst, packed []byte, live int) ([]byte, error) {
	if live <= dictionaryEvents {
		return dictionary.Decode(dst, packed)
	}
	return s2.Decode(dst, packed)
}

// textLen is the length of what an s2 block decompresses to, if a sub-block may
// have that.
func textLen(packed []byte) (int, error) {
	n, err := s2.DecodedLen(packed)
	if err != nil {
		return 0, err
	}
	if n > maxSubText {
		return 0, fmt.Errorf("%d bytes of text", n)
	}
	return n, nil
}
