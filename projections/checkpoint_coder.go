package projections

import (
	"encoding/binary"
	"errors"
	"strconv"
	"strings"
)

// A coder writes the fields of rows, or reads them: whichever it was made for. Each
// method does one field. What is read of malformed bytes is empty, and err says so.
type coder struct {
	reading bool
	b       []byte // what was written
	text    string // what is to be read, from at on
	at      int
	// lent says that the memory of text is somebody else's: what is kept of it is copied.
	// Else strings that are read share it.
	lent  bool
	err   error
	words map[string]string // the shared texts read so far
	texts arena             // of the packed texts read so far
	trace *[]codedField     // what was read, for people; nil: nobody looks
}

// codedField is a field that was read.
type codedField struct {
	value string
	text  bool // or bytes, not a number
}

// traced notes a field for those who look.
func (c *coder) traced(value string, text bool) {
	if c.trace != nil {
		*c.trace = append(*c.trace, codedField{value, text})
	}
}

var errRow = errors.New("a row is malformed")

func (c *coder) fail() {
	c.err, c.at = errRow, len(c.text)
}

// read makes text what is to be read.
func (c *coder) read(text string) { c.text, c.at = text, 0 }

// left is how many bytes are to be read.
func (c *coder) left() int { return len(c.text) - c.at }

// uint passes a number.
func (c *coder) uint(v *uint64) {
	if !c.reading {
		c.b = binary.AppendUvarint(c.b, *v)
		return
	}
	if *v = c.readUint(); c.trace != nil {
		c.traced(strconv.FormatUint(*v, 10), false)
	}
}

func (c *coder) readUint() uint64 {
	if i := c.at; i < len(c.text) && c.text[i] < 0x80 { // most often
		c.at = i + 1
		return uint64(c.text[i])
	}
	return c.readLong()
}

// readLong is readUint of any number.
func (c *coder) readLong() uint64 {
	var v uint64
	text := c.text[c.at:]
	for i := range min(len(text), binary.MaxVarintLen64) {
		b := text[i]
		if i == binary.MaxVarintLen64-1 && b > 1 {
			break
		}
		v |= uint64(b&0x7f) << (7 * i)
		if b < 0x80 {
			if b == 0 && i > 0 {
				break // there is a shorter form
			}
			c.at += i + 1
			return v
		}
	}
	c.fail()
	return 0
}

// uint32 passes a number of 32 bits.
func (c *coder) uint32(v *uint32) {
	wide := uint64(*v)
	c.uint(&wide)
	if c.reading {
		*v = uint32(wide)
		if uint64(*v) != wide {
			c.fail()
		}
	}
}

// int passes a number that may be negative.
func (c *coder) int(v *int64) {
	if !c.reading {
		c.b = binary.AppendUvarint(c.b, uint64(*v)<<1^uint64(*v>>63))
		return
	}
	zigzag := c.readUint()
	if *v = int64(zigzag>>1) ^ -int64(zigzag&1); c.trace != nil {
		c.traced(strconv.FormatInt(*v, 10), false)
	}
}

// time passes an instant.
func (c *coder) time(t *Time) { c.int((*int64)(t)) }

// flag passes one bit, as a byte. Rows with many pack them into a uint.
func (c *coder) flag(v *bool) {
	var n uint64
	if *v {
		n = 1
	}
	c.uint(&n)
	if c.reading {
		*v = n == 1
		if n > 1 {
			c.fail()
		}
	}
}

// codeText passes a text. The texts of one row share memory when they are read.
func codeText[S ~string](c *coder, s *S) {
	if !c.reading {
		c.b = binary.AppendUvarint(c.b, uint64(len(*s)))
		c.b = append(c.b, *s...)
		return
	}
	if c.lent {
		c.text, c.at, c.lent = strings.Clone(c.text[c.at:]), 0, false
	}
	*s = S(c.readText())
}

// readText reads a text, in the memory of what is read.
func (c *coder) readText() string {
	n := c.readUint()
	if n > uint64(c.left()) {
		c.fail()
		return ""
	}
	s := c.text[c.at : c.at+int(n)]
	c.at += int(n)
	c.traced(s, true)
	return s
}

// codeShared passes a text that many rows have: when they are read, equal ones share
// their memory.
func codeShared[S ~string](c *coder, s *S) {
	if !c.reading {
		codeText(c, s)
		return
	}
	text := c.readText()
	word, known := c.words[text]
	if !known {
		if c.words == nil || len(c.words) >= maxWords {
			c.words = map[string]string{}
		}
		word = strings.Clone(text) // it must not keep the row in memory
		c.words[word] = word
	}
	*s = S(word)
}

// maxWords bounds the shared texts that are remembered at a time.
const maxWords = 1 << 14

// codeBytes passes bytes; empty ones are nil when they are read.
func codeBytes[B ~[]byte](c *coder, b *B) {
	if !c.reading {
		c.b = binary.AppendUvarint(c.b, uint64(len(*b)))
		c.b = append(c.b, *b...)
		return
	}
	*b = nil
	if text := c.readText(); text != "" {
		*b = B([]byte(text))
	}
}

// codeList passes a list; an empty one is nil when it is read.
func codeList[T any](c *coder, list *[]T, code func(*coder, *T)) {
	n := uint64(len(*list))
	c.uint(&n)
	if !c.reading {
		for i := range *list {
			code(c, &(*list)[i])
		}
		return
	}
	*list = nil
	for ; n > 0 && c.err == nil; n-- {
		var v T
		code(c, &v)
		*list = append(*list, v)
	}
}
