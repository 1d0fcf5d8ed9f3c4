package main

import (
	"bytes"
	"flag"
	"io"
	"os"
	"path/filepath"
	"testing"

	"dashd/internal/genevents"
)

var update = flag.Bool("update", false, "write the golden files")

// What replay prints is read by programs of others: it must stay as it is, byte for byte.
func TestGoldenReplay(t *testing.T) {
	const n = 60
	blocks := blocksOf(t, genevents.Events(3, n))
	for _, format := range []string{"text", "ndjson", "csv"} {
		t.Run(format, func(t *testing.T) {
			o := replayOptions{from: 1, to: n, format: format}
			p, err := newPrinter(&o)
			if err != nil {
				t.Fatal(err)
			}
			var got bytes.Buffer
			if _, err := p.log(t.Context(), sourceOf(blocks, n), &got, newProgress(io.Discard, 1, n, true)); err != nil {
				t.Fatal(err)
			}
			file := filepath.Join("testdata", "replay."+format)
			if *update {
				if err := os.WriteFile(file, got.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got.Bytes(), want) {
				t.Errorf("replay no longer prints %s", file)
			}
		})
	}
}
