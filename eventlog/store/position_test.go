package store_test

import (
	"bytes"
	"encoding/hex"
	"flag"
	"os"
	"reflect"
	"strings"
	"testing"

	"dashd/eventlog/store"
)

var update = flag.Bool("update", false, "write golden files")

var samplePosition = store.Position{
	Index: 1 << 40, Term: 7, Seq: 123_456_789, ReceivedAt: day,
	Configuration: []byte("configuration"), ConfigurationIndex: 3,
}

// A position written today must be readable for ever. If this test fails, add a
// format version and a golden file.
func TestGoldenPositionV1(t *testing.T) {
	const file = "testdata/position_v1.hex"
	got := store.EncodePosition(samplePosition)
	if *update {
		if err := os.WriteFile(file, []byte(hex.EncodeToString(got)+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	want, err := hex.DecodeString(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("a position is no longer written as in %s: %x", file, got)
	}
	if back, err := store.DecodePosition(want); err != nil || !reflect.DeepEqual(back, samplePosition) {
		t.Errorf("%s is read as %+v, %v", file, back, err)
	}
}

func TestAnyChangedBitOfAPositionIsFound(t *testing.T) {
	good := store.EncodePosition(samplePosition)
	for bit := range 8 * len(good) {
		bad := bytes.Clone(good)
		bad[bit/8] ^= 1 << (bit % 8)
		if p, err := store.DecodePosition(bad); err == nil {
			t.Errorf("bit %d: read as %+v", bit, p)
		}
	}
	for n := range good {
		if p, err := store.DecodePosition(good[:n]); err == nil {
			t.Errorf("the first %d bytes: read as %+v", n, p)
		}
	}
}

func FuzzDecodePosition(f *testing.F) {
	f.Add(store.EncodePosition(samplePosition))
	f.Add(store.EncodePosition(store.Position{}))
	f.Add([]byte{1, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := store.DecodePosition(b)
		if err != nil {
			return
		}
		again, err := store.DecodePosition(store.EncodePosition(p))
		if err != nil || !reflect.DeepEqual(again, p) {
			t.Errorf("%+v became %+v, %v", p, again, err)
		}
	})
}
