package commands

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"hash/crc32"
	"math/big"
	"strings"
)

// The text of an API key:
//
//	dash_ mfrggzdf _ 3kqV…(43) 0aB9xZ
//	      key id     secret    check
//
// The secret is 32 random bytes in base62. The check is the CRC-32 of all before
// it in base62: a scanner for leaked secrets, or a person who mistyped, needs no
// server to tell a key from something that resembles one.
const (
	keyPrefix    = "dash_"
	keyIDLength  = 8
	secretSize   = 32
	secretLength = 43 // 62^43 > 2^256
	checkLength  = 6  // 62^6 > 2^32
)

// newKeyText makes an API key with the given id.
func newKeyText(id string) string {
	var secret [secretSize]byte
	rand.Read(secret[:]) // never fails: the program ends instead
	return formatKey(id, secret)
}

func formatKey(id string, secret [secretSize]byte) string {
	body := keyPrefix + id + "_" + base62(new(big.Int).SetBytes(secret[:]), secretLength)
	check := crc32.ChecksumIEEE([]byte(body))
	return body + base62(new(big.Int).SetUint64(uint64(check)), checkLength)
}

// base62 writes n with leading zeros.
func base62(n *big.Int, length int) string {
	digits := n.Text(62)
	return strings.Repeat("0", length-len(digits)) + digits
}

// keyID makes the id of a key: random, or for a request that can be repeated always
// the same.
func keyID(request string) string {
	var b [sha256.Size]byte
	if request == "" {
		rand.Read(b[:])
	} else {
		b = sha256.Sum256([]byte(request))
	}
	return strings.ToLower(base32.StdEncoding.EncodeToString(b[:])[:keyIDLength])
}
