package projections

import "unsafe"

// An arena holds the texts of rows that are made one after the other, next to each other:
// whoever looks at all rows reads memory from front to back, and the collector sees one
// object instead of a hundred.
//
// A chunk lives as long as any of its texts. Texts that replace others are not added
// here, but are objects of their own: so no row holds on to more than the text it began with.
// What a checkpoint brings back is packed anew.
type arena struct {
	chunk []byte // the end of it is still free
}

// A small table begins with a small chunk.
const (
	firstChunk = 1 << 9
	lastChunk  = 1 << 14
)

// add copies a text; without an arena, to an object of its own. The bytes it is given from the chunk have been in no text before:
// readers of others are not disturbed.
func (a *arena) add(text []byte) string {
	if len(text) == 0 || a == nil {
		return string(text)
	}
	if len(text) > cap(a.chunk)-len(a.chunk) {
		if len(text) > lastChunk/4 {
			return string(text)
		}
		room := max(firstChunk, min(2*cap(a.chunk), lastChunk))
		for room < len(text) {
			room *= 2
		}
		a.chunk = make([]byte, 0, room)
	}
	start := len(a.chunk)
	a.chunk = append(a.chunk, text...)
	return unsafe.String(&a.chunk[start], len(text))
}
