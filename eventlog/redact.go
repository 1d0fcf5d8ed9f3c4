package eventlog

import "bytes"

// Redacted stands in the log where a secret was sent.
const Redacted = "[redacted]"

const redactedJSON = `"` + Redacted + `"`

// Redact returns metadata (a valid JSON object) with the values of secret-named
// keys replaced, at any depth. It returns its argument if there is nothing to
// redact, and copies everything else byte for byte. extra holds further key names,
// as FoldKey gives them; the built-in ones always apply.
func Redact(metadata []byte, extra map[string]bool) []byte {
	var out []byte
	copied := 0 // metadata[:copied] is in out
	for i := 0; ; {
		quote := nextQuote(metadata, i)
		if quote == len(metadata) {
			break
		}
		start := quote + 1
		end, escaped := stringEnd(metadata, start)
		// A string is a key if a colon follows, wherever it stands.
		i = skipSpace(metadata, end+1)
		if i >= len(metadata) || metadata[i] != ':' || !isSecret(metadata[start:end], escaped, extra) {
			continue
		}
		value := skipSpace(metadata, i+1)
		i = skipValue(metadata, value)
		if string(metadata[value:i]) == redactedJSON {
			continue
		}
		if out == nil {
			out = make([]byte, 0, len(metadata)+2*len(redactedJSON))
		}
		out = append(out, metadata[copied:value]...)
		out = append(out, redactedJSON...)
		copied = i
	}
	if out == nil {
		return metadata
	}
	return append(out, metadata[copied:]...)
}

// nextQuote returns the position of the first quote from i on, or len(text). Most
// often it is behind the colon or comma at i.
func nextQuote(text []byte, i int) int {
	if i+1 < len(text) && text[i] != '"' && text[i+1] == '"' {
		return i + 1
	}
	if i < len(text) {
		if n := bytes.IndexByte(text[i:], '"'); n >= 0 {
			return i + n
		}
	}
	return len(text)
}

// FoldKey gives the form in which key names are compared for redaction: ASCII
// letters in lower case, without "_" and "-".
func FoldKey(key string) string { return string(appendFolded(nil, []byte(key))) }

func appendFolded(dst, key []byte) []byte {
	for _, c := range key {
		switch {
		case c == '_' || c == '-':
		case 'A' <= c && c <= 'Z':
			dst = append(dst, c+('a'-'A'))
		default:
			dst = append(dst, c)
		}
	}
	return dst
}

// isSecret reports whether the values of a key, given as the inside of its JSON
// string, are to be redacted.
func isSecret(key []byte, escaped bool, extra map[string]bool) bool {
	if !escaped && len(extra) == 0 && (len(key) == 0 || !secretInitials[key[0]]) {
		return false // most often
	}
	var unquoted, folded [64]byte
	if escaped {
		key = appendUnquoted(unquoted[:0], key)
	}
	name := appendFolded(folded[:0], key)
	switch string(name) {
	case "token", "sessiontoken", "accesstoken", "refreshtoken", "idtoken",
		"password", "newpassword", "currentpassword", "otp", "secret",
		"clientsecret", "apikey", "backupcodes", "totpuri", "cookie", "authorization":
		return true
	}
	return extra[string(name)]
}

// secretInitials are the bytes that a key of isSecret may begin with.
var secretInitials = byteSet("abcinoprstABCINOPRST_-")
