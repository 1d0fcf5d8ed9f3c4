package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
)

// KeySize is the length of a cluster key and of the keys derived from it.
const KeySize = 32

// Key is a cluster key.
type Key [KeySize]byte

// String hides the key from log lines and error messages.
func (Key) String() string { return "cluster key" }

// GoString is String: %#v must not show the key either.
func (k Key) GoString() string { return k.String() }

// Class is a kind of secret. Each has a key of its own. The names are in boxes
// on disk, as part of what they are bound to: never rename one.
type Class string

// The classes.
const (
	SigningKey Class = "signing-key" // private keys that sign tokens for applications
	Password   Class = "password"    // hashes of users' passwords; the id is the account's
	TwoFactor  Class = "two-factor"  // TOTP secrets and hashes of backup codes; the id is the user's
	SSO        Class = "sso"         // client secrets and private keys of SSO providers; the id is the row's
	Drain      Class = "drain"       // configurations of log drains; the id is the drain's
	CA         Class = "ca"          // the private key that signs nodes' certificates; the id is the cluster's
	Request    Class = "request"     // what an Idempotency-Key stands for (MAC only); the id is the API key's
)

// Object names what a secret belongs to.
type Object struct {
	Class   Class
	Project string
	ID      string // unique within Class and Project
}

// ErrNotOpened says that a box and what it was opened with do not belong
// together: another cluster key or object, or changed bytes. Which of them it
// was cannot be known.
var ErrNotOpened = errors.New("sealed box does not open")

// Sealer makes and opens boxes. It is immutable and safe for concurrent use.
type Sealer struct{ key Key }

// New returns a sealer that uses the cluster key.
func New(key Key) *Sealer { return &Sealer{key: key} }

// Format 1 of a box:
//
//	byte  0      1, the format
//	bytes 1-12   nonce, random
//	bytes 13-    AES-256-GCM of the secret, with its 16-byte tag at the end
//
// The key is HKDF-SHA-256(cluster key, info = "dashd seal 1 " || class). The
// additional data is the format byte, then class, project and id, each with its
// length in front as a big-endian uint32.
//
// Nonces are random, which is safe for 2^32 boxes of one class under one cluster key.
const (
	format1  = 1
	overhead = 1 + 12 + 16
)

// Box seals a secret. The box tells nothing about it but its length.
func (s *Sealer) Box(o Object, secret []byte) []byte {
	box := make([]byte, 1, overhead+len(secret))
	box[0] = format1
	return s.aead(o.Class).Seal(box, nil, secret, additional(o))
}

// Open returns the secret in a box made for the same object. It fails with
// ErrNotOpened.
func (s *Sealer) Open(o Object, box []byte) ([]byte, error) {
	if len(box) < overhead {
		return nil, fmt.Errorf("%w: %d bytes is too short", ErrNotOpened, len(box))
	}
	if box[0] != format1 {
		return nil, fmt.Errorf("%w: unknown format %d", ErrNotOpened, box[0])
	}
	secret, err := s.aead(o.Class).Open(nil, nil, box[1:], additional(o))
	if err != nil {
		return nil, ErrNotOpened
	}
	return secret, nil
}

// MAC authenticates a text for one object: without the cluster key nobody can make it,
// nor try out which text it belongs to. Class is that of the use, and its key is none
// that seals.
func (s *Sealer) MAC(o Object, text []byte) [sha256.Size]byte {
	key, err := hkdf.Key(sha256.New, s.key[:], nil, "dashd mac 1 "+string(o.Class), KeySize)
	if err != nil {
		panic(err) // only for a length that SHA-256 cannot give
	}
	h := hmac.New(sha256.New, key)
	h.Write(additional(o)) // its lengths say where the text begins
	h.Write(text)
	return [sha256.Size]byte(h.Sum(nil))
}

// aead derives the key of a class. Deriving costs less than two microseconds,
// and boxes are opened one at a time, so no key is kept longer than needed.
func (s *Sealer) aead(c Class) cipher.AEAD {
	key, err := hkdf.Key(sha256.New, s.key[:], nil, "dashd seal 1 "+string(c), KeySize)
	if err != nil {
		panic(err) // only for a length that SHA-256 cannot give
	}
	b, err := aes.NewCipher(key)
	if err != nil {
		panic(err) // only for a wrong key length
	}
	gcm, err := cipher.NewGCMWithRandomNonce(b)
	if err != nil {
		panic(err) // only for a block size other than that of AES
	}
	return gcm
}

// additional is what a box is bound to, without ambiguity: the lengths keep
// ("a", "bc") apart from ("ab", "c").
func additional(o Object) []byte {
	parts := [...]string{string(o.Class), o.Project, o.ID}
	data := []byte{format1}
	for _, p := range parts {
		data = binary.BigEndian.AppendUint32(data, uint32(len(p)))
		data = append(data, p...)
	}
	return data
}
