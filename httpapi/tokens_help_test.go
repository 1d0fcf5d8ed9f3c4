package httpapi_test

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"testing"

	"dashd/internal/tokens"
)

// signer signs tokens.
type signer struct {
	kid     string
	private ed25519.PrivateKey
}

// newSigner makes a signer; the same name is always the same one.
func newSigner(name string) signer {
	seed := sha256.Sum256([]byte(name))
	return signer{name, ed25519.NewKeyFromSeed(seed[:])}
}

// own is dashd itself.
func (d *daemon) own() signer {
	d.t.Helper()
	k := d.access.Image().SigningKeys()[0]
	private, err := k.Private(d.sealer)
	if err != nil {
		d.t.Fatal(err)
	}
	return signer{k.ID, private}
}

// sign makes a token of claims.
func (k signer) sign(claims map[string]any) string {
	header, _ := json.Marshal(map[string]string{"alg": "EdDSA", "kid": k.kid})
	payload, err := json.Marshal(claims)
	if err != nil {
		panic(err) // a test's claims are JSON
	}
	return k.signText(string(header), string(payload))
}

// signText makes a token of any header and payload.
func (k signer) signText(header, payload string) string {
	encode := base64.RawURLEncoding.EncodeToString
	text := encode([]byte(header)) + "." + encode([]byte(payload))
	return text + "." + encode(ed25519.Sign(k.private, []byte(text)))
}

// jwks is the signer's key set.
func (k signer) jwks() string {
	x := base64.RawURLEncoding.EncodeToString(k.private.Public().(ed25519.PublicKey))
	return fmt.Sprintf(`{"keys":[{"kty":"OKP","crv":"Ed25519","kid":%q,"x":%q}]}`, k.kid, x)
}

// token makes a token of an operator for a key, issued a second ago, with further claims.
func (d *daemon) token(key string, claims map[string]any) string {
	hash := sha256.Sum256([]byte(key))
	all := map[string]any{"iat": d.now()/1000 - 1, "apiKeyHash": hex.EncodeToString(hash[:])}
	maps.Copy(all, claims)
	return d.own().sign(all)
}

// applicationOf signs tokens for the users of a project, see keySets.
func applicationOf(project string) signer { return newSigner("application of " + project) }

// userToken makes a token of a user of a project's application.
func (d *daemon) userToken(project, user, organization string) string {
	claims := map[string]any{"iat": d.now()/1000 - 1, "exp": d.now()/1000 + 600, "sub": user}
	if organization != "" {
		claims["activeOrganizationId"] = organization
	}
	return applicationOf(project).sign(claims)
}

// keySets trusts each project's application to sign for its users, and each
// project's platform to sign for operators.
func keySets(t testing.TB, projects ...string) *tokens.Sets {
	t.Helper()
	var sources []tokens.Source
	for _, project := range projects {
		for _, k := range []signer{applicationOf(project), platformOf(project)} {
			file := filepath.Join(t.TempDir(), "jwks.json")
			if err := os.WriteFile(file, []byte(k.jwks()), 0o600); err != nil {
				t.Fatal(err)
			}
			sources = append(sources, tokens.Source{Project: project, Location: file, Users: k.kid == applicationOf(project).kid})
		}
	}
	sets, err := tokens.NewSets(sources, nil, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return sets
}

// platformOf signs tokens of operators for a project, see keySets.
func platformOf(project string) signer { return newSigner("platform of " + project) }
