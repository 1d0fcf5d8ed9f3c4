package tokens

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/big"

	"github.com/go-jose/go-jose/v4"
	strict "github.com/go-jose/go-jose/v4/json" // refuses an object that has a key twice
)

// The algorithms that are taken. None is symmetric.
const (
	EdDSA = "EdDSA" // with Ed25519
	RS256 = "RS256"
	ES256 = "ES256"
)

// Limits of a key set.
const (
	maxKeys    = 64
	minRSABits = 2048
	maxRSABits = 8192 // a longer one only costs time
)

// Key is a public key with the one algorithm it is for.
type Key struct {
	ID     string
	alg    string
	public crypto.PublicKey
}

// NewKey makes a key of an Ed25519 public key.
func NewKey(id string, public ed25519.PublicKey) Key { return Key{id, EdDSA, public} }

// ParseKeys reads a key set (RFC 7517). Keys that are not for signatures, or not of a kind
// that is taken, are left out; a set without any other is an error, and so is a private
// key, which nobody should have published.
func ParseKeys(text []byte) ([]Key, error) {
	var set struct {
		Keys []strict.RawMessage `json:"keys"`
	}
	if err := strict.Unmarshal(text, &set); err != nil {
		return nil, fmt.Errorf("not a key set: %w", err)
	}
	if len(set.Keys) > maxKeys {
		return nil, fmt.Errorf("a key set of %d keys, more than %d", len(set.Keys), maxKeys)
	}
	var keys []Key
	for _, text := range set.Keys {
		var k jose.JSONWebKey
		if k.UnmarshalJSON(text) != nil || k.Use != "" && k.Use != "sig" {
			continue
		}
		if !k.IsPublic() {
			return nil, errors.New("the key set holds a private key")
		}
		alg := algorithmOf(k.Key)
		if alg != "" && (k.Algorithm == "" || k.Algorithm == alg || k.Algorithm == "Ed25519" && alg == EdDSA) {
			keys = append(keys, Key{k.KeyID, alg, k.Key})
		}
	}
	if len(keys) == 0 {
		return nil, errors.New("the key set holds no key for " + EdDSA + ", " + RS256 + " or " + ES256)
	}
	return keys, nil
}

// algorithmOf is the algorithm for a key, or "".
func algorithmOf(key any) string {
	switch k := key.(type) {
	case ed25519.PublicKey:
		return EdDSA
	case *rsa.PublicKey:
		if bits := k.N.BitLen(); bits >= minRSABits && bits <= maxRSABits {
			return RS256
		}
	case *ecdsa.PublicKey:
		if k.Curve == elliptic.P256() {
			return ES256
		}
	}
	return ""
}

// signed reports whether signature is the key's for text.
func (k Key) signed(text, signature []byte) bool {
	sum := sha256.Sum256(text)
	switch public := k.public.(type) {
	case ed25519.PublicKey:
		return ed25519.Verify(public, text, signature)
	case *rsa.PublicKey:
		return rsa.VerifyPKCS1v15(public, crypto.SHA256, sum[:], signature) == nil
	case *ecdsa.PublicKey:
		if len(signature) != 64 {
			return false
		}
		r, s := new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:])
		return ecdsa.Verify(public, sum[:], r, s)
	}
	return false
}
