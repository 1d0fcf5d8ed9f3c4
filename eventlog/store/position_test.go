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
	Index: 1 << 40, Term: 7, Seq: 123_456_789, ReceivedAt: day, Ahead: 300, Chain: [32]byte{0: 1, 31: 2},
	Configuration: []byte("configuration"), ConfigurationIndex: 3,
}

// A position written today must be readable for ever. If this test fails, add a
// format version and a golden file.
func TestGoldenPositionV2(t *testing.T) {
	const file = "testdata/position_v2.hex"
	got := store.EncodePosition(samplePosition)
	if *update {
		if err := os.WriteFile(file, []byte(hex.EncodeToString(got)+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want := golden(t, file)
	if !bytes.Equal(got, want) {
		t.Errorf("a position is no longer written as in %s: %x", file, got)
	}
	if back, version, err := store.DecodePosition(want); err != nil || version != 2 || !reflect.DeepEqual(back, samplePosition) {
		t.Errorf("%s is read as %+v, version %d, %v", file, back, version, err)
	}
}

// No release writes version 1 any more; all read it.
func TestGoldenPositionV1(t *testing.T) {
	want := samplePosition
	want.Ahead, want.Chain = 0, [32]byte{}
	const file = "testdata/position_v1.hex"
	if back, version, err := store.DecodePosition(golden(t, file)); err != nil || version != 1 || !reflect.DeepEqual(back, want) {
		t.Errorf("%s is read as %+v, version %d, %v", file, back, version, err)
	}
}

func golden(t *testing.T, file string) []byte {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	b, err := hex.DecodeString(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestAnyChangedBitOfAPositionIsFound(t *testing.T) {
	good := store.EncodePosition(samplePosition)
	for bit := range 8 * len(good) {
		bad := bytes.Clone(good)
		bad[bit/8] ^= 1 << (bit % 8)
		if p, _, err := store.DecodePosition(bad); err == nil {
			t.Errorf("bit %d: read as %+v", bit, p)
		}
	}
	for n := range good {
		if p, _, err := store.DecodePosition(good[:n]); err == nil {
			t.Errorf("the first %d bytes: read as %+v", n, p)
		}
	}
}

func FuzzDecodePosition(f *testing.F) {
	f.Add(store.EncodePosition(samplePosition))
	f.Add(store.EncodePosition(store.Position{}))
	f.Add([]byte{1, 0, 0, 0, 0})
	v1, err := os.ReadFile("testdata/position_v1.hex")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(v1)
	f.Fuzz(func(t *testing.T, b []byte) {
		p, version, err := store.DecodePosition(b)
		if err != nil {
			return
		}
		again, version2, err := store.DecodePosition(store.EncodePosition(p))
		if err != nil || version2 != store.PositionVersion || !reflect.DeepEqual(again, p) {
			t.Errorf("version %d, %+v became %+v, %v", version, p, again, err)
		}
	})
}
