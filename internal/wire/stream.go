package wire

import (
	"bytes"
	"errors"
	"io"

	"dashd/internal/errs"
)

// errBig says that a value was larger than MaxEvent and has been passed over.
var errBig = errors.New("value too large")

const (
	firstBuffer = 64 << 10
	lastBuffer  = 512 << 10 // the largest to keep for another body
	farthest    = 2 * MaxEvent
)

// stream reads a body piece by piece. It finds where a JSON value ends, by its
// brackets and quotes alone, and so holds no more than one value in memory, and
// can pass over one that is too large to hold.
type stream struct {
	src     io.Reader
	buf     []byte
	pos     int // buf[pos:end] has been read and not been used
	end     int
	offset  int64 // in the body, of buf[0]
	left    int64 // bytes that may still be read; negative: any number
	over    bool  // there is more than that
	newline bool  // space has passed the end of a line
	frame   frame
}

func (s *stream) reset(src io.Reader, limit int64) {
	if limit <= 0 {
		limit = -1
	}
	*s = stream{src: src, buf: s.buf, left: limit}
	if s.buf == nil || len(s.buf) > lastBuffer {
		s.buf = make([]byte, firstBuffer)
	}
}

// more reads at least one byte. It returns io.EOF at the end of the body, and an
// errs.TooLarge if the body does not end where it must.
func (s *stream) more() error {
	if s.over {
		return s.tooLarge()
	}
	if s.pos > 0 {
		copy(s.buf, s.buf[s.pos:s.end])
		s.offset += int64(s.pos)
		s.pos, s.end = 0, s.end-s.pos
	}
	if s.end == len(s.buf) {
		s.buf = append(s.buf, make([]byte, len(s.buf))...)
	}
	room := s.buf[s.end:]
	if s.left >= 0 && int64(len(room)) > s.left {
		room = room[:s.left+1] // one more, to see whether there is one
	}
	for range 100 {
		n, err := s.src.Read(room)
		if s.left >= 0 && int64(n) > s.left {
			n, s.over = int(s.left), true
		}
		if n > 0 {
			s.end += n
			s.left -= int64(n) // stays negative where it was
			return nil
		}
		if s.over {
			return s.tooLarge()
		}
		if err != nil {
			return err
		}
	}
	return io.ErrNoProgress
}

func (s *stream) tooLarge() error {
	return errs.New(errs.TooLarge, codeTooLarge, "the body is too large: what follows byte %d was not read", s.offset+int64(s.end))
}

// at returns the byte n behind the position, reading as far as necessary.
func (s *stream) at(n int) (byte, error) {
	for s.pos+n >= s.end {
		if err := s.more(); err != nil {
			return 0, err
		}
	}
	return s.buf[s.pos+n], nil
}

// peek passes over space and returns the byte behind it, which stays unread.
func (s *stream) peek() (byte, error) {
	for {
		c, err := s.at(0)
		if err != nil || !isSpace(c) {
			return c, err
		}
		s.newline = s.newline || c == '\n'
		s.pos++
	}
}

// skipSpace is the distance from the position to the first byte at or behind n
// that is not space, and that byte. errBig: it is too far away to keep all before.
func (s *stream) skipSpace(n int) (int, byte, error) {
	for ; n <= farthest; n++ {
		c, err := s.at(n)
		if err != nil || !isSpace(c) {
			return n, c, cutShort(err)
		}
	}
	return n, 0, errBig
}

func isSpace(c byte) bool { return c == ' ' || c == '\n' || c == '\r' || c == '\t' }

// extent is the distance from the position to the end of the value that begins
// at distance n. errBig: that would be more than MaxEvent from n.
func (s *stream) extent(n int) (int, error) {
	from := n
	s.frame = frame{}
	for {
		n += s.frame.scan(s.buf[s.pos+n : s.end])
		if n-from > MaxEvent {
			return n, errBig
		}
		if s.frame.done {
			return n, nil
		}
		if err := s.more(); err != nil {
			return n, cutShort(err)
		}
	}
}

// value reads the value at the position. It is valid until the next read. After
// errBig, the value has been passed over.
func (s *stream) value() ([]byte, error) {
	n, err := s.extent(0)
	text := s.buf[s.pos : s.pos+n]
	s.pos += n
	for errors.Is(err, errBig) && !s.frame.done {
		if s.pos == s.end {
			if err := s.more(); err != nil {
				return nil, cutShort(err)
			}
		}
		s.pos += s.frame.scan(s.buf[s.pos:s.end])
	}
	return text, err
}

// line reads up to the end of the line, without it. The last one may lack its
// end. Errors are those of value, and io.EOF behind the last line.
func (s *stream) line() ([]byte, error) {
	n, big := 0, false
	for {
		if k := bytes.IndexByte(s.buf[s.pos+n:s.end], '\n'); k >= 0 {
			n += k
			break
		}
		n = s.end - s.pos
		if n > MaxEvent {
			s.pos, n, big = s.end, 0, true
		}
		if err := s.more(); errors.Is(err, io.EOF) && (n > 0 || big) {
			break
		} else if err != nil {
			return nil, err
		}
	}
	text := s.buf[s.pos : s.pos+n]
	s.pos = min(s.pos+n+1, s.end)
	if big || n > MaxEvent {
		return nil, errBig
	}
	return text, nil
}

// cutShort makes of an end of the body where there must not be one an errSyntax.
func cutShort(err error) error {
	if errors.Is(err, io.EOF) {
		return errSyntax
	}
	return err
}

// frame finds the end of a JSON value that comes in pieces. Of text that is not
// JSON it may take too much or too little; whoever reads the value finds out.
type frame struct {
	started bool
	scalar  bool // a number or a literal: ends where something else begins
	str     bool // within quotes
	esc     bool // behind a backslash
	depth   int  // brackets open
	done    bool // the end has been found
}

// scan returns how many bytes of b belong to the value.
func (f *frame) scan(b []byte) int {
	if !f.started && len(b) > 0 {
		f.started = true
		f.scalar = b[0] != '{' && b[0] != '[' && b[0] != '"'
	}
	if f.scalar {
		n := bytes.IndexAny(b, ",:{}[]\" \t\r\n")
		if f.done = n >= 0; !f.done {
			return len(b)
		}
		return n
	}
	for i := 0; i < len(b); i++ {
		if f.str {
			i += f.quoted(b[i:])
			if i == len(b) {
				break
			}
			f.str = false
		} else {
			switch b[i] {
			case '"':
				f.str = true
				continue
			case '{', '[':
				f.depth++
				continue
			case '}', ']':
				f.depth--
			default:
				continue
			}
		}
		if f.depth == 0 {
			f.done = true
			return i + 1
		}
	}
	return len(b)
}

// quoted is the number of bytes before the closing quote, len(b) if it is not in b.
func (f *frame) quoted(b []byte) int {
	i := 0
	if f.esc && len(b) > 0 {
		f.esc = false
		i++
	}
	for ; i < len(b); i++ {
		if b[i] == '"' {
			return i
		}
		if b[i] == '\\' {
			i++
		}
	}
	f.esc = i > len(b)
	return len(b)
}
