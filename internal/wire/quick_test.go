package wire_test

import (
	"fmt"
	"strings"
	"testing"

	"dashd/eventlog"
	"dashd/internal/genevents"
	"dashd/internal/wire"
)

// quickTexts are objects that quick reads by itself.
var quickTexts = []string{
	sample, good, `{}`, " \t\r\n{ \"type\" : \"a.b\" , \"x\" : [ ] }", `{"":1,"type":""}`,
	`{"type":null,"id":12,"metadata":{"a":{"b":[1,[2,{}],{"c":null}]},"type":1}}`,
	`{"n":[0,-0,10,-1.50,0.0,1e5,1E+05,2.5e-7,1e400],"b":[true,false,null]}`,
	`{"s":"\"\\\/\b\f\n\r\t\u00e9\uD83D\ude00 and half of a pair \ud83d \udc00"}`,
	`{"userAgent":"é €😀 \u007f 0123456é89","é":1,"x":"é"}`, "{\"é\":1,\"e\u0301\":\"01234567é\"}",
	`{"user_id":"","userId":"u1","user_id2":3,"display":{"message":"m","severity":null,"x":{"message":2}},"display_message":"n"}`,
	`{"aXc":1,"aYc":2,"abc":3,"location":{"city":"x","aXc":1},"aZc":{"aXc":1}}`,
	deep(wire.MaxDepth), names(64), `{"` + strings.Repeat("n", wire.MaxName) + `":1}`,
}

// walkTexts are others, good ones and bad ones.
var walkTexts = []string{
	``, ` `, `[]`, `"x"`, `{`, `{"`, `{"a`, `{"a"`, `{"a":`, `{"a":1`, `{"a":1,`, `{"a":1,}`, `{,}`, `{"a" 1}`, `{"a":1 "b":2}`, `{1:1}`,
	`{"a":"`, `{"a":"\`, `{"a":"\u12`, `{"a":"\u12g4"}`, `{"a":"\x"}`, "{\"a\":\"\n\"}", "{\"a\":\"0123456\x1f\"}", "{\"a\n\":1}", "{\"a\":1\x00}",
	"{\"a\":\"\xff\"}", "{\"a\":\"01234567\xc3\"}", "{\"\xed\xa0\x80\":1}", "{\"a\":\"\xf0\x9f\x98\"}",
	`{"a":01}`, `{"a":-}`, `{"a":+1}`, `{"a":1.}`, `{"a":.5}`, `{"a":1e}`, `{"a":1e+}`, `{"a":1x}`, `{"a":0x1}`, `{"a":NaN}`,
	`{"a":tru}`, `{"a":truex}`, `{"a":nul`, `{"a":True}`, `{"a":}`, `{"a":[1,]}`, `{"a":[,1]}`, `{"a":[1 2]}`, `{"a":[1}`, `{"a":{]}`, `{"a":[`,
	`{"type":1,"type":1}`, `{"x":[{"y":1,"y":2}]}`, `{"type":1,"\u0074ype":2}`, `{"\u0061":1}`, `{"a\/":1}`, `{"":1,"":2}`, `{"é":1,"\u00e9":1}`,
	deep(wire.MaxDepth + 1), names(65), names(wire.MaxNames), names(wire.MaxNames + 1), `{"` + strings.Repeat("n", wire.MaxName+1) + `":1}`,
}

// deep is an object in which a value stands in n others.
func deep(n int) string {
	return `{"metadata":` + strings.Repeat(`{"a":`, n/2) + strings.Repeat("[", n-n/2) + strings.Repeat("]", n-n/2) + strings.Repeat("}", n/2) + "}"
}

// names is an object of n members whose names are much alike.
func names(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `,"name%03dx":%d`, i, i)
	}
	return "{" + b.String()[1:] + "}"
}

// generated are events as the simulated producers send them.
func generated(n int) (texts []string) {
	for _, ev := range genevents.Events(1, n) {
		texts = append(texts, string(wire.AppendEvent(nil, &eventlog.Record{Event: ev}, ev.Message, ev.Shown)))
	}
	return texts
}

func TestQuickReadsWhatIsCommon(t *testing.T) {
	var o wire.Object
	for _, text := range append(generated(300), quickTexts...) {
		for _, sh := range wire.Shapes {
			if _, ok := o.Quick([]byte(text), sh, 0); !ok {
				t.Errorf("not read: %s", text)
			}
		}
	}
	for _, text := range walkTexts {
		if _, ok := o.Quick([]byte(text), wire.Shapes[0], 0); ok {
			t.Errorf("read: %q", text)
		}
	}
}

// FuzzQuick has the library read whatever quick read.
func FuzzQuick(f *testing.F) {
	for _, text := range append(append(generated(30), quickTexts...), walkTexts...) {
		f.Add([]byte(text))
		f.Add([]byte(text + `,{"a":1}`))
		f.Add([]byte(text[:len(text)*3/4]))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var o wire.Object // for both, since an object is used again after any outcome
		for i, sh := range wire.Shapes {
			for depth := range 2 {
				got, ok := o.Quick(text, sh, depth)
				if !ok {
					continue
				}
				want, err := o.Walk(text, sh, depth)
				if err != nil || got != want {
					t.Fatalf("shape %d, depth %d of %q\nquick %+v\n walk %+v, %v", i, depth, text, got, want, err)
				}
			}
		}
	})
}
