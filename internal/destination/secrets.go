package destination

import (
	"encoding/base64"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
)

const (
	masked = "****"
	// From this length on, a mask shows the last four characters: of anything shorter they
	// would be too much.
	tellable = 12
)

// mask is what is shown of a secret.
func mask(secret string) string {
	characters := []rune(secret)
	if len(characters) < tellable {
		return masked
	}
	return masked + string(characters[len(characters)-4:])
}

// unmask returns what a text that was sent stands for: itself, or the one of the
// stored secrets whose mask it is.
func (f *fields) unmask(path, text string, moved bool, stored ...string) string {
	if !strings.HasPrefix(text, masked) {
		return text
	}
	for _, s := range stored {
		if s == "" || text != mask(s) {
			continue
		}
		if moved {
			f.refuse(path, resendReason)
		}
		return s
	}
	f.refuse(path, maskReason)
	return ""
}

// credential returns a required secret that is sent to the destination. moved says
// that it is not the one that the stored secret was meant for.
func (f *fields) credential(name, required, stored string, moved bool) string {
	text := f.read(name, f.members[name])
	if text == "" {
		f.refuse(name, required)
	}
	if !validHeader(text) {
		f.refuse(name, "Control characters are not allowed")
	}
	return f.unmask(name, text, moved, stored)
}

// signing returns a secret that signs.
func (f *fields) signing(name string, stored ...string) string {
	text, given := f.text(name)
	if !given || text == "" {
		return ""
	}
	if text = f.unmask(name, text, false, stored...); f.wrong != nil {
		return ""
	}
	if len(text) < minSecret {
		f.refuse(name, "Too small: expected string to have >="+strconv.Itoa(minSecret)+" characters")
	}
	if encoded, ok := strings.CutPrefix(text, keyPrefix); ok {
		if key, err := base64.StdEncoding.DecodeString(encoded); err != nil || len(key) < minSecret {
			f.refuse(name, "After whsec_ a secret is the base64 text of at least "+strconv.Itoa(minSecret)+" bytes")
		}
	}
	return text
}

// signingKey is the key that a secret stands for: as with the libraries of Standard Webhooks,
// what follows whsec_ is base64. Anything else is the key itself.
func signingKey(secret string) []byte {
	if encoded, ok := strings.CutPrefix(secret, keyPrefix); ok {
		if key, err := base64.StdEncoding.DecodeString(encoded); err == nil {
			return key
		}
	}
	return []byte(secret)
}

// headers returns the headers that are sent along.
func (f *fields) headers(stored map[string]string, moved bool) map[string]string {
	value, given := f.members["headers"]
	if !given {
		return nil
	}
	var members map[string]json.RawMessage
	if kind := kindOf(value); kind != "object" {
		f.refuse("headers", "Invalid input: expected object, received "+kind)
		return nil
	}
	if err := json.Unmarshal(value, &members); err != nil || len(members) > maxHeaders {
		f.refuse("headers", "Too big: expected at most "+strconv.Itoa(maxHeaders)+" headers")
		return nil
	}
	headers, names := map[string]string{}, map[string]bool{}
	for _, name := range slices.Sorted(maps.Keys(members)) { // the first violation is always the same
		path := "headers." + name
		text := f.read(path, members[name])
		folded := strings.ToLower(name)
		switch {
		case !allowedHeader(name):
			f.refuse(path, "This header cannot be set: Authorization, Accept, User-Agent, Api-Key and those that begin with X- can")
		case names[folded]:
			f.refuse(path, "This header is given twice")
		case !validHeader(text):
			f.refuse(path, "Control characters are not allowed")
		}
		names[folded] = true
		if sensitiveHeader(name) {
			text = f.unmaskHeader(path, name, text, stored, moved)
		}
		headers[name] = text
	}
	if len(headers) == 0 {
		return nil
	}
	return headers
}

func (f *fields) unmaskHeader(path, name, text string, stored map[string]string, moved bool) string {
	if text != masked {
		return text
	}
	for known, secret := range stored {
		if strings.EqualFold(known, name) {
			if moved {
				f.refuse(path, resendReason)
			}
			return secret
		}
	}
	f.refuse(path, maskReason)
	return ""
}

// allowedHeader reports whether a tenant may set a header. Those that frame the message,
// name its receiver, or say who has sent it on the way, are not his.
func allowedHeader(name string) bool {
	if name == "" || strings.ContainsFunc(name, func(r rune) bool {
		return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || r == '-' || r == '_')
	}) {
		return false
	}
	switch name = strings.ToLower(name); name {
	case "authorization", "accept", "user-agent", "api-key":
		return true
	}
	return strings.HasPrefix(name, "x-") && !strings.HasPrefix(name, "x-forwarded-") && name != "x-real-ip" &&
		name != "x-http-method-override"
}

// validHeader reports whether a text can be the value of a header.
func validHeader(text string) bool { return !hasControl(text) }

// sensitiveHeader reports whether the value of a header is not shown: its name sounds
// like that of a credential.
func sensitiveHeader(name string) bool {
	name = strings.ToLower(name)
	return slices.ContainsFunc([]string{"auth", "key", "token", "secret", "password", "signature", "cookie", "credential"},
		func(word string) bool { return strings.Contains(name, word) })
}

// Masked returns the JSON text of the config as it may be shown.
func (c *Config) Masked() json.RawMessage {
	shown := *c
	for _, secret := range []*string{&shown.Secret, &shown.PreviousSecret, &shown.APIKey, &shown.HECToken} {
		if *secret != "" {
			*secret = mask(*secret)
		}
	}
	shown.Headers = maps.Clone(c.Headers)
	for name := range shown.Headers {
		if sensitiveHeader(name) {
			shown.Headers[name] = masked
		}
	}
	return shown.Encode()
}
