package projections_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"dashd/eventlog"
	"dashd/eventlog/block"
	"dashd/projections"
)

// A node that starts shows what the model says, however it came by it: from a checkpoint and
// the events after it, from all events, or from a checkpoint of an older program; and
// it folds on from there.
func TestNodeThatStartsShowsTheModel(t *testing.T) {
	t.Parallel()
	for seed := range sequences(t) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			d, g, w := newDisk(t), newGenerator(1000+seed), world{}
			version, seq := projections.DashVersion, uint64(0)
			for d.log.Head() < 10_000 {
				d.grow(g, 1+g.IntN(800))
				d.feed(w, &seq)
				how := pick(g, "checkpoint", "checkpoint", "restart", "newer program", "all events")
				switch how {
				case "restart":
					d.reopen()
				case "newer program":
					version++
				case "all events":
					w.check(t, g, d.fold(d.log.Head()), how)
					continue
				}
				o := projections.DashTest(projections.DashOptions{CheckpointAtStop: 1}, version, 512, nil)
				err := d.follow(o, func(f *projections.DashFollower) {
					w.check(t, g, f.Image(), how)
					d.grow(g, 1+g.IntN(400))
					d.feed(w, &seq)
					if err := f.Wait(t.Context(), d.log.Head()); err != nil {
						t.Fatal(err)
					}
					w.check(t, g, f.Image(), how+" and on")
				})
				if err != nil {
					t.Fatal(err)
				}
			}
			if says := d.says.String(); !strings.Contains(says, "checkpoint loaded") || strings.Contains(says, "level=ERROR") {
				t.Errorf("the log says\n%s", says)
			}
		})
	}
}

// feed folds the events of the log after seq into the model.
func (d *disk) feed(w world, seq *uint64) {
	d.t.Helper()
	err := d.log.Blocks(d.t.Context(), *seq+1, func(first uint64, _ []byte, b block.Block) error {
		return b.Each(first, func(rec *eventlog.Record) error {
			if rec.Seq > *seq {
				own := *rec
				own.Metadata, own.Sealed = slices.Clone(rec.Metadata), slices.Clone(rec.Sealed)
				w.fold(own)
				*seq = rec.Seq
			}
			return nil
		})
	})
	if err != nil {
		d.t.Fatal(err)
	}
}

// check compares an image with the model: all rows, all reads and some queries.
func (w world) check(t *testing.T, g *generator, image *projections.DashImage, how string) {
	t.Helper()
	for _, project := range slices.Sorted(maps.Keys(w)) {
		tables, m := image.Tables(project), w[project]
		diff := differ(projections.Dump(tables), m.dump())
		if diff == "" {
			diff = differ(reads(tables), m.reads())
		}
		if diff != "" {
			t.Fatalf("%s, at seq %d, project %s:\n%s", how, image.Seq(), project, diff)
		}
		for range 5 {
			checkQueries(t, g, tables, m)
			checkPresence(t, g, tables, m)
		}
	}
}
