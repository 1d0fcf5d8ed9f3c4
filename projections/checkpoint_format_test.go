package projections_test

import (
	"context"
	"encoding/hex"
	"flag"
	"log/slog"
	"os"
	"strings"
	"testing"

	"dashd/eventlog/block"
	"dashd/internal/kv"
	"dashd/projections"
)

var update = flag.Bool("update", false, "write the golden files")

// still is a log that ends at a seq, and is never read.
type still uint64

func (s still) Head() uint64         { return uint64(s) }
func (s still) PersistedSeq() uint64 { return uint64(s) }

func (s still) Wait(ctx context.Context, seq uint64) error {
	if seq <= uint64(s) {
		return nil
	}
	<-ctx.Done()
	return ctx.Err()
}

func (s still) WaitPersistedSeq(context.Context, uint64) error { return nil }

func (s still) Blocks(context.Context, uint64, func(uint64, []byte, block.Block) error) error {
	panic("the log was read")
}

const goldenSeq = 500

// A checkpoint written today must be readable by later releases, or be known to be of another
// format. If this test fails, add a format and its golden file; run -update only for a format that
// no node has written yet.
func TestGoldenCheckpoint(t *testing.T) {
	const newest = "with positions of log drains"
	for name, path := range map[string]string{
		"before there were positions of log drains": "testdata/checkpoint-2",
		newest: "testdata/checkpoint-2-positions",
	} {
		t.Run(name, func(t *testing.T) {
			if *update && name == newest {
				writeGolden(t, path+".hex", path+".rows")
			}
			readGolden(t, path+".hex", path+".rows")
		})
	}
}

// readGolden starts on a checkpoint, which must have the rows that were written down with it.
func readGolden(t *testing.T, parts, rows string) {
	t.Helper()
	db, err := kv.Open(t.TempDir(), kv.Options{MinFree: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	putGolden(t, db, parts)
	var says strings.Builder
	o := projections.DashTest(projections.DashOptions{DB: db, Log: slog.New(slog.NewTextHandler(&says, nil))}, 0, 0, nil)
	f := projections.NewDashFollower(still(goldenSeq), o)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- f.Run(ctx) }()
	if err := f.Wait(t.Context(), goldenSeq); err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile(rows)
	if err != nil {
		t.Fatal(err)
	}
	if got := projections.StoredRows(f.Image()); got != string(want) {
		t.Errorf("the rows differ: %s\nthe log says %s", difference(got, string(want)), &says)
	}
}

// putGolden writes the parts of a checkpoint into a database.
func putGolden(t *testing.T, db *kv.DB, parts string) {
	t.Helper()
	text, err := os.ReadFile(parts)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		key, val, _ := strings.Cut(strings.TrimSpace(line), " ")
		if err := set(db, unhex(t, key), unhex(t, val)); err != nil {
			t.Fatal(err)
		}
	}
}

// writeGolden writes down a checkpoint, part by part, and its rows.
func writeGolden(t *testing.T, parts, rows string) {
	t.Helper()
	d := newDisk(t)
	d.grow(newGenerator(4), goldenSeq)
	d.save()
	keys, err := projections.CheckpointParts(d.db)
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	for _, key := range keys {
		if _, err := d.db.Get(key, func(val []byte) error {
			_, err := text.WriteString(hex.EncodeToString(key) + " " + hex.EncodeToString(val) + "\n")
			return err
		}); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(parts, []byte(text.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(rows, []byte(projections.StoredRows(d.fold(goldenSeq))), 0o644); err != nil {
		t.Fatal(err)
	}
}

func unhex(t testing.TB, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestACheckpointOfAnotherFormatIsFoldedAgain(t *testing.T) {
	d, g := newDisk(t), newGenerator(5)
	d.grow(g, 300)
	d.save()
	keys, err := projections.CheckpointParts(d.db)
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range keys {
		if _, _, root := projections.ParseChunkKey(key); root {
			if err := set(d.db, key, projections.RootOfFormat(3)); err != nil {
				t.Fatal(err)
			}
		}
	}
	d.want(projections.DashOptions{})
	if says := d.says.String(); !strings.Contains(says, "another format") || strings.Contains(says, "level=ERROR") {
		t.Errorf("the log says\n%s", says)
	}
	d.save()
	if n, err := projections.Unused(d.db, projections.DashVersion); n > 0 || err != nil {
		t.Errorf("%d chunks are of no use (%v)", n, err)
	}
}

// A checkpoint of the first format, as the release before wrote it, is passed over, and
// cleared away when there is another.
func TestACheckpointOfTheFirstFormatIsFoldedAgain(t *testing.T) {
	d := newDisk(t)
	d.grow(newGenerator(1), goldenSeq+100)
	putGolden(t, d.db, "testdata/checkpoint-1.hex")
	d.want(projections.DashOptions{})
	if says := d.says.String(); !strings.Contains(says, "another format") {
		t.Errorf("the log says\n%s", says)
	}
	d.save()
	keys, err := projections.CheckpointParts(d.db)
	if err != nil || len(keys) == 0 {
		t.Fatalf("%d parts, %v", len(keys), err)
	}
	for _, key := range keys {
		if version, _, _ := projections.ParseChunkKey(key); version != projections.DashVersion {
			t.Errorf("a part of version %d is left", version)
		}
	}
}

func FuzzManifest(f *testing.F) {
	root, body := projections.SampleManifest()
	f.Add(root, body)
	f.Add(root[:len(root)/2], body[:len(body)/2])
	f.Add([]byte{}, []byte{0})
	f.Fuzz(func(t *testing.T, root, body []byte) {
		if ok, same := projections.ReadManifest(projections.Resum(root), body); ok && !same {
			t.Error("encoding what was read gives other bytes")
		}
	})
}

func FuzzRows(f *testing.F) {
	tables := projections.KeptTables()
	for i := range tables {
		f.Add(uint8(i), []byte{}, 0)
		f.Add(uint8(i), []byte{3, 0, 0, 0}, 1)
		f.Add(uint8(i), []byte("\x20\x01\x02\x00\x00\x01\x01\x01\x03abc\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"), 1)
	}
	f.Fuzz(func(t *testing.T, table uint8, raw []byte, rows int) {
		projections.ReadRows(tables[int(table)%len(tables)], raw, min(rows, 1<<16))
	})
}
