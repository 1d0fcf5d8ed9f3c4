package projections_test

import (
	"bytes"
	"context"
	"slices"
	"strings"
	"testing"

	"dashd/eventlog"
	"dashd/eventlog/block"
	"dashd/internal/errs"
	"dashd/projections"
)

// tampered is a log in which events say something else.
type tampered struct {
	projections.DashLog
	change func(*eventlog.Event)
}

func (l tampered) Blocks(ctx context.Context, from uint64, fn func(uint64, []byte, block.Block) error) error {
	return l.DashLog.Blocks(ctx, from, func(first uint64, _ []byte, b block.Block) error {
		var events []eventlog.Event
		err := b.Each(first, func(rec *eventlog.Record) error {
			e := rec.Event
			e.Metadata, e.Sealed = bytes.Clone(e.Metadata), bytes.Clone(e.Sealed)
			l.change(&e)
			events = append(events, e)
			return nil
		})
		if err != nil {
			return err
		}
		group, err := block.AppendGroup(nil, events)
		if err != nil {
			return err
		}
		raw, err := block.Seal(b.Header, group)
		if err != nil {
			return err
		}
		other, err := block.Open(raw)
		if err != nil {
			return err
		}
		return fn(first, raw, other)
	})
}

// refold folds a log up to a seq.
func refold(t *testing.T, log projections.DashLog, project string, end uint64) *projections.Refold {
	t.Helper()
	r := projections.NewRefold(project)
	err := log.Blocks(t.Context(), 1, func(first uint64, _ []byte, b block.Block) error { return r.Block(first, &b, end) })
	if err != nil || r.Seq() != end {
		t.Fatalf("folded to %d, want %d: %v", r.Seq(), end, err)
	}
	return r
}

// stream is what a node sends of its rows.
func stream(t *testing.T, image *projections.DashImage) []byte {
	t.Helper()
	var b bytes.Buffer
	err := image.WriteRows(2, func(p []byte) error { b.Write(p); return nil })
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func compare(sent []byte, image *projections.DashImage) (projections.Compared, error) {
	in, err := projections.ReadImage(bytes.NewReader(sent))
	if err != nil {
		return projections.Compared{}, err
	}
	return in.Compare(image)
}

// plantings are changes of events, and the first row that is another for it.
var plantings = []struct {
	name   string
	change func(*eventlog.Event)
	want   []projections.Difference
}{
	{"nothing", func(*eventlog.Event) {}, nil},
	{"a name", func(e *eventlog.Event) {
		if e.UserID == "bob" {
			e.Metadata = bytes.Replace(e.Metadata, []byte(`"userName":"bob"`), []byte(`"userName":"rob"`), 1)
		}
	}, []projections.Difference{{
		Project: "shop", Table: "users", Row: 1, ID: "bob", Field: "text", Folded: `"bobbob@example.combob"`, Stored: `"bobbob@example.comrob"`,
	}}},
	{"a moment", func(e *eventlog.Event) {
		if e.UserID == "cid" {
			e.Time--
		}
	}, []projections.Difference{
		{Project: "shop", Table: "users", Row: 2, ID: "cid", Field: "createdAt", Folded: "1750000000000", Stored: "1749999999999"},
	}},
	{"a secret", func(e *eventlog.Event) {
		if len(e.Sealed) > 0 {
			e.Sealed = []byte("another box")
		}
	}, []projections.Difference{{Project: "shop", Table: "second factors", Row: 0, ID: "bob", Field: "sealed", Folded: "7 bytes", Stored: "11 bytes"}}},
	{"a row less", func(e *eventlog.Event) {
		if e.UserID == "cid" {
			e.UserID = "bob"
		}
	}, []projections.Difference{
		{Project: "shop", Table: "users", Row: -1, Field: "rows", Folded: "0 to 3", Stored: "0 to 2"},
		{Project: "shop", Table: "users", Row: 1, ID: "bob", Field: "text", Folded: `"bobbob@example.combob"`, Stored: `"bobcid@example.comcid"`},
	}},
}

// planted is a log with a few rows.
func planted(t *testing.T) *disk {
	d := newDisk(t)
	d.append(joined("ada"), joined("bob"))
	d.append(joined("cid"), eventlog.Event{
		ID: "2fa", Project: "shop", Type: eventlog.TwoFactorEnabled, UserID: "bob", Time: noon,
		Personal: eventlog.Personal{Metadata: []byte(`{}`), Sealed: []byte("the box"), Origin: eventlog.Origin{Vocabulary: eventlog.VocabularyDashd}},
	})
	return d
}

// TestAWrongRowIsFound has rows that are not what the log says, in what a node sends and in a checkpoint.
func TestAWrongRowIsFound(t *testing.T) {
	for _, tt := range plantings {
		t.Run(tt.name, func(t *testing.T) {
			d := planted(t)
			persist(d)
			wrong := refold(t, tampered{d.log, tt.change}, "", 4)
			right := refold(t, d.log, "", 4).Image()
			got, err := compare(stream(t, wrong.Image()), right)
			if err != nil {
				t.Fatal(err)
			}
			wantDifferences(t, got, tt.want)
			if err := wrong.Save(t.Context(), d.log, projections.DashOptions{DB: d.db}); err != nil {
				t.Fatal(err)
			}
			list, err := projections.Checkpoints(d.db)
			if err != nil || len(list) != 1 || list[0].Seq != 4 {
				t.Fatalf("checkpoints: %+v, %v", list, err)
			}
			got, err = projections.CompareCheckpoint(d.db, list[0], right)
			if err != nil {
				t.Fatal(err)
			}
			wantDifferences(t, got, tt.want)
		})
	}
}

func wantDifferences(t *testing.T, got projections.Compared, want []projections.Difference) {
	t.Helper()
	of := slices.DeleteFunc(slices.Clone(got.Differences), func(d projections.Difference) bool {
		return len(want) > 0 && d.Table != want[0].Table // what else follows from it
	})
	if !slices.Equal(of, want) || (got.Differ == 0) != (len(want) == 0) || got.Rows == 0 {
		t.Errorf("%d rows differ: %+v\nwant %+v", got.Differ, got.Differences, want)
	}
}

func TestRowsThatANodeSends(t *testing.T) {
	d, g := newDisk(t), newGenerator(31)
	d.grow(g, 800)
	head := d.log.Head()
	image := refold(t, d.log, "", head).Image()
	sent := stream(t, image)
	got, err := compare(sent, image)
	if err != nil || got.Differ != 0 || got.Rows < 100 || got.Seq != head {
		t.Errorf("an image differs from itself: %+v, %v", got, err)
	}
	if _, err := compare(sent, refold(t, d.log, "", head-1).Image()); err == nil || !strings.Contains(err.Error(), "as of seq") {
		t.Errorf("of another seq: %v", err)
	}
	for _, n := range []int{0, 1, 5, 50, len(sent) / 2, len(sent) - 1} {
		if _, err := compare(sent[:n], image); err == nil {
			t.Errorf("the first %d bytes pass", n)
		}
	}
}

func FuzzRowsThatANodeSends(f *testing.F) {
	dash := projections.NewDash()
	rec := eventlog.Record{Seq: 1, Event: joined("ada")}
	dash.Apply(&rec)
	dash.Publish(1)
	image := dash.Image()
	var sent bytes.Buffer
	if err := image.WriteRows(2, func(p []byte) error { sent.Write(p); return nil }); err != nil {
		f.Fatal(err)
	}
	f.Add(sent.Bytes())
	f.Fuzz(func(t *testing.T, sent []byte) {
		if got, err := compare(sent, image); err == nil && got.Differ == 0 && got.Rows == 0 {
			t.Error("nothing was compared, and nothing differs")
		}
	})
}

// A checkpoint that is damaged is not taken for one that differs.
func TestACheckpointThatCannotBeCompared(t *testing.T) {
	d, g := newDisk(t), newGenerator(32)
	d.grow(g, 300)
	d.save()
	persist(d)
	image := refold(t, d.log, "", d.log.Head()).Image()
	keys, err := projections.CheckpointParts(d.db)
	if err != nil {
		t.Fatal(err)
	}
	list, err := projections.Checkpoints(d.db)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := projections.CompareCheckpoint(d.db, list[0], image); err != nil || got.Differ != 0 {
		t.Fatalf("as it was written: %+v, %v", got, err)
	}
	for _, key := range keys {
		if _, _, root := projections.ParseChunkKey(key); root {
			continue
		}
		if err := d.db.Delete([][]byte{key}); err != nil {
			t.Fatal(err)
		}
		_, err := projections.CompareCheckpoint(d.db, list[0], image)
		if errs.ExitCode(err) != errs.ExitIntegrity {
			t.Fatalf("without a part: %v", err)
		}
		break
	}
}

// The names of fields are those of the rows as they are.
func TestFieldsOfRowsHaveNames(t *testing.T) {
	d, g := newDisk(t), newGenerator(34)
	d.grow(g, 3000)
	image := d.fold(d.log.Head())
	for _, table := range projections.KeptTables() {
		names, fields, ok := projections.RowFields(image, table)
		lists := table == "directories" || table == "drains" // how many fields there are depends on the row
		if !ok || fields == 0 || len(names) == 0 || !lists && len(names) != fields || len(names) > fields {
			t.Errorf("%s: %d names for %d fields (%v)", table, len(names), fields, ok)
		}
	}
}

// TestExplain compares what is told of a user with whole images before and after each event.
func TestExplain(t *testing.T) {
	d, g := newDisk(t), newGenerator(33)
	d.grow(g, 600)
	head := d.log.Head()
	var rows []map[[2]string]projections.Shown
	d.images("shop", func(_ uint64, now map[[2]string]projections.Shown) { rows = append(rows, now) })
	user, _ := ownersIn(rows)
	for _, part := range [][2]uint64{{1, head}, {200, 400}} {
		told := map[uint64][]string{}
		var last uint64
		x := projections.NewExplainer("shop", user, func(e projections.Explained) error {
			if e.Record.Seq <= last || e.Record.Project != "shop" {
				t.Errorf("seq %d of project %s comes after %d", e.Record.Seq, e.Record.Project, last)
			}
			last = e.Record.Seq
			told[last] = append([]string{e.Record.ID}, changeTexts(e.Changes)...)
			return nil
		})
		err := d.log.Blocks(t.Context(), 1, func(first uint64, _ []byte, b block.Block) error {
			return x.Block(first, &b, part[0], part[1])
		})
		if err != nil {
			t.Fatal(err)
		}
		changed := 0
		for seq := part[0]; seq <= part[1]; seq++ {
			rec, err := d.log.Read(seq)
			if err != nil {
				t.Fatal(err)
			}
			var want []string
			changes := changeTexts(changesBetween(rows[seq-1], rows[seq], projections.DiffQuery{UserID: user}))
			if rec.Project == "shop" && (rec.UserID == user || len(changes) > 0) {
				want = append([]string{rec.ID}, changes...)
			}
			if !slices.Equal(told[seq], want) {
				t.Errorf("seq %d: told %q, want %q", seq, told[seq], want)
			}
			delete(told, seq)
			changed += len(changes)
		}
		if len(told) > 0 || changed < 3 {
			t.Errorf("%d changes, and told of others: %v", changed, told)
		}
	}
}
