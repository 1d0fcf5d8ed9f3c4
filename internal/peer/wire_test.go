package peer_test

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"hash/crc32"
	"reflect"
	"testing"

	"dashd/internal/peer"
)

// withSum is the text behind the prefix of a token with these bytes.
func withSum(b []byte) string {
	sum := crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli))
	return base64.RawURLEncoding.EncodeToString(binary.BigEndian.AppendUint32(bytes.Clone(b), sum))
}

// noAddresses is an encoded token, its checksum included, without addresses and checksum.
func noAddresses(raw []byte) []byte {
	at := 1 + int(raw[0]) + 32
	at += 1 + int(raw[at]) + 32
	return append(bytes.Clone(raw[:at]), 0)
}

func sampleHello() []byte {
	b := [32]byte{0: 1, 31: 32}
	return peer.HelloBound(b, peer.Member{Cluster: "c1", Node: "n2", Incarnation: "n2-first"}, "1.2.3")
}

// Nodes of two versions greet each other during an upgrade.
func TestGoldenHello(t *testing.T) {
	frame := golden(t, "v1.hello", sampleHello())
	b, m, version, err := peer.ReadHello(bytes.NewReader(frame))
	if err != nil || b[0] != 1 || b[31] != 32 || m != (peer.Member{Cluster: "c1", Node: "n2", Incarnation: "n2-first"}) || version != "1.2.3" {
		t.Errorf("ReadHello = %x %+v %q, %v", b, m, version, err)
	}
	golden(t, "v1.refusal", peer.RefusalFrame("node n2 was removed"))
}

// FuzzHello reads what anybody with a certificate may send. What is read as a hello is
// written the same way, and nothing behind it is touched.
func FuzzHello(f *testing.F) {
	f.Add(sampleHello())
	f.Add(peer.RefusalFrame("node n2 was removed"))
	f.Add([]byte("DP\x01\x01\xff\xff"))
	f.Add(append(sampleHello(), raftBytes...))
	f.Fuzz(func(t *testing.T, in []byte) {
		r := bytes.NewReader(in)
		b, m, version, err := peer.ReadHello(r)
		if read := len(in) - r.Len(); read > 6+peer.MaxBody {
			t.Fatalf("%d bytes were read", read)
		}
		if err != nil {
			return
		}
		if got := peer.HelloBound(b, m, version); !bytes.Equal(got, in[:len(in)-r.Len()]) {
			t.Errorf("%x is written as %x", in, got)
		}
	})
}

// FuzzToken reads what an operator may paste, with a checksum that is right: it is no
// defence. What is read is written the same way.
func FuzzToken(f *testing.F) {
	raw, err := base64.RawURLEncoding.DecodeString(sampleToken().String()[len("dashd-join-1_"):])
	if err != nil {
		f.Fatal(err)
	}
	f.Add(raw[:len(raw)-4])
	f.Add(noAddresses(raw))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, in []byte) {
		text := "dashd-join-1_" + withSum(in)
		k, err := peer.ParseToken(text)
		if err != nil {
			if !reflect.DeepEqual(k, peer.Token{}) {
				t.Errorf("an error comes with a token")
			}
			return
		}
		if got := k.String(); got != text {
			t.Errorf("%q is written as %q", text, got)
		}
	})
}
