package wire

import (
	"bytes"
	"errors"
	"io"
	"sync"

	"dashd/eventlog"
	"dashd/internal/errs"

	"github.com/go-json-experiment/json/jsontext"
)

// Options of ReadEvents and ReadStudio.
type Options struct {
	MaxBytes  int64 // of the body; 0: any number
	MaxEvents int   // 0: any number
	// Lines says that the body is NDJSON, as its content type does. A body that
	// looks like it is taken for it anyway.
	Lines bool
	// Import says that the events were taken from a database: their origin is
	// VocabularyImport.
	Import bool
}

// Emit receives one event, in the order of the body; i counts from 0. If problem
// is not nil, it is an *eventlog.Problem and says why the event is not accepted;
// ev then holds its ID, if that could be read, and nothing else. An error ends
// the reading and is returned.
type Emit func(i int, ev eventlog.Event, problem error) error

// ReadEvents reads the body of POST /ingest/events, in the field names of
// auth-events section 1: one event, an array of them, or one on each line. now
// is in ms.
//
// What it returns is about the body, not about one event; the events before have
// been emitted and stand. errs.Invalid with INVALID_JSON: from a place on, which
// the message names, the body is no JSON. In NDJSON, a bad line is a problem of
// that event only. errs.TooLarge: there is more than the options allow. Any
// other error is that of body or of emit.
func ReadEvents(body io.Reader, o Options, now int64, emit Emit) error {
	return read(body, o, now, emit, eventShape, eventlog.VocabularyAPI)
}

// ReadStudio reads the body of POST /ingest/studio. It is as ReadEvents, and
// knows two more forms: {"events":[...]}, in which Better Auth Studio sends
// several, and the rows of its database table. An object is taken for an event
// if it has a member "type" before one "events" that is an array. One with
// neither is refused with INVALID_BODY.
func ReadStudio(body io.Reader, o Options, now int64, emit Emit) error {
	return read(body, o, now, emit, studioShape, eventlog.VocabularyStudio)
}

// reader reads one body.
type reader struct {
	stream
	dec    decoder
	events int // emitted
	max    int
	emit   Emit
}

var readers = sync.Pool{New: func() any { return new(reader) }}

func read(body io.Reader, o Options, now int64, emit Emit, sh *shape, v eventlog.Vocabulary) error {
	r := readers.Get().(*reader)
	r.reset(body, o.MaxBytes)
	r.dec.shape, r.dec.vocabulary, r.dec.now = sh, v, now
	if o.Import {
		r.dec.vocabulary = eventlog.VocabularyImport
	}
	r.events, r.max, r.emit = 0, o.MaxEvents, emit
	err := r.body(o.Lines)
	switch {
	case errors.Is(err, errSyntax):
		err = errs.New(errs.Invalid, codeJSON, "the body is not JSON near byte %d, in event %d", r.offset+int64(r.pos), r.events)
	case errors.Is(err, errBig):
		err = errs.New(errs.Invalid, codeBody, "the body has more than %d bytes of something other than events", MaxEvent)
	}
	r.src, r.emit, r.dec.ev = nil, nil, eventlog.Event{}
	readers.Put(r)
	return err
}

func (r *reader) body(lines bool) error {
	if err := r.byteOrderMark(); err != nil {
		return err
	}
	if lines {
		return r.lines()
	}
	c, err := r.peek()
	if err != nil {
		return cutShort(err)
	}
	switch c {
	case '[':
		if err := r.array(); err != nil {
			return err
		}
		return r.finish(false)
	case '{':
		return r.object()
	default:
		return r.scalar()
	}
}

// byteOrderMark passes over the one that some programs put before UTF-8.
func (r *reader) byteOrderMark() error {
	const mark = "\ufeff"
	for i := range len(mark) {
		c, err := r.at(i)
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		if err != nil || c != mark[i] {
			return nil
		}
	}
	r.pos += len(mark)
	return nil
}

// finish expects the end of the body, or, behind one object, more of them on
// lines of their own.
func (r *reader) finish(object bool) error {
	r.newline = false
	c, err := r.peek()
	switch {
	case errors.Is(err, io.EOF):
		return nil
	case err != nil:
		return err
	case object && r.newline && c == '{':
		return r.lines()
	default:
		return errSyntax
	}
}

// object reads a body that begins with an object.
func (r *reader) object() error {
	if r.dec.shape == studioShape {
		list, err := r.probe()
		if err != nil {
			return err
		}
		if list > 0 {
			return r.envelope(list)
		}
	}
	if err := r.element('{'); err != nil {
		return err
	}
	return r.finish(true)
}

// scalar refuses a body that is a single value of another kind, or no JSON.
func (r *reader) scalar() error {
	for r.end-r.pos <= MaxEvent {
		if err := r.more(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return err
		}
	}
	return r.neither(r.end - r.pos)
}

// neither is the error about a body of n bytes that holds no event.
func (r *reader) neither(n int) error {
	if !jsontext.Value(r.buf[r.pos : r.pos+n]).IsValid() {
		return errSyntax
	}
	return errs.New(errs.Invalid, codeBody, `the body is neither an event with a "type" nor a list of events`)
}

// array reads the list at the position, events and all.
func (r *reader) array() error {
	r.pos++
	for first := true; ; first = false {
		c, err := r.peek()
		if err != nil {
			return cutShort(err)
		}
		if c == ']' && first {
			r.pos++
			return nil
		}
		if err := r.element(c); err != nil {
			return err
		}
		if c, err = r.peek(); err != nil {
			return cutShort(err)
		}
		r.pos++
		switch c {
		case ',':
		case ']':
			return nil
		default:
			return errSyntax
		}
	}
}

// element reads the value at the position, which begins with c, as an event.
func (r *reader) element(c byte) error {
	if r.full() {
		return r.tooMany()
	}
	if c == '{' { // nearly always all of it has been read already, and is good
		n, problem := r.dec.prefix(r.buf[r.pos:min(r.end, r.pos+MaxEvent)])
		if r.pos += n; n > 0 {
			return r.deliver(problem)
		}
	}
	text, err := r.value()
	if errors.Is(err, errBig) {
		return r.refuse(problem(eventlog.MetadataTooLarge, "the event has more than %d bytes", MaxEvent))
	}
	if err != nil {
		return err
	}
	if c != '{' {
		if !jsontext.Value(text).IsValid() {
			return errSyntax
		}
		return r.refuse(problem(eventlog.InvalidEvent, "the event is not an object"))
	}
	if err = r.dec.event(text); errors.Is(err, errSyntax) {
		return err
	}
	return r.deliver(err)
}

// lines reads the rest of the body as NDJSON. Empty lines do not count.
func (r *reader) lines() error {
	for {
		text, err := r.line()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil && !errors.Is(err, errBig) {
			return err
		}
		text = bytes.Trim(text, " \t\r")
		if len(text) == 0 && err == nil {
			continue
		}
		if r.full() {
			return r.tooMany()
		}
		if err != nil {
			err = r.refuse(problem(eventlog.MetadataTooLarge, "the line has more than %d bytes", MaxEvent))
		} else if err = r.dec.event(text); errors.Is(err, errSyntax) {
			err = r.refuse(problem(eventlog.InvalidEvent, "the line is not a JSON object"))
		} else {
			err = r.deliver(err)
		}
		if err != nil {
			return err
		}
	}
}

func (r *reader) full() bool { return r.max > 0 && r.events == r.max }

func (r *reader) tooMany() error {
	return errs.New(errs.TooLarge, codeTooLarge, "more than %d events: the others were not read", r.max)
}

// deliver emits what the decoder has read.
func (r *reader) deliver(problem error) error {
	i := r.events
	r.events++
	return r.emit(i, r.dec.ev, problem)
}

// refuse emits an event of which nothing is known but its problem.
func (r *reader) refuse(problem error) error {
	r.dec.ev = eventlog.Event{}
	return r.deliver(problem)
}
