package peer

import (
	"encoding/base64"
	"encoding/binary"
	"hash/crc32"
	"log/slog"
	"net"
	"strings"

	"dashd/internal/errs"
)

// Token is what an operator carries from the cluster to a machine that shall join it.
// Whoever holds it may join once, until it expires; it is a secret, and a log line
// shows only its id.
//
// Its text is one line, "dashd-join-1_" and the base64url, without padding, of
//
//	id         1 byte of length and the text
//	secret     32 bytes
//	cluster    1 byte of length and the text
//	CA         32 bytes, SHA-256 of the authority's certificate
//	addresses  1 byte, how many; of each 1 byte of length and the text
//	CRC-32C    4 bytes, big endian, of all before
type Token struct {
	ID      string
	Secret  [32]byte
	Cluster string
	// CA is the Fingerprint of the cluster's authority.
	CA [32]byte
	// Addresses of cluster ports, asked in this order.
	Addresses []string
}

const (
	tokenPrefix  = "dashd-join-1_"
	maxAddresses = 16
	maxToken     = 8 << 10
	// MaxAddress bounds an address in bytes: its length is one of them.
	MaxAddress = 255
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// check returns an error unless the token can be written down.
func (t Token) check() error {
	if !ValidID(t.ID) || !ValidID(t.Cluster) {
		return errs.New(errs.Invalid, CodeToken, "a join token has the id of a token and of a cluster")
	}
	if len(t.Addresses) == 0 || len(t.Addresses) > maxAddresses {
		return errs.New(errs.Invalid, CodeToken, "a join token has 1 to %d addresses", maxAddresses)
	}
	for _, addr := range t.Addresses {
		host, port, err := net.SplitHostPort(addr)
		if err != nil || host == "" || port == "" || len(addr) > MaxAddress || addr != printable(addr, MaxAddress) || strings.Contains(addr, " ") {
			return errs.New(errs.Invalid, CodeToken, "%.300q is no address of a node: host:port", addr)
		}
	}
	return nil
}

// String is the token's text, the secret included: show it to the operator and to
// nobody else. It is "" if the token is not complete.
func (t Token) String() string {
	if t.check() != nil {
		return ""
	}
	text := func(b []byte, s string) []byte { return append(append(b, byte(len(s))), s...) }
	b := text(nil, t.ID)
	b = append(b, t.Secret[:]...)
	b = text(b, t.Cluster)
	b = append(b, t.CA[:]...)
	b = append(b, byte(len(t.Addresses)))
	for _, addr := range t.Addresses {
		b = text(b, addr)
	}
	b = binary.BigEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
	return tokenPrefix + base64.RawURLEncoding.EncodeToString(b)
}

// LogValue keeps the secret out of logs.
func (t Token) LogValue() slog.Value { return slog.StringValue("join token " + t.ID) }

// ParseToken reads a token's text. An error says whether it is a token that was not
// copied as it is, or none at all. It shows nothing of the text.
func ParseToken(text string) (Token, error) {
	text = strings.TrimSpace(text)
	encoded, ok := strings.CutPrefix(text, tokenPrefix)
	if !ok {
		return Token{}, errs.New(errs.Invalid, CodeToken, "that is no join token: one begins with %s", tokenPrefix)
	}
	if len(text) > maxToken {
		return Token{}, errs.New(errs.Invalid, CodeToken, "that is no join token: it has %d characters", len(text))
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(encoded)
	if err != nil || len(b) < 4 || strings.ContainsAny(encoded, "\r\n") {
		return Token{}, mistyped()
	}
	b, sum := b[:len(b)-4], binary.BigEndian.Uint32(b[len(b)-4:])
	if crc32.Checksum(b, castagnoli) != sum {
		return Token{}, mistyped()
	}
	t, ok := decodeToken(b)
	if !ok {
		return Token{}, errs.New(errs.Invalid, CodeToken, "that is no join token of this version of dashd")
	}
	if err := t.check(); err != nil {
		return Token{}, err
	}
	return t, nil
}

func mistyped() error {
	return errs.New(errs.Invalid, CodeToken, "the join token has a typing error, or a part of it is missing: copy all of the line")
}

// decodeToken is the inverse of what String encodes.
func decodeToken(b []byte) (t Token, ok bool) {
	take := func(n int) []byte {
		if len(b) < n {
			ok = false
			return make([]byte, n)
		}
		var field []byte
		field, b = b[:n], b[n:]
		return field
	}
	text := func() string { return string(take(int(take(1)[0]))) }
	ok = true
	t.ID = text()
	t.Secret = [32]byte(take(32))
	t.Cluster = text()
	t.CA = [32]byte(take(32))
	for range take(1)[0] {
		t.Addresses = append(t.Addresses, text())
	}
	return t, ok && len(b) == 0
}
