package projections

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/go-jose/go-jose/v4"

	"dashd/eventlog"
	"dashd/internal/errs"
	"dashd/internal/seal"
)

const algEdDSA = string(jose.EdDSA)

// emptyJWKS is a key set without keys. It is harmless to applications; an answer
// that is no key set would end their process.
var emptyJWKS = []byte(`{"keys":[]}`)

// SigningKey is a key dashd signs tokens for applications with.
type SigningKey struct {
	ID        string // RFC 7638 thumbprint: the kid of tokens and of the key set
	Public    ed25519.PublicKey
	CreatedAt time.Time

	box []byte // the private part
}

// makeSigningKey derives the id from the public key, so that the two cannot disagree.
func makeSigningKey(public []byte) (SigningKey, error) {
	if len(public) != ed25519.PublicKeySize {
		return SigningKey{}, fmt.Errorf("a public key of %d bytes", len(public))
	}
	jwk := jose.JSONWebKey{Key: ed25519.PublicKey(public)}
	sum, err := jwk.Thumbprint(crypto.SHA256)
	if err != nil {
		return SigningKey{}, fmt.Errorf("thumbprint: %w", err)
	}
	return SigningKey{ID: base64.RawURLEncoding.EncodeToString(sum), Public: public}, nil
}

// SealSigningKey makes what an eventlog.DashdSigningKeyCreated event says about a
// private key: the metadata, and the box that holds the key.
func SealSigningKey(s *seal.Sealer, private ed25519.PrivateKey) (SigningKeyMeta, []byte, error) {
	public := private.Public().(ed25519.PublicKey)
	k, err := makeSigningKey(public)
	if err != nil {
		return SigningKeyMeta{}, nil, err
	}
	meta := SigningKeyMeta{Key: k.ID, Alg: algEdDSA, Public: base64.RawURLEncoding.EncodeToString(public)}
	return meta, s.Box(k.object(), private.Seed()), nil
}

// object is what the box of k is bound to.
func (k SigningKey) object() seal.Object {
	return seal.Object{Class: seal.SigningKey, Project: eventlog.ReservedProject, ID: k.ID}
}

// Private opens the private part. It is for one signature, not for keeping.
func (k SigningKey) Private(s *seal.Sealer) (ed25519.PrivateKey, error) {
	seed, err := s.Open(k.object(), k.box)
	if err != nil {
		return nil, fmt.Errorf("signing key %s: %w", k.ID, err)
	}
	if len(seed) != ed25519.SeedSize {
		return nil, fmt.Errorf("signing key %s: a seed of %d bytes", k.ID, len(seed))
	}
	private := ed25519.NewKeyFromSeed(seed)
	if !bytes.Equal(private.Public().(ed25519.PublicKey), k.Public) {
		return nil, fmt.Errorf("signing key %s: private and public part differ", k.ID)
	}
	return private, nil
}

// SigningKeys lists the signing keys, oldest first. The slice must not be changed.
func (m *AccessImage) SigningKeys() []SigningKey { return m.signing }

// JWKS is the key set (RFC 7517) of all signing keys, as JSON. It is always a key
// set, also before anything has been folded. The bytes must not be changed.
func (m *AccessImage) JWKS() []byte { return m.jwks }

// CheckSealer finds out at start whether this node has the cluster's key: the
// sealed signing keys, which every cluster has in its log, must open with it. If
// they do not, the node must not start (errs.ExitIdentity): it could read no secret,
// and what it seals no other node could read. It says nothing about an image
// without signing keys.
func (m *AccessImage) CheckSealer(s *seal.Sealer) error {
	for _, k := range m.signing {
		_, err := k.Private(s)
		if errors.Is(err, seal.ErrNotOpened) {
			return errs.Stop(errs.ExitIdentity, fmt.Errorf(
				"%s is not the key of this cluster; put back the file the cluster was started with: %w", seal.KeyFile, err))
		}
		if err != nil {
			return errs.Stop(errs.ExitIntegrity, err)
		}
	}
	return nil
}

func encodeJWKS(keys []SigningKey) []byte {
	if len(keys) == 0 {
		return emptyJWKS
	}
	var set jose.JSONWebKeySet
	for _, k := range keys {
		set.Keys = append(set.Keys, jose.JSONWebKey{Key: k.Public, KeyID: k.ID, Algorithm: algEdDSA, Use: "sig"})
	}
	text, err := json.Marshal(set)
	if err != nil {
		panic(err) // makeSigningKey lets no key pass that has no JSON form
	}
	return text
}
