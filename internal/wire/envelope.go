package wire

import (
	"bytes"
	"errors"

	"github.com/go-json-experiment/json/jsontext"
)

// Better Auth Studio sends one event as it is, and several as {"events":[...]}.
// Which of the two a body is can only be known from its members, and they come
// in any order. So the members are passed over, and kept, until one tells: the
// list must not be far from the beginning, but may itself be as long as it likes.

// probe looks at the object at the position and reads no further than needed. It
// returns the distance to the list of events, or 0 if the object is an event.
// errBig: too much stands before what would tell.
func (r *reader) probe() (list int, err error) {
	for n := 1; ; n++ {
		name, value, err := r.member(n)
		if err != nil {
			return 0, err
		}
		if name == nil {
			return 0, r.neither(value)
		}
		switch {
		case string(name) == "type":
			return 0, nil
		case string(name) == "events" && r.buf[r.pos+value] == '[':
			// What stands before the list will not be looked at again.
			before := bytes.Clone(r.buf[r.pos : r.pos+value])
			if !jsontext.Value(append(before, "[]}"...)).IsValid() {
				return 0, errSyntax
			}
			return value, nil
		}
		if n, err = r.extent(value); err != nil {
			return 0, err
		}
		var c byte
		if n, c, err = r.skipSpace(n); err != nil {
			return 0, err
		}
		switch c {
		case ',':
		case '}':
			return 0, r.neither(n + 1)
		default:
			return 0, errSyntax
		}
	}
}

// member reads the name at the distance n, and returns the distance to its value.
// The name is nil if the object ends there.
func (r *reader) member(n int) (name []byte, value int, err error) {
	n, c, err := r.skipSpace(n)
	if err != nil {
		return nil, n, err
	}
	if c == '}' {
		return nil, n + 1, nil
	}
	end, err := r.extent(n)
	if err != nil {
		return nil, n, err
	}
	if name, err = jsontext.AppendUnquote([]byte{}, r.buf[r.pos+n:r.pos+end]); err != nil {
		return nil, n, errSyntax
	}
	if n, c, err = r.skipSpace(end); err != nil {
		return nil, n, err
	}
	if c != ':' {
		return nil, n, errSyntax
	}
	n, _, err = r.skipSpace(n + 1)
	return name, n, err
}

// envelope reads an object whose list of events is at a distance.
func (r *reader) envelope(list int) error {
	r.pos += list
	if err := r.array(); err != nil {
		return err
	}
	for {
		c, err := r.peek()
		if err != nil {
			return cutShort(err)
		}
		r.pos++
		switch c {
		case ',':
		case '}':
			return r.finish(false)
		default:
			return errSyntax
		}
		name, value, err := r.member(0)
		if err != nil {
			return err
		}
		if name == nil || string(name) == "events" { // a comma and no member; a second list
			return errSyntax
		}
		r.pos += value
		text, err := r.value()
		if errors.Is(err, errBig) {
			continue
		}
		if err != nil {
			return err
		}
		if !jsontext.Value(text).IsValid() {
			return errSyntax
		}
	}
}
