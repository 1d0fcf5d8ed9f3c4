package wire

// texts collects the strings of one event and allocates them together. They are
// used together and soon dropped together.
type texts struct {
	buf  []byte
	refs []textRef
}

type textRef struct {
	dst        *string
	start, end int
}

func (t *texts) reset() {
	t.buf, t.refs = t.buf[:0], t.refs[:0]
}

// add sets *dst to b when done is called.
func (t *texts) add(dst *string, b []byte) {
	if len(b) == 0 {
		return
	}
	start := len(t.buf)
	t.buf = append(t.buf, b...)
	t.refs = append(t.refs, textRef{dst, start, len(t.buf)})
}

func (t *texts) done() {
	s := string(t.buf)
	for _, r := range t.refs {
		*r.dst = s[r.start:r.end]
	}
	clear(t.refs) // so that what dst belongs to can be freed
}
