package block_test

import (
	"bytes"
	"flag"
	"os"
	"testing"

	"dashd/eventlog/block"
)

var update = flag.Bool("update", false, "write the golden files")

// A block written today must be readable for ever, so its bytes are kept. If this
// test fails, add a format version and a golden file; run -update only for a
// version that no node has written yet.
func TestGoldenV1(t *testing.T) {
	const file = "testdata/v1.block"
	if *update {
		if err := os.WriteFile(file, sealGroups(t, sampleHeader, sampleGroups()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	wantEvents(t, raw, sampleHeader, sampleGroups())

	// What is written must stay the same too, but for what the compressor finds.
	rest := raw[block.HeaderBytes+len(sampleHeader.Proposer):]
	for i, events := range sampleGroups() {
		g, err := block.AppendGroup(nil, events)
		if err != nil {
			t.Fatal(err)
		}
		n := block.ColumnBytes(g)
		if size := int(rest[0]) | int(rest[1])<<8 | int(rest[2])<<16; !bytes.Equal(g[:n], rest[4:4+n]) {
			t.Errorf("group %d: AppendGroup no longer writes the columns of %s", i, file)
		} else {
			rest = rest[4+size:]
		}
	}
}
