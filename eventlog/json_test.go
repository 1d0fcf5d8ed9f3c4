package eventlog_test

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"dashd/eventlog"
)

func TestMetadataText(t *testing.T) {
	tests := []struct {
		name, metadata, want string // "" if it holds no text
	}{
		{"a string", `{"k":"v"}`, "v"},
		{"spaces around everything", " {\n\t\"k\" : \"v\" ,\r\"x\":1 } ", "v"},
		{"escapes", `{"k":"\"\\\/\b\f\n\r\t\u0041\u00e9"}`, "\"\\/\b\f\n\r\tAé"},
		{"a pair of surrogates", `{"k":"\ud83d\ude00"}`, "😀"},
		{"lone surrogates", `{"k":"\ud83d\ud83d\ude00\ude00x"}`, "\ufffd😀\ufffdx"},
		{"an escaped key", `{"\u006b":"v"}`, "v"},
		{"a key that ends in a backslash", `{"\\":"x","k":"v"}`, "v"},
		{"an integer keeps its digits", `{"k":123456789012345678901}`, "123456789012345678901"},
		{"a fraction", `{"k":-1.50}`, "-1.5"},
		{"an exponent", `{"k":1e3}`, "1000"},
		{"a large exponent", `{"k":1E21}`, "1e+21"},
		{"a small exponent", `{"k":0.0000001}`, "1e-7"},
		{"beyond any float", `{"k":1e400}`, "1e400"},
		{"zero", `{"k":0}`, ""},
		{"minus zero", `{"k":-0.0e5}`, ""},
		{"an empty string", `{"k":""}`, ""},
		{"null", `{"k":null}`, ""},
		{"true", `{"k":true}`, ""},
		{"an object", `{"k":{"k":"v"}}`, ""},
		{"an array", `{"k":["v"]}`, ""},
		{"a nested field is another", `{"a":{"k":"v"},"b":[{"k":"v"}]}`, ""},
		{"a value that looks like the key", `{"a":"k","b":"k\":\"v"}`, ""},
		{"behind nested values", `{"a":{"b":["}",{"c":"]"}]},"k":"v"}`, "v"},
		{"twice", `{"k":"u","k":"v"}`, "v"},
		{"twice, the last without text", `{"k":"u","k":null}`, ""},
		{"no fields", `{}`, ""},
		{"no metadata", ``, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, ok := eventlog.MetadataText([]byte(tt.metadata), "k")
			if got != tt.want || ok != (tt.want != "") {
				t.Errorf("MetadataText(%s) = %q, %v; want %q", tt.metadata, got, ok, tt.want)
			}
		})
	}
}

// The single pass finds what encoding/json finds, and ends on any bytes.
func FuzzMetadataText(f *testing.F) {
	f.Add(`{"name":"Ada","n":{"name":1.5e-7},"na\u006de":"x"}`, "name")
	f.Add(`{"a":[{"b":"]"}],"\ud83d\ude00":-0.1}`, "😀")
	f.Add(`{"name":"`, "name")
	f.Add(`{"k":"\`, "k")
	f.Fuzz(func(t *testing.T, metadata, key string) {
		got, ok := eventlog.MetadataText([]byte(metadata), key)
		var fields map[string]json.RawMessage
		if !utf8.ValidString(metadata) || !strings.HasPrefix(metadata, "{") || json.Unmarshal([]byte(metadata), &fields) != nil {
			return
		}
		want, wantOK := textOf(t, fields[key])
		if got != want || ok != wantOK {
			t.Errorf("MetadataText(%q, %q) = %q, %v; want %q, %v", metadata, key, got, ok, want, wantOK)
		}
		raw := eventlog.MetadataField([]byte(metadata), key)
		if string(raw) != string(fields[key]) {
			t.Errorf("MetadataField(%q, %q) = %q, want %q", metadata, key, raw, fields[key])
		}
	})
}

func textOf(t *testing.T, raw json.RawMessage) (string, bool) {
	if len(raw) == 0 {
		return "", false
	}
	var v any
	d := json.NewDecoder(strings.NewReader(string(raw)))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		t.Fatal(err)
	}
	switch v := v.(type) {
	case string:
		return v, v != ""
	case json.Number:
		f, err := v.Float64()
		if err != nil || (f != 0 && strings.Trim(v.String(), "-0123456789") == "") {
			return v.String(), true
		}
		if f == 0 {
			return "", false
		}
		text, err := json.Marshal(f) // writes numbers as JavaScript does
		if err != nil {
			t.Fatal(err)
		}
		return string(text), true
	}
	return "", false
}
