package eventlog_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"dashd/eventlog"
)

func TestObjectIsReadAgain(t *testing.T) {
	var o eventlog.Object
	o.Read([]byte(`{"\u0061":"escaped","b":1,"b":2}`))
	if o.Len() != 3 || o.Text("a") != "escaped" || o.Text("b") != "2" {
		t.Errorf("Len %d, a %q, b %q", o.Len(), o.Text("a"), o.Text("b"))
	}
	for _, text := range []string{`{"c":null}`, ``, `null`, `["c"]`, `"{}"`, `7`, ` `} {
		o.Read([]byte(text))
		if o.Text("a") != "" || o.Field("b") != nil || o.Text("c") != "" {
			t.Errorf("after %s there is still %q, %s", text, o.Text("a"), o.Field("b"))
		}
	}
}

func TestObjectDoesNotAllocate(t *testing.T) {
	text := []byte(`{"userId":"u1","userName":"Ada","set":{"name":"x","n":[1,2,{"a":"}"}]},"k\u0065y":1}`)
	var o eventlog.Object
	o.Read(text)
	allocs := testing.AllocsPerRun(100, func() {
		o.Read(text)
		if o.Field("set") == nil || o.Field("key") == nil || o.Field("nothing") != nil {
			t.Error("the fields are not found")
		}
	})
	if allocs != 0 {
		t.Errorf("%v allocations", allocs)
	}
}

func TestElements(t *testing.T) {
	tests := []struct {
		text string
		want []string
	}{
		{`[1,"a,]",[2],{"b":[3]} , null ]`, []string{`1`, `"a,]"`, `[2]`, `{"b":[3]}`, `null`}},
		{` [ ] `, nil},
		{`[]`, nil},
		{`{"a":[1]}`, nil},
		{`"[1]"`, nil},
		{``, nil},
	}
	for _, tt := range tests {
		var got []string
		for v := range eventlog.Elements([]byte(tt.text)) {
			got = append(got, string(v))
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("Elements(%s) = %q, want %q", tt.text, got, tt.want)
		}
	}
}

// Object and Elements find what encoding/json finds, and end on any bytes.
func FuzzObject(f *testing.F) {
	f.Add(`{"name":"Ada","n":{"name":1.5e-7},"na\u006de":"x"}`, "name")
	f.Add(`{"a":[{"b":"]"},null,-0.1],"\ud83d\ude00":-0.1}`, "a")
	f.Add(`{"name":"`, "name")
	f.Add(`{"k":["\`, "k")
	f.Add(`{"k":[,,{]`, "k")
	f.Fuzz(func(t *testing.T, text, key string) {
		var o eventlog.Object
		o.Read([]byte(text))
		value := o.Field(key)
		var elements []string
		for v := range eventlog.Elements(value) {
			elements = append(elements, string(v))
		}
		var fields map[string]json.RawMessage
		if !utf8.ValidString(text) || !strings.HasPrefix(text, "{") || json.Unmarshal([]byte(text), &fields) != nil {
			return
		}
		if string(value) != string(fields[key]) {
			t.Errorf("Field(%q) of %s = %s, want %s", key, text, value, fields[key])
		}
		if want, _ := textOf(t, fields[key]); o.Text(key) != want {
			t.Errorf("Text(%q) of %s = %q, want %q", key, text, o.Text(key), want)
		}
		var list []json.RawMessage
		if !strings.HasPrefix(string(value), "[") || json.Unmarshal(value, &list) != nil {
			return
		}
		want := make([]string, len(list))
		for i := range list {
			want[i] = string(list[i])
		}
		if !slices.Equal(elements, want) {
			t.Errorf("Elements(%s) = %q, want %q", value, elements, want)
		}
	})
}
