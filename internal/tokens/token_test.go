package tokens_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"strings"
	"testing"

	"dashd/internal/tokens"
)

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// Keys of all kinds, and the set that publishes them.
var (
	edKey     = ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	rsaKey    = must(rsa.GenerateKey(rand.Reader, 2048))
	ecKey     = must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	published = fmt.Sprintf(`{"keys":[%s,%s,%s]}`, edJWK("ed"),
		fmt.Sprintf(`{"kty":"RSA","kid":"rsa","n":%q,"e":"AQAB","use":"sig"}`, encode(rsaKey.N.Bytes())),
		fmt.Sprintf(`{"kty":"EC","crv":"P-256","kid":"ec","x":%q,"y":%q,"alg":"ES256"}`, fixed(ecKey.X), fixed(ecKey.Y)))
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func fixed(n *big.Int) string { return encode(n.FillBytes(make([]byte, 32))) }

func edJWK(kid string) string {
	return fmt.Sprintf(`{"kty":"OKP","crv":"Ed25519","kid":%q,"x":%q}`, kid, encode(edKey.Public().(ed25519.PublicKey)))
}

// The ways to sign.
func signEd(text []byte) []byte { return ed25519.Sign(edKey, text) }

func signRSA(text []byte) []byte {
	sum := sha256.Sum256(text)
	return must(rsa.SignPKCS1v15(nil, rsaKey, crypto.SHA256, sum[:]))
}

func signEC(text []byte) []byte {
	sum := sha256.Sum256(text)
	r, s, err := ecdsa.Sign(rand.Reader, ecKey, sum[:])
	if err != nil {
		panic(err)
	}
	return append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)
}

func hmacWith(secret []byte) func([]byte) []byte {
	return func(text []byte) []byte {
		mac := hmac.New(sha256.New, secret)
		mac.Write(text)
		return mac.Sum(nil)
	}
}

// token signs a header and a payload as they are.
func token(header, payload string, sign func([]byte) []byte) string {
	text := encode([]byte(header)) + "." + encode([]byte(payload))
	return text + "." + encode(sign([]byte(text)))
}

// verify reports whether a token passes for what the published keys have signed.
func verify(t testing.TB, text string) (tokens.Claims, bool) {
	t.Helper()
	keys, err := tokens.ParseKeys([]byte(published))
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := tokens.Parse(text)
	if err != nil {
		return nil, false
	}
	return parsed.Verify(keys)
}

func TestSignedTokensPass(t *testing.T) {
	for _, tt := range []struct {
		name, header string
		sign         func([]byte) []byte
	}{
		{"EdDSA", `{"alg":"EdDSA","kid":"ed"}`, signEd},
		{"RS256", `{"alg":"RS256","kid":"rsa","typ":"JWT"}`, signRSA},
		{"ES256", `{"alg":"ES256","kid":"ec","typ":"jwt"}`, signEC},
		{"no key named", `{"alg":"ES256"}`, signEC},
	} {
		claims, ok := verify(t, token(tt.header, `{"sub":"ada"}`, tt.sign))
		if sub, _ := claims.Text("sub"); !ok || sub != "ada" {
			t.Errorf("%s: %v, %v", tt.name, claims, ok)
		}
	}
}

// The known ways to get a token past a verifier. None may work.
func TestAttacksAreRefused(t *testing.T) {
	const good, says = `{"alg":"EdDSA","kid":"ed"}`, `{"sub":"ada"}`
	whole := token(good, says, signEd)
	parts := strings.Split(whole, ".")
	none := func([]byte) []byte { return nil }
	public := edKey.Public().(ed25519.PublicKey)
	attacks := map[string]string{
		"empty":                             "",
		"no parts":                          "abc",
		"two parts":                         parts[0] + "." + parts[1],
		"four parts":                        whole + "." + parts[2],
		"five parts, as an encrypted one":   whole + ".a.b",
		"algorithm none":                    token(`{"alg":"none","kid":"ed"}`, says, none),
		"algorithm None":                    token(`{"alg":"None","kid":"ed"}`, says, none),
		"algorithm nOnE with a signature":   token(`{"alg":"nOnE","kid":"ed"}`, says, signEd),
		"no algorithm":                      token(`{"kid":"ed"}`, says, signEd),
		"an algorithm that is null":         token(`{"alg":null,"kid":"ed"}`, says, signEd),
		"an algorithm that is a list":       token(`{"alg":["EdDSA"],"kid":"ed"}`, says, signEd),
		"the algorithm in other letters":    token(`{"alg":"eddsa","kid":"ed"}`, says, signEd),
		"no signature":                      parts[0] + "." + parts[1] + ".",
		"HS256 with the public RSA key":     token(`{"alg":"HS256","kid":"rsa"}`, says, hmacWith(rsaKey.N.Bytes())),
		"HS256 with the public Ed25519 key": token(`{"alg":"HS256","kid":"ed"}`, says, hmacWith(public)),
		"HS256 with the key set":            token(`{"alg":"HS256","kid":"ed"}`, says, hmacWith([]byte(published))),
		"RS256 for an Ed25519 key":          token(`{"alg":"RS256","kid":"ed"}`, says, signEd),
		"EdDSA for an RSA key":              token(`{"alg":"EdDSA","kid":"rsa"}`, says, signRSA),
		"PS256":                             token(`{"alg":"PS256","kid":"rsa"}`, says, signRSA),
		"ES256K":                            token(`{"alg":"ES256K","kid":"ec"}`, says, signEC),
		"an ECDSA signature of zeros":       token(`{"alg":"ES256","kid":"ec"}`, says, func([]byte) []byte { return make([]byte, 64) }),
		"an ECDSA signature in DER": token(`{"alg":"ES256","kid":"ec"}`, says, func(text []byte) []byte {
			sum := sha256.Sum256(text)
			return must(ecdsa.SignASN1(rand.Reader, ecKey, sum[:]))
		}),
		"another's signature": token(good, says, func(text []byte) []byte {
			return ed25519.Sign(ed25519.NewKeyFromSeed([]byte(strings.Repeat("x", 32))), text)
		}),
		"other claims under the signature":     parts[0] + "." + encode([]byte(`{"sub":"eve"}`)) + "." + parts[2],
		"another header under the signature":   encode([]byte(`{"kid":"ed","alg":"EdDSA"}`)) + "." + parts[1] + "." + parts[2],
		"a key id that is a path":              token(`{"alg":"EdDSA","kid":"../../../../dev/null"}`, says, signEd),
		"a key id that is SQL":                 token(`{"alg":"EdDSA","kid":"ed' OR '1'='1"}`, says, signEd),
		"a key id that is a URL":               token(`{"alg":"EdDSA","kid":"https://evil.example/jwks"}`, says, signEd),
		"a key id that is an object":           token(`{"alg":"EdDSA","kid":{"$ne":""}}`, says, signEd),
		"a key id of no key":                   token(`{"alg":"EdDSA","kid":"unknown"}`, says, signEd),
		"it brings its key":                    token(`{"alg":"EdDSA","jwk":`+edJWK("ed")+`}`, says, signEd),
		"it says where its key is":             token(`{"alg":"EdDSA","kid":"ed","jku":"https://evil.example/jwks"}`, says, signEd),
		"it says where its certificate is":     token(`{"alg":"EdDSA","kid":"ed","x5u":"https://evil.example/c"}`, says, signEd),
		"it brings a certificate":              token(`{"alg":"EdDSA","kid":"ed","x5c":["MIIB"]}`, says, signEd),
		"it demands an extension":              token(`{"alg":"EdDSA","kid":"ed","crit":["b64"],"b64":false}`, says, signEd),
		"it is compressed":                     token(`{"alg":"EdDSA","kid":"ed","zip":"DEF"}`, says, signEd),
		"a token of another type":              token(`{"alg":"EdDSA","kid":"ed","typ":"at+jwt"}`, says, signEd),
		"the algorithm twice":                  token(`{"alg":"none","alg":"EdDSA","kid":"ed"}`, says, signEd),
		"a claim twice":                        token(good, `{"sub":"eve","sub":"ada"}`, signEd),
		"a claim twice, deeper":                token(good, `{"sub":"ada","x":{"a":1,"a":2}}`, signEd),
		"claims that are a list":               token(good, `["sub"]`, signEd),
		"claims that are null":                 token(good, `null`, signEd),
		"claims that are no JSON":              token(good, `{"sub":"ada"`, signEd),
		"something behind the claims":          token(good, says+`{"sub":"eve"}`, signEd),
		"claims that are not UTF-8":            token(good, "{\"sub\":\"\xff\"}", signEd),
		"a header that is no JSON":             token(`alg=EdDSA`, says, signEd),
		"huge":                                 token(good, `{"sub":"`+strings.Repeat("a", tokens.MaxSize)+`"}`, signEd),
		"padding":                              whole + "=",
		"a line break in it":                   parts[0] + ".\n" + parts[1] + "." + parts[2],
		"bits that no base64 decoder looks at": looseBits(whole),
	}
	for name, text := range attacks {
		if claims, ok := verify(t, text); ok {
			t.Errorf("%s: passes, with %v", name, claims)
		}
	}
	if _, ok := verify(t, whole); !ok {
		t.Error("the token that the attacks are made of does not pass")
	}
}

// looseBits changes the last character of a token in a bit that is not part of the
// signature: the same token in another spelling.
func looseBits(text string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	last := strings.IndexByte(alphabet, text[len(text)-1])
	return text[:len(text)-1] + string(alphabet[last^1])
}

func TestKeySetsThatAreRefused(t *testing.T) {
	weak := must(rsa.GenerateKey(rand.Reader, 1024))
	for name, text := range map[string]string{
		"no JSON":                     `keys`,
		"no keys":                     `{"keys":[]}`,
		"no set":                      `[]`,
		"a symmetric key":             `{"keys":[{"kty":"oct","k":"c2VjcmV0","kid":"a"}]}`,
		"a private key":               `{"keys":[{"kty":"OKP","crv":"Ed25519","x":"` + encode(edKey.Public().(ed25519.PublicKey)) + `","d":"` + encode(edKey.Seed()) + `"}]}`,
		"an RSA key of 1024 bits":     `{"keys":[{"kty":"RSA","n":"` + encode(weak.N.Bytes()) + `","e":"AQAB"}]}`,
		"a key for encryption":        `{"keys":[{"kty":"OKP","crv":"Ed25519","use":"enc","x":"` + encode(edKey.Public().(ed25519.PublicKey)) + `"}]}`,
		"a key for another algorithm": `{"keys":[{"kty":"OKP","crv":"Ed25519","alg":"RS256","x":"` + encode(edKey.Public().(ed25519.PublicKey)) + `"}]}`,
		"a curve that is not taken":   `{"keys":[{"kty":"EC","crv":"P-384","x":"AA","y":"AA"}]}`,
		"a point off the curve":       `{"keys":[{"kty":"EC","crv":"P-256","x":"` + fixed(big.NewInt(1)) + `","y":"` + fixed(big.NewInt(1)) + `"}]}`,
		"too many keys":               `{"keys":[` + strings.Repeat(edJWK("a")+",", 64) + edJWK("b") + `]}`,
	} {
		if keys, err := tokens.ParseKeys([]byte(text)); err == nil {
			t.Errorf("%s: %d keys", name, len(keys))
		}
	}
}

func TestTimes(t *testing.T) {
	const now = 1_750_000_000
	for _, tt := range []struct {
		claims string
		good   bool
	}{
		{`{}`, true},
		{fmt.Sprintf(`{"exp":%d}`, now+1), true},
		{fmt.Sprintf(`{"exp":%d}`, now-59), true},
		{fmt.Sprintf(`{"exp":%d}`, now-60), false},
		{fmt.Sprintf(`{"exp":%d.5}`, now-60), true},
		{fmt.Sprintf(`{"nbf":%d}`, now+60), true},
		{fmt.Sprintf(`{"nbf":%d}`, now+61), false},
		{fmt.Sprintf(`{"iat":%d}`, now+61), false},
		{fmt.Sprintf(`{"exp":"%d"}`, now+100), false},
		{`{"exp":null}`, false},
		{`{"exp":1e400}`, false},
		{`{"exp":1e300}`, false},
		{`{"nbf":-1e300}`, false},
		{`{"exp":[1]}`, false},
	} {
		var claims tokens.Claims
		if err := json.Unmarshal([]byte(tt.claims), &claims); err != nil {
			t.Fatal(err)
		}
		if err := claims.CheckTimes(now * 1000); (err == nil) != tt.good {
			t.Errorf("%s: %v", tt.claims, err)
		}
	}
}

// Whatever the text, it does not pass unless the key has signed it.
func FuzzParse(f *testing.F) {
	f.Add(token(`{"alg":"EdDSA","kid":"ed"}`, `{"sub":"ada"}`, func([]byte) []byte { return make([]byte, 64) }))
	f.Add(`eyJhbGciOiJub25lIn0.e30.`)
	f.Add(`..`)
	keys, err := tokens.ParseKeys([]byte(`{"keys":[` + edJWK("ed") + `]}`))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string) {
		parsed, err := tokens.Parse(text)
		if err != nil {
			return
		}
		if claims, ok := parsed.Verify(keys); ok {
			t.Errorf("%q passes with %v", text, claims)
		}
	})
}
