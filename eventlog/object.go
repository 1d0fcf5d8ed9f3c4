package eventlog

import "iter"

// Object is a JSON object that is looked at once and asked many times. It keeps
// positions in the text, no copies: it is good as long as the text is, and can be
// used again for another, without allocating. The zero value has no members.
type Object struct {
	members []member
	escaped bool // a key contains a backslash
}

type member struct{ key, value []byte } // raw; the key without its quotes

// Read makes o the object that text holds. Of text that is not an object it has no
// members, or meaningless ones.
func (o *Object) Read(text []byte) {
	o.members, o.escaped = o.members[:0], false
	start := skipSpace(text, 0)
	if start == len(text) || text[start] != '{' {
		return
	}
	m := members{text: text, i: start + 1}
	for m.next() {
		o.members = append(o.members, member{m.key, m.value})
		o.escaped = o.escaped || m.escaped
	}
}

// Len is the number of members.
func (o *Object) Len() int { return len(o.members) }

// Field is the raw JSON value of a member, nil if there is none. Of a key that
// occurs twice, the last counts.
func (o *Object) Field(key string) []byte {
	for i := len(o.members) - 1; i >= 0; i-- {
		m := &o.members[i]
		if string(m.key) == key {
			return m.value
		}
		if o.escaped {
			var buf [64]byte
			if string(appendUnquoted(buf[:0], m.key)) == key {
				return m.value
			}
		}
	}
	return nil
}

// Text is the text that a member holds, as [MetadataText] understands it, or "".
func (o *Object) Text(key string) string {
	value := o.Field(key)
	if value == nil {
		return ""
	}
	var buf [64]byte
	text, _ := AppendText(buf[:0], value)
	return string(text)
}

// Elements yields the raw JSON values in the array that text holds; none if it is not
// an array.
func Elements(text []byte) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		i := skipSpace(text, 0)
		if i == len(text) || text[i] != '[' {
			return
		}
		for i++; ; {
			i = skipSpace(text, i)
			if i < len(text) && text[i] == ',' {
				i = skipSpace(text, i+1)
			}
			if i == len(text) || text[i] == ']' {
				return
			}
			end := skipValue(text, i)
			if end <= i || !yield(text[i:end]) {
				return
			}
			i = end
		}
	}
}
