package seal_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"dashd/internal/seal"
)

var (
	keyA = seal.Key(bytes.Repeat([]byte{0xa1}, seal.KeySize))
	keyB = seal.Key(bytes.Repeat([]byte{0xb2}, seal.KeySize))
	obj  = seal.Object{Class: seal.SigningKey, Project: "shop", ID: "k1"}
)

func TestBoxOpensWithWhatItWasMadeFor(t *testing.T) {
	s := seal.New(keyA)
	for _, secret := range [][]byte{nil, {0}, []byte("a TOTP seed"), bytes.Repeat([]byte("x"), 1<<16)} {
		box := s.Box(obj, secret)
		if len(secret) > 4 && bytes.Contains(box, secret) {
			t.Errorf("the box of %d bytes holds the secret in clear", len(secret))
		}
		got, err := seal.New(keyA).Open(obj, box)
		if err != nil || !bytes.Equal(got, secret) {
			t.Errorf("Open of a box of %d bytes = %q, %v", len(secret), got, err)
		}
	}
}

func TestBoxOpensWithNothingElse(t *testing.T) {
	box := seal.New(keyA).Box(obj, []byte("secret"))
	tests := []struct {
		name string
		key  seal.Key
		obj  seal.Object
	}{
		{"another cluster key", keyB, obj},
		{"another class", keyA, seal.Object{Class: "totp", Project: "shop", ID: "k1"}},
		{"another project", keyA, seal.Object{Class: obj.Class, Project: "shop2", ID: "k1"}},
		{"another object", keyA, seal.Object{Class: obj.Class, Project: "shop", ID: "k2"}},
		{"a letter moved from project to id", keyA, seal.Object{Class: obj.Class, Project: "sho", ID: "pk1"}},
		{"nothing named", keyA, seal.Object{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got, err := seal.New(tt.key).Open(tt.obj, box); !errors.Is(err, seal.ErrNotOpened) {
				t.Errorf("Open = %q, %v; want ErrNotOpened", got, err)
			}
		})
	}
}

func TestChangedBoxNeverOpens(t *testing.T) {
	s := seal.New(keyA)
	box := s.Box(obj, []byte("secret"))
	for i := range box {
		for bit := range 8 {
			bad := bytes.Clone(box)
			bad[i] ^= 1 << bit
			if _, err := s.Open(obj, bad); !errors.Is(err, seal.ErrNotOpened) {
				t.Fatalf("bit %d of byte %d flipped: Open error = %v", bit, i, err)
			}
		}
	}
	for n := range box {
		if _, err := s.Open(obj, box[:n]); !errors.Is(err, seal.ErrNotOpened) {
			t.Fatalf("cut to %d bytes: Open error = %v", n, err)
		}
	}
}

func TestBoxesOfOneSecretDiffer(t *testing.T) {
	s := seal.New(keyA)
	seen := map[string]bool{}
	for range 10_000 {
		box := s.Box(obj, []byte("secret"))
		nonce := string(box[1:13])
		if seen[nonce] {
			t.Fatalf("nonce %x was used twice", nonce)
		}
		seen[nonce] = true
	}
}

// Boxes are in the log for ever. If this test fails, add a format, keep reading
// this one.
func TestGoldenBox1(t *testing.T) {
	text, err := os.ReadFile("testdata/v1.box.hex")
	if err != nil {
		t.Fatal(err)
	}
	box, err := hex.DecodeString(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	got, err := seal.New(keyA).Open(obj, box)
	if err != nil || string(got) != "kept since format 1" {
		t.Errorf("Open of a stored box = %q, %v", got, err)
	}
}

// What stands in the log must be made again from the same text, and from no other.
func TestMACIsOfOneTextAndOneObject(t *testing.T) {
	const want = "91765e207260e7bb7963912ce26b3c401270738d3b427558c502d571a5cb180a"
	mac := func(key seal.Key, o seal.Object, text string) string {
		sum := seal.New(key).MAC(o, []byte(text))
		return hex.EncodeToString(sum[:])
	}
	if got := mac(keyA, obj, "text"); got != want {
		t.Errorf("MAC = %s, want %s", got, want)
	}
	for name, other := range map[string]string{
		"another cluster key": mac(keyB, obj, "text"),
		"another text":        mac(keyA, obj, "texts"),
		"another class":       mac(keyA, seal.Object{Class: "totp", Project: "shop", ID: "k1"}, "text"),
		"another object":      mac(keyA, seal.Object{Class: obj.Class, Project: "shop", ID: "k2"}, "text"),
		"a letter moved":      mac(keyA, seal.Object{Class: obj.Class, Project: "shop", ID: "k1t"}, "ext"),
	} {
		if other == want {
			t.Errorf("%s: the same MAC", name)
		}
	}
}

func TestKeyIsNotPrinted(t *testing.T) {
	key := seal.NewKey()
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
		got := fmt.Sprintf(verb, key)
		if !strings.Contains(got, "cluster key") {
			t.Errorf("Sprintf(%q, key) = %s", verb, got)
		}
	}
}

// FuzzOpen looks for a box that panics, or that opens though nobody made it.
func FuzzOpen(f *testing.F) {
	s := seal.New(keyA)
	var seed [32]byte
	r := rand.NewChaCha8(seed)
	for n := range 64 {
		b := make([]byte, n)
		_, _ = r.Read(b)
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, box []byte) {
		if got, err := s.Open(obj, box); err == nil {
			t.Errorf("Open(%x) = %q", box, got)
		}
	})
}

// BenchmarkOpen is the price of using a stored secret once.
func BenchmarkOpen(b *testing.B) {
	s := seal.New(keyA)
	box := s.Box(obj, make([]byte, 32))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Open(obj, box); err != nil {
			b.Fatal(err)
		}
	}
}
