package drains_test

import (
	"bytes"
	"encoding/hex"
	"os"
	"strings"
	"testing"

	"dashd/internal/drains"
	"dashd/internal/errs"
)

// Positions are on disk. If this test fails, add a format and a file; those of before must
// still be read.
func TestGoldenPosition(t *testing.T) {
	text, err := os.ReadFile("testdata/v1.position.hex")
	if err != nil {
		t.Fatal(err)
	}
	want, err := hex.DecodeString(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	p := drains.Position{
		Epoch: 3, Seq: 1_000_001, LastDelivery: 1_750_000_000_000, FailingSince: 1_750_000_001_000, Attempts: 7, LastError: "http_503",
	}
	if got := p.Encode(); !bytes.Equal(got, want) {
		t.Errorf("encoded as %x", got)
	}
	if back, err := drains.DecodePosition(want); err != nil || back != p {
		t.Errorf("read as %+v, %v", back, err)
	}
}

// A position that is damaged stops the node: from a guess, events would be left out.
func TestDamagedPositionsAreRefused(t *testing.T) {
	good := drains.Position{LastError: "timeout"}.Encode()
	for name, b := range map[string][]byte{
		"empty": nil, "short": good[:36], "of another format": append([]byte{2}, good[1:]...),
		"long": append(bytes.Clone(good), make([]byte, 100)...),
	} {
		if p, err := drains.DecodePosition(b); errs.ExitCode(err) != errs.ExitIntegrity {
			t.Errorf("%s: %+v, %v", name, p, err)
		}
	}
}

func FuzzDecodePosition(f *testing.F) {
	f.Add(drains.Position{Epoch: 1, Seq: 2, LastError: "timeout"}.Encode())
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := drains.DecodePosition(b)
		if err == nil && !bytes.Equal(p.Encode(), b) {
			t.Fatalf("%x reads as %+v, which is %x", b, p, p.Encode())
		}
	})
}
