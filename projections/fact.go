package projections

import (
	"bytes"
	"encoding/json"
	"iter"
	"strconv"
	"strings"
	"time"
	"unsafe"

	"dashd/eventlog"
)

// A fact is one event as a fold sees it. Its metadata is looked at once, when a
// fold first asks for it.
//
// What a fold keeps of a fact must be a copy. Its byte slices are used again for the next
// event, as are its strings; or they share the memory of a block, which whoever keeps one
// keeps too.
type fact struct {
	*eventlog.Record
	lent bool // text returns strings that are good until the next event

	meta         *object // nil: it was not asked for so far
	metaText     []byte  // what own was read from
	own, columns object
	columnsRead  bool
}

// reset makes f the fact that rec states. Whoever says lent keeps none of its strings. meta is what
// was read of the metadata; nil if that was not.
func (f *fact) reset(rec *eventlog.Record, lent bool, meta *object) {
	f.Record, f.lent, f.meta, f.columnsRead = rec, lent, meta, false
}

// copyTexts makes the ids of the event strings that a fold may keep.
func (f *fact) copyTexts() {
	f.UserID, f.OrganizationID = strings.Clone(f.UserID), strings.Clone(f.OrganizationID)
}

// at is when it happened.
func (f *fact) at() Time { return boundedTime(f.Time) }

// ours reports whether dashd's own commands wrote the event: no producer can.
func (f *fact) ours() bool { return f.Origin.Vocabulary == eventlog.VocabularyDashd }

// data is the metadata of the event. Events of one request often have the same, which is
// read once for them.
func (f *fact) data() *object {
	if f.meta == nil {
		if !bytes.Equal(f.Metadata, f.metaText) {
			f.metaText = append(f.metaText[:0], f.Metadata...)
			f.own.Read(f.metaText)
		}
		f.meta = &f.own
	}
	return f.meta
}

// set holds columns of the row that the event is about, by their names in JSON.
func (f *fact) set() *object {
	if !f.columnsRead {
		f.columns.Read(f.data().Field("set"))
		f.columnsRead = true
	}
	return &f.columns
}

// text is the text under a key of the metadata, "" if there is none.
func (f *fact) text(key string) string {
	if f.lent {
		if value := f.data().Field(key); len(value) > 2 && value[0] == '"' && bytes.IndexByte(value, '\\') < 0 {
			return unsafe.String(&value[1], len(value)-2)
		}
	}
	return f.data().Text(key)
}

// first is the text under the first of the keys that has one.
func (f *fact) first(keys ...string) string {
	for _, key := range keys {
		if text := f.text(key); text != "" {
			return text
		}
	}
	return ""
}

// name is the text under the first of the keys that says who or what somebody or
// something is called. The dash plugin says "unknown" for what it did not find.
func (f *fact) name(keys ...string) string {
	for _, key := range keys {
		if text := f.text(key); text != "" && text != unknown {
			return text
		}
	}
	return ""
}

const unknown = "unknown"

// object is a JSON object of an event.
type object struct{ eventlog.Object }

// object is the object under a key, without members if there is none.
func (o *object) object(key string) *object {
	var inner object
	inner.Read(o.Field(key))
	return &inner
}

// objects yields the objects in the array under a key. Each is good until the next.
func (o *object) objects(key string) iter.Seq[*object] {
	return func(yield func(*object) bool) {
		var inner object
		for value := range eventlog.Elements(o.Field(key)) {
			inner.Read(value)
			if !yield(&inner) {
				return
			}
		}
	}
}

var null = []byte("null")

// time is the instant under a key: ISO 8601 text, or a number of milliseconds. ok
// is false if there is nothing that can be read as one; null is the zero Time.
func (o *object) time(key string) (t Time, ok bool) {
	value := o.Field(key)
	if bytes.Equal(value, null) {
		return 0, true
	}
	return parseTime(value)
}

func parseTime(value []byte) (t Time, ok bool) {
	if len(value) == 0 {
		return 0, false
	}
	if value[0] != '"' {
		var ms json.Number
		if json.Unmarshal(value, &ms) != nil {
			return 0, false
		}
		f, err := ms.Float64()
		if err != nil || f < minTime || f > maxTime {
			return 0, false
		}
		return Time(f), true
	}
	var buf [64]byte
	text, _ := eventlog.AppendText(buf[:0], value)
	at, err := time.Parse(time.RFC3339, string(text))
	if err != nil {
		return 0, false
	}
	ms := at.UnixMilli()
	if ms < minTime || ms > maxTime {
		return 0, false
	}
	return Time(ms), true
}

// minTime is the first ms of the year 1, the first that has a JSON form.
const minTime = -62135596800000

// boundedTime is the nearest instant that has a JSON form.
func boundedTime(ms int64) Time { return Time(min(max(ms, minTime), maxTime)) }

// putText puts the text under a key of o into to. Null makes it empty; what is absent or no
// text changes nothing.
func putText[S ~string](o *object, key string, to *S) {
	value := o.Field(key)
	switch {
	case value == nil:
	case bytes.Equal(value, null), len(value) == 2 && value[0] == '"':
		*to = ""
	default:
		if text := o.Text(key); text != "" {
			*to = S(text)
		}
	}
}

// putTime puts the instant under a key of o into to, likewise.
func putTime(o *object, key string, to *Time) {
	if t, ok := o.time(key); ok {
		*to = t
	}
}

// putFlag puts the flag under a key of o into to, likewise: null makes it false.
func putFlag(o *object, key string, to *bool) {
	switch string(o.Field(key)) {
	case "true":
		*to = true
	case "false", "null":
		*to = false
	}
}

// putJSON puts a copy of the object under a key of o into to, likewise: null makes
// it nil.
func putJSON(o *object, key string, to *json.RawMessage) {
	value := o.Field(key)
	switch {
	case bytes.Equal(value, null):
		*to = nil
	case len(value) > 0 && value[0] == '{':
		*to = bytes.Clone(value)
	}
}

// putTexts puts the texts of the array under a key of o into to, likewise. It makes a
// new list: the old one may be that of a published row.
func putTexts(o *object, key string, to *[]string) {
	value := o.Field(key)
	switch {
	case bytes.Equal(value, null):
		*to = nil
	case len(value) > 0 && value[0] == '[':
		list := []string{}
		for v := range eventlog.Elements(value) {
			if text, ok := eventlog.AppendText(nil, v); ok {
				list = append(list, string(text))
			}
		}
		*to = list
	}
}

// putNumber puts the whole number under a key of o into to. Anything else changes nothing.
func putNumber(o *object, key string, to *uint64) {
	if n, err := strconv.ParseUint(string(o.Field(key)), 10, 64); err == nil {
		*to = n
	}
}

// same reports whether the text under a key of the metadata is exactly this. It may say
// no of one with an escape in it, and says no of none.
func (f *fact) same(key, text string) bool {
	value := f.data().Field(key)
	return len(value) == len(text)+2 && text != "" && value[0] == '"' && string(value[1:len(value)-1]) == text
}
