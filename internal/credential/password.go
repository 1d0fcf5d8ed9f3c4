package credential

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/hex"
	"strings"

	"golang.org/x/crypto/scrypt"
	"golang.org/x/text/unicode/norm"
)

// The parameters of Better Auth's scrypt. One hash takes 128*cost*blockSize bytes,
// which are 32 MiB, and some 100 ms.
const (
	cost      = 1 << 14
	blockSize = 16
	parallel  = 1
	keySize   = 64
	saltSize  = 16
)

// HashPassword returns the stored form of a password:
//
//	<32 hex digits>:<128 hex digits>
//	salt             scrypt of the password in NFKC
//
// The salt that scrypt is given is the text of the digits, not the bytes they stand
// for.
func HashPassword(password string) string {
	var random [saltSize]byte
	_, _ = rand.Read(random[:]) // never fails
	salt := hex.EncodeToString(random[:])
	return salt + ":" + hex.EncodeToString(derive(password, salt))
}

// VerifyPassword reports whether a stored form is that of the password.
func VerifyPassword(stored, password string) bool {
	salt, digits, _ := strings.Cut(stored, ":")
	key, err := hex.DecodeString(digits)
	if err != nil || salt == "" || len(key) != keySize {
		return false
	}
	return subtle.ConstantTimeCompare(key, derive(password, salt)) == 1
}

func derive(password, salt string) []byte {
	key, err := scrypt.Key(norm.NFKC.Bytes([]byte(password)), []byte(salt), cost, blockSize, parallel, keySize)
	if err != nil {
		panic(err) // only for parameters that scrypt does not have
	}
	return key
}
