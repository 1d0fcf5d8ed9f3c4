package eventlog_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"testing"

	"dashd/eventlog"
)

func TestRedact(t *testing.T) {
	extra := map[string]bool{eventlog.FoldKey("Recovery_Phrase"): true}
	tests := []struct {
		name, in, want string // want "" means: untouched
	}{
		{"a token", `{"email":"a@x.io","token":"736d"}`, `{"email":"a@x.io","token":"[redacted]"}`},
		{"in any spelling", `{"Access_Token":"a","REFRESH-TOKEN":"b","id_Token":"c"}`, `{"Access_Token":"[redacted]","REFRESH-TOKEN":"[redacted]","id_Token":"[redacted]"}`},
		{"an escaped key", `{"to\u006ben":"x","\u005fotp":"y"}`, `{"to\u006ben":"[redacted]","\u005fotp":"[redacted]"}`},
		{"at any depth", `{"a":[{"b":{"secret":1}}]}`, `{"a":[{"b":{"secret":"[redacted]"}}]}`},
		{"values of any kind", `{"otp":123456,"cookie":null,"secret":true,"apiKey":{"token":"x","y":"}"},"backupCodes":["]","a"],"z":1}`, `{"otp":"[redacted]","cookie":"[redacted]","secret":"[redacted]","apiKey":"[redacted]","backupCodes":"[redacted]","z":1}`},
		{"spaces around stay", "{ \"token\" :\n 12 ,\t\"a\": \"b\" }", "{ \"token\" :\n \"[redacted]\" ,\t\"a\": \"b\" }"},
		{"an escaped quote in the value", `{"token":"a\"b\\","c":"d"}`, `{"token":"[redacted]","c":"d"}`},
		{"a configured key", `{"recovery-phrase":"x"}`, `{"recovery-phrase":"[redacted]"}`},
		{"redacted before", `{"token":"[redacted]"}`, ""},
		{"code is no secret", `{"code":"USER_EXISTS","tokenId":"x","mytoken":"y","passwordless":true}`, ""},
		{"a value is no key", `{"a":"token","b":["token","password"],"c":"\"token\":1"}`, ""},
		{"nothing", `{}`, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			in := []byte(tt.in)
			got := eventlog.Redact(in, extra)
			if tt.want == "" {
				if len(got) == 0 || &got[0] != &in[0] {
					t.Errorf("Redact(%s) = %s, a copy", tt.in, got)
				}
				return
			}
			if string(got) != tt.want {
				t.Errorf("Redact(%s)\n got %s\nwant %s", tt.in, got, tt.want)
			}
			if string(in) != tt.in {
				t.Errorf("Redact changed its argument to %s", in)
			}
		})
	}
}

// Every name on the contract's list is covered, as it is written there.
func TestRedactKnowsTheContractsKeys(t *testing.T) {
	for key := range strings.FieldsSeq(`token sessionToken accessToken refreshToken idToken password newPassword
		currentPassword otp secret clientSecret apiKey backupCodes totpUri cookie authorization`) {
		got := string(eventlog.Redact(fmt.Appendf(nil, `{%q:"s3cret"}`, key), nil))
		if want := fmt.Sprintf(`{%q:"[redacted]"}`, key); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

// The one pass over the bytes does what walking the tokens of encoding/json does.
func FuzzRedact(f *testing.F) {
	f.Add(`{"token":"a","b":[{"pass_word":{"x":1}},"otp"]}`)
	f.Add(`{"to\u006ben" : null , "cod\\":"\"otp\":1","apiKey":[{"a":"]"}]}`)
	f.Add(`{"token":`)
	f.Add(`{"recovery-Phrase":1.5e3,"":{"secret":[]}}`)
	f.Add(`{"_-token":[""],"-":1,"_":2,"":3,"ToKEN":"","Totp_Uri" :{},"{oken":"x"}`)
	f.Fuzz(func(t *testing.T, text string) {
		for _, extra := range []map[string]bool{nil, {"recoveryphrase": true}} {
			got := eventlog.Redact([]byte(text), extra)
			if !json.Valid([]byte(text)) {
				continue
			}
			if want := redactByTokens(t, text, extra); string(got) != want {
				t.Errorf("Redact(%q)\n got %q\nwant %q", text, got, want)
			}
			if again := eventlog.Redact(got, extra); !bytes.Equal(again, got) {
				t.Errorf("Redact(%q) = %q", got, again)
			}
		}
	})
}

// redactByTokens is the slow and obvious Redact.
func redactByTokens(t *testing.T, text string, extra map[string]bool) string {
	t.Helper()
	secrets := map[string]bool{}
	maps.Copy(secrets, extra)
	for name := range strings.FieldsSeq(`token sessiontoken accesstoken refreshtoken idtoken password newpassword
		currentpassword otp secret clientsecret apikey backupcodes totpuri cookie authorization`) {
		secrets[name] = true
	}
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber() // a number may be too large for a float64
	var out strings.Builder
	copied := int64(0)
	var value func()
	value = func() {
		token, err := d.Token()
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		delim, _ := token.(json.Delim)
		if delim != '{' && delim != '[' {
			return
		}
		for d.More() {
			if delim == '[' {
				value()
				continue
			}
			key, err := d.Token()
			if err != nil {
				t.Fatalf("%q: %v", text, err)
			}
			if !secrets[eventlog.FoldKey(key.(string))] {
				value()
				continue
			}
			var raw json.RawMessage
			if err := d.Decode(&raw); err != nil {
				t.Fatalf("%q: %v", text, err)
			}
			end := d.InputOffset()
			out.WriteString(text[copied : end-int64(len(raw))])
			out.WriteString(`"[redacted]"`)
			copied = end
		}
		if _, err := d.Token(); err != nil {
			t.Fatalf("%q: %v", text, err)
		}
	}
	value()
	return out.String() + text[copied:]
}
