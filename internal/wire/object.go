package wire

import (
	"bytes"
	"errors"
	"fmt"
	"unicode/utf8"

	"dashd/eventlog"

	"github.com/go-json-experiment/json/jsontext"
)

// field is a place for the value of one member that means something to us.
type field int

const unknown field = -1

// shape says which members of an object mean something.
type shape struct {
	field func(name []byte) field
	inner [numFields]*shape // of the objects in some of the fields
}

// slot is where the value of a field stands in the text. Values that say
// nothing, null and "", leave no slot.
type slot struct {
	kind       jsontext.Kind // '"', '0', '{', '[', 't' or 'f'
	escaped    bool          // there is a backslash in it
	start, end int
}

// errSyntax marks text that is not JSON; what follows it cannot be trusted.
var errSyntax = errors.New("not JSON")

// object reads one JSON object strictly and remembers where the fields of its
// shape stand: nearly always by quick alone, and else by walk, which also finds out
// what is wrong. It is reused for one text after another.
type object struct {
	text  []byte
	end   int // where the object ends in text, after parse and parseMetadata
	slots [numFields]slot
	said  uint64 // a bit for each field that has a slot; the other slots are of texts before
	seen  uint64 // a bit for each field whose name was there, whatever its value

	scratch []byte // texts that had escapes

	// Of quick.
	names   []span // of the objects that are being read, an inner one's behind its outer one's
	high    uint64 // not 0: there may be bytes above ASCII
	escapes int    // backslashes so far that begin an escape

	// Of walk.
	dec  jsontext.Decoder
	src  bytes.Buffer
	name []byte // of the member being read, if it had escapes
	data bool   // inside the field whose problems are problems of the metadata
}

func (o *object) reset(text []byte) {
	o.text = text
	o.said, o.seen = 0, 0
	o.scratch = o.scratch[:0]
	o.names, o.high, o.escapes = o.names[:0], 0, 0
}

// parse reads text, which must hold one object and nothing else. The error is an
// *eventlog.Problem about this object, or errSyntax; the fields read before it
// are there.
func (o *object) parse(text []byte, sh *shape) error {
	o.data = false
	return o.only(text, sh, 0)
}

// parseMetadata is parse for a metadata object that stands by itself. The limits
// count as they do for one inside an event.
func (o *object) parseMetadata(text []byte, sh *shape) error {
	o.data = true
	return o.only(text, sh, 1)
}

// only reads the object that is all of text; its members are at a depth.
func (o *object) only(text []byte, sh *shape, depth int) error {
	n, err := o.quick(text, sh, depth), error(nil)
	if n == 0 {
		n, err = o.walk(text, sh, depth)
	}
	o.end = n
	return nothingBehind(text, n, err)
}

// walk reads the object with which text begins, token by token, and returns where it
// ends.
func (o *object) walk(text []byte, sh *shape, depth int) (n int, err error) {
	o.reset(text)
	o.src = *bytes.NewBuffer(text)
	// Invalid UTF-8 is looked for below, so that all this allows is half of a
	// surrogate pair in an escape.
	o.dec.Reset(&o.src, jsontext.AllowInvalidUTF8(true))
	if t, err := o.dec.ReadToken(); err != nil || t.Kind() != '{' {
		return 0, errSyntax
	}
	if err := o.members(sh, depth); err != nil {
		return 0, err
	}
	n = int(o.dec.InputOffset())
	if !utf8.Valid(text[:n]) {
		return n, problem(eventlog.InvalidEvent, "text is not UTF-8")
	}
	return n, nil
}

// nothingBehind adds to the outcome of quick or walk that the object must be all there is.
func nothingBehind(text []byte, n int, err error) error {
	if n > 0 && len(bytes.TrimLeft(text[n:], " \t\r\n")) > 0 {
		return errSyntax
	}
	return err
}

// members reads the members of an object up to its closing brace.
func (o *object) members(sh *shape, depth int) error {
	for n := 0; o.dec.PeekKind() != '}'; n++ {
		if n == MaxNames {
			return o.limit("an object has more than %d members", MaxNames)
		}
		raw, err := o.dec.ReadValue()
		if err != nil {
			return o.refuse(err)
		}
		name, err := o.unquoteName(raw)
		if err != nil {
			return err
		}
		f := unknown
		if sh != nil {
			f = sh.field(name)
		}
		if err := o.member(f, sh, depth+1); err != nil {
			return err
		}
	}
	_, err := o.dec.ReadToken()
	return o.refuse(err)
}

func (o *object) unquoteName(raw jsontext.Value) ([]byte, error) {
	name := []byte(raw[1 : len(raw)-1])
	if bytes.IndexByte(name, '\\') >= 0 {
		o.name, _ = jsontext.AppendUnquote(o.name[:0], raw) // its only error: half a surrogate pair
		name = o.name
	}
	if len(name) > MaxName {
		return nil, o.limit("the name of a member has more than %d bytes", MaxName)
	}
	return name, nil
}

// member reads the value of field f and notes where it is. Of two names for one
// field, the first that says something counts.
func (o *object) member(f field, sh *shape, depth int) error {
	if f == unknown {
		_, _, err := o.value(nil, depth)
		return err
	}
	o.seen |= 1 << f
	inner := sh.inner[f]
	outer := o.data
	o.data = outer || f == fieldMetadata
	kind, start, err := o.value(inner, depth)
	o.data = outer
	if err != nil {
		return err
	}
	end := int(o.dec.InputOffset())
	if says := kind != 'n' && (kind != '"' || end-start > 2); says && o.kind(f) == 0 {
		o.slots[f] = slot{kind, bytes.IndexByte(o.text[start:end], '\\') >= 0, start, end}
		o.said |= 1 << f
	}
	return nil
}

// value reads any value and returns where it begins. It ends where the decoder
// then stands.
func (o *object) value(sh *shape, depth int) (kind jsontext.Kind, start int, err error) {
	kind = o.dec.PeekKind()
	if kind != '{' && kind != '[' {
		raw, err := o.dec.ReadValue()
		return kind, int(o.dec.InputOffset()) - len(raw), o.refuse(err)
	}
	if _, err := o.dec.ReadToken(); err != nil {
		return kind, 0, o.refuse(err)
	}
	start = int(o.dec.InputOffset()) - 1
	if depth > MaxDepth {
		return kind, start, o.limit("more than %d levels", MaxDepth)
	}
	if kind == '{' {
		return kind, start, o.members(sh, depth)
	}
	for o.dec.PeekKind() != ']' {
		if _, _, err := o.value(nil, depth+1); err != nil {
			return kind, start, err
		}
	}
	_, err = o.dec.ReadToken()
	return kind, start, o.refuse(err)
}

// refuse sorts the decoder's errors.
func (o *object) refuse(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, jsontext.ErrDuplicateName):
		return problem(eventlog.InvalidEvent, "an object has a name twice")
	default:
		return errSyntax
	}
}

// limit is the problem of going over a limit.
func (o *object) limit(format string, args ...any) error {
	if o.data {
		return problem(eventlog.MetadataTooLarge, format, args...)
	}
	return problem(eventlog.InvalidEvent, format, args...)
}

func problem(code, format string, args ...any) error {
	return &eventlog.Problem{Code: code, Message: fmt.Sprintf(format, args...)}
}

// has reports whether the object has the member that field f stands for.
func (o *object) has(f field) bool { return o.seen&(1<<f) != 0 }

// kind is the kind of value in a field, 0 if it is absent.
func (o *object) kind(f field) jsontext.Kind {
	if o.said&(1<<f) == 0 {
		return 0
	}
	return o.slots[f].kind
}

// raw is the JSON text of a field; nil if it is absent.
func (o *object) raw(f field) []byte {
	if o.said&(1<<f) == 0 {
		return nil
	}
	s := o.slots[f]
	return o.text[s.start:s.end]
}

// str is the text of a field that holds text, without its quotes. The result is
// valid until the next parse.
func (o *object) str(f field) []byte {
	if o.kind(f) != '"' {
		return nil
	}
	s := &o.slots[f]
	if !s.escaped {
		return o.text[s.start+1 : s.end-1]
	}
	from := len(o.scratch)
	o.scratch, _ = jsontext.AppendUnquote(o.scratch, o.text[s.start:s.end]) // its only error: half a surrogate pair
	return o.scratch[from:]
}
