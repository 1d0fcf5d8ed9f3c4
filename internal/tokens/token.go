package tokens

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
	"unicode/utf8"

	strict "github.com/go-jose/go-jose/v4/json"
)

// MaxSize is how long a token may be.
const MaxSize = 8 << 10

// Token is a token whose signature has not been looked at.
type Token struct {
	kid, alg  string
	signed    []byte // what the signature is for
	payload   []byte
	signature []byte
}

// header is everything a token's header may hold. One that says more wants something of
// the verifier: to fetch a key, to trust one it brings, to understand an extension.
type header struct {
	Alg string `json:"alg"`
	Kid string `json:"kid"`
	Typ string `json:"typ"`
}

// LooksSigned reports whether a credential has the form of a token: three parts, the first
// of which begins a JSON object.
func LooksSigned(text string) bool {
	return strings.HasPrefix(text, "ey") && strings.Count(text, ".") == 2
}

// Parse takes a token apart. Only the compact form is taken.
func Parse(text string) (*Token, error) {
	if len(text) > MaxSize {
		return nil, fmt.Errorf("a token of %d bytes", len(text))
	}
	parts := strings.Split(text, ".")
	if len(parts) != 3 {
		return nil, errors.New("not three parts")
	}
	var decoded [3][]byte
	for i, part := range parts {
		var err error
		if decoded[i], err = base64.RawURLEncoding.Strict().DecodeString(part); err != nil {
			return nil, fmt.Errorf("part %d: %w", i+1, err)
		}
	}
	var says map[string]strict.RawMessage
	if err := strict.Unmarshal(decoded[0], &says); err != nil {
		return nil, fmt.Errorf("header: %w", err)
	}
	for name := range says {
		if name != "alg" && name != "kid" && name != "typ" {
			return nil, errors.New("the header says more than alg, kid and typ")
		}
	}
	var h header
	if err := strict.Unmarshal(decoded[0], &h); err != nil {
		return nil, fmt.Errorf("header: %w", err)
	}
	if h.Alg != EdDSA && h.Alg != RS256 && h.Alg != ES256 {
		return nil, errors.New("the algorithm is not taken")
	}
	if h.Typ != "" && !strings.EqualFold(h.Typ, "JWT") {
		return nil, errors.New("a token of another type")
	}
	return &Token{
		kid: h.Kid, alg: h.Alg,
		signed:  []byte(parts[0] + "." + parts[1]),
		payload: decoded[1], signature: decoded[2],
	}, nil
}

// Verify returns the claims if one of the keys has signed the token: the one it names, or
// any if it names none.
func (t *Token) Verify(keys []Key) (Claims, bool) {
	for _, k := range keys {
		if k.alg != t.alg || t.kid != "" && k.ID != t.kid || !k.signed(t.signed, t.signature) {
			continue
		}
		claims, err := parseClaims(t.payload)
		return claims, err == nil
	}
	return nil, false
}

// parseClaims reads a JSON object in which no name stands twice, at any depth.
func parseClaims(payload []byte) (Claims, error) {
	if !utf8.Valid(payload) {
		return nil, errors.New("not UTF-8")
	}
	var all map[string]any // a RawMessage would hide what is twice in it
	if err := strict.Unmarshal(payload, &all); err != nil {
		return nil, err
	}
	var claims Claims
	if err := json.Unmarshal(payload, &claims); err != nil || claims == nil {
		return nil, errors.New("the claims are no object")
	}
	return claims, nil
}

// Claims are what a token says. No name is there twice.
type Claims map[string]json.RawMessage

// Text returns a claim that is a string, and whether it is one.
func (c Claims) Text(name string) (string, bool) {
	text, ok := c[name]
	if !ok || len(text) == 0 || text[0] != '"' {
		return "", false
	}
	var value string
	err := json.Unmarshal(text, &value)
	return value, err == nil
}

// Seconds returns a claim that is a time in seconds since 1970, and whether it is there.
func (c Claims) Seconds(name string) (value float64, there bool, err error) {
	text, there := c[name]
	if !there {
		return 0, false, nil
	}
	if err := json.Unmarshal(text, &value); err != nil || math.Abs(value) > 1<<53 || string(text) == "null" {
		return 0, true, fmt.Errorf("the claim %s is no time", name)
	}
	return value, true, nil
}

// Leeway is how far two clocks may be apart, in seconds.
const Leeway = 60

// CheckTimes refuses claims that are not valid yet or any more, as of now (ms): exp and
// nbf where they are there, and an iat in the future.
func (c Claims) CheckTimes(now int64) error {
	seconds := float64(now) / 1000
	for _, limit := range []struct {
		name string
		good func(float64) bool
	}{
		{"exp", func(t float64) bool { return seconds < t+Leeway }},
		{"nbf", func(t float64) bool { return seconds >= t-Leeway }},
		{"iat", func(t float64) bool { return seconds >= t-Leeway }},
	} {
		t, there, err := c.Seconds(limit.name)
		if err != nil {
			return err
		}
		if there && !limit.good(t) {
			return fmt.Errorf("not valid by its %s", limit.name)
		}
	}
	return nil
}
