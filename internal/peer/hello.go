package peer

import (
	"crypto/tls"
	"encoding/binary"
	"fmt"
	"io"
	"strings"

	"dashd/internal/errs"
)

// hello is what both sides of a connection between members say first: the one that
// dialed, then the other. A frame is
//
//	magic    2 bytes "DP"
//	format   1 byte, 1
//	kind     1 byte: 1 hello, 2 refusal
//	length   2 bytes, big endian, at most 1,024
//	body     so many bytes
//
// The body of a hello is
//
//	binding  32 bytes, from the TLS connection and the side that speaks
//	         (RFC 8446 §7.5, label "EXPORTER-dashd-hello", context the side)
//	cluster, node, incarnation, version: each 1 byte of length and the text
//
// and nothing after it. A refusal's body is the reason, text for a log. Its sender
// closes the connection.
//
// A hello that was recorded says nothing on another connection, nor from the other
// side of the same one, because of the binding.
type hello struct {
	Member
	Version string
	Binding [bindingSize]byte
}

const (
	helloMagic  = "DP"
	helloFormat = 1
	kindHello   = 1
	kindRefusal = 2
	headerSize  = 6
	maxBody     = 1024
	bindingSize = 32
	maxVersion  = 128
	maxReason   = 256
)

// The sides of a connection, as the binding names them.
const (
	dialed   = "dialed"
	accepted = "accepted"
)

// binding is the value that only one side of one TLS connection may say.
func binding(state *tls.ConnectionState, side string) (b [bindingSize]byte, err error) {
	value, err := state.ExportKeyingMaterial("EXPORTER-dashd-hello", []byte(side), bindingSize)
	if err != nil {
		return b, fmt.Errorf("bind the hello to its connection: %w", err)
	}
	return [bindingSize]byte(value), nil
}

// append appends the frame of h to b. The texts of h have passed check.
func (h hello) append(b []byte) []byte {
	body := append([]byte(nil), h.Binding[:]...)
	for _, s := range []string{h.Cluster, h.Node, h.Incarnation, h.Version} {
		body = append(append(body, byte(len(s))), s...)
	}
	return appendFrame(b, kindHello, body)
}

func appendFrame(b []byte, kind byte, body []byte) []byte {
	b = append(append(b, helloMagic...), helloFormat, kind)
	return append(binary.BigEndian.AppendUint16(b, uint16(len(body))), body...)
}

// appendRefusal appends the frame of a refusal.
func appendRefusal(b []byte, reason string) []byte {
	return appendFrame(b, kindRefusal, []byte(printable(reason, maxReason)))
}

// readHello reads one frame and not a byte more. A refusal is an error with code
// PEER_REFUSED.
func readHello(r io.Reader) (hello, error) {
	var header [headerSize]byte
	if _, err := io.ReadFull(r, header[:]); err != nil {
		return hello{}, fmt.Errorf("read hello: %w", err)
	}
	if string(header[:2]) != helloMagic {
		return hello{}, fmt.Errorf("read hello: it begins with %x", header[:2])
	}
	if header[2] != helloFormat {
		return hello{}, fmt.Errorf("read hello: it has format %d, this node knows %d", header[2], helloFormat)
	}
	n := binary.BigEndian.Uint16(header[4:])
	if n > maxBody {
		return hello{}, fmt.Errorf("read hello: it has %d bytes", n)
	}
	body := make([]byte, n)
	if _, err := io.ReadFull(r, body); err != nil {
		return hello{}, fmt.Errorf("read hello: %w", err)
	}
	switch header[3] {
	case kindHello:
		return parseHello(body)
	case kindRefusal:
		return hello{}, errs.New(errs.Unavailable, CodeRefused, "the other node refuses this one: %s", printable(string(body), maxReason))
	default:
		return hello{}, fmt.Errorf("read hello: it is of kind %d", header[3])
	}
}

// parseHello parses the body of a hello frame.
func parseHello(body []byte) (hello, error) {
	var h hello
	if len(body) < bindingSize {
		return hello{}, fmt.Errorf("read hello: a body of %d bytes", len(body))
	}
	copy(h.Binding[:], body)
	rest := body[bindingSize:]
	for _, field := range []*string{&h.Cluster, &h.Node, &h.Incarnation, &h.Version} {
		if len(rest) == 0 || len(rest)-1 < int(rest[0]) {
			return hello{}, fmt.Errorf("read hello: the body ends early")
		}
		*field, rest = string(rest[1:1+int(rest[0])]), rest[1+int(rest[0]):]
	}
	if len(rest) > 0 {
		return hello{}, fmt.Errorf("read hello: %d bytes follow the body", len(rest))
	}
	if err := h.check(); err != nil {
		return hello{}, fmt.Errorf("read hello: %w", err)
	}
	if len(h.Version) > maxVersion || h.Version != printable(h.Version, maxVersion) {
		return hello{}, fmt.Errorf("read hello: version %.200q", h.Version)
	}
	return h, nil
}

// printable is s with only the characters of ASCII that can stand in a log, cut to at
// most limit bytes.
func printable(s string, limit int) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, s)
	return s[:min(len(s), limit)]
}
