package projections_test

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unsafe"

	"dashd/eventlog"
	"dashd/projections"
)

// world is the model of all projects.
type world map[string]*model

func (w world) of(project string) *model {
	m := w[project]
	if m == nil {
		m = newModel()
		w[project] = m
	}
	return m
}

func (w world) fold(rec eventlog.Record) { w.of(rec.Project).fold(rec) }

// differ tells where two dumps differ; "" if they are the same.
func differ(got, want string) string {
	if got == want {
		return ""
	}
	gotLines, wantLines := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range max(len(gotLines), len(wantLines)) {
		g, w := "(nothing)", "(nothing)"
		if i < len(gotLines) {
			g = gotLines[i]
		}
		if i < len(wantLines) {
			w = wantLines[i]
		}
		if g != w {
			return fmt.Sprintf("got  %s\nwant %s", g, w)
		}
	}
	return "they differ"
}

// sequences is how many random sequences of 10,000 events are tried. scripts/test-long
// tries more.
func sequences(t *testing.T) uint64 {
	t.Helper()
	text := os.Getenv("DASHD_MODEL_SEQUENCES")
	if text == "" {
		return 1
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// The tables answer what the model answers, whatever the events are and in whatever
// blocks they come; and what was published once stays as it was.
func TestTablesAreThoseOfTheModel(t *testing.T) {
	t.Parallel()
	for seed := range sequences(t) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			r := &run{T: t, g: newGenerator(seed), world: world{}, dash: projections.NewDash()}
			for r.seq < 10_000 {
				r.block()
				r.compare()
			}
			for _, old := range r.old {
				for project, want := range old.rows {
					if diff := differ(projections.Dump(old.image.Tables(project)), want); diff != "" {
						t.Errorf("the image of seq %d has changed:\n%s", old.image.Seq(), diff)
					}
				}
			}
		})
	}
}

// run folds random events into a projection and into the model.
type run struct {
	*testing.T
	g     *generator
	world world
	dash  *projections.Dash
	seq   uint64
	last  []eventlog.Record // the last block
	old   []oldImage
}

// oldImage is an image, and what it held when it was published.
type oldImage struct {
	image *projections.DashImage
	rows  map[string]string // by project
}

// block folds the next few events.
func (r *run) block() {
	r.last = r.last[:0]
	for range 1 + r.g.IntN(16) {
		r.seq++
		rec := eventlog.Record{Seq: r.seq, ReceivedAt: r.g.now, Event: r.g.event()}
		r.last = append(r.last, rec)
		r.lend(rec)
		r.world.fold(rec)
	}
	r.dash.Publish(r.seq)
}

// lend lets the projection fold an event of which it keeps nothing: bytes and strings are another
// event's afterwards.
func (r *run) lend(rec eventlog.Record) {
	rec.Metadata, rec.Sealed = bytes.Clone(rec.Metadata), bytes.Clone(rec.Sealed)
	lent := [][]byte{rec.Metadata, rec.Sealed}
	for _, text := range []*string{
		&rec.Project, &rec.UserID, &rec.SessionID, &rec.OrganizationID, &rec.ActorID, &rec.CountryCode, &rec.IPAddress,
		&rec.UserAgent, &rec.City, &rec.Country,
	} {
		b := []byte(*text)
		*text = unsafe.String(unsafe.SliceData(b), len(b))
		lent = append(lent, b)
	}
	r.dash.Apply(&rec)
	for _, b := range lent {
		copy(b, bytes.Repeat([]byte("!"), len(b)))
	}
}

// compare compares all rows, and every now and then what all reads answer.
func (r *run) compare() {
	r.Helper()
	image := r.dash.Image()
	if image.Seq() != r.seq {
		r.Fatalf("the image is as of seq %d, want %d", image.Seq(), r.seq)
	}
	rows := map[string]string{}
	for _, project := range slices.Sorted(maps.Keys(r.world)) {
		m := r.world[project]
		tables, want := image.Tables(project), m.dump()
		rows[project] = want
		diff := differ(projections.Dump(tables), want)
		if diff == "" && r.g.IntN(100) == 0 {
			diff = differ(reads(tables), m.reads())
		}
		if diff != "" {
			r.Fatalf("after seq %d, project %s:\n%s\nblock: %s", r.seq, project, diff, describe(r.last))
		}
		if r.g.IntN(4) == 0 {
			checkQueries(r.T, r.g, tables, m)
			checkPresence(r.T, r.g, tables, m)
		}
	}
	if r.g.IntN(100) == 0 {
		r.old = append(r.old, oldImage{image, rows})
	}
}

func describe(recs []eventlog.Record) string {
	var b strings.Builder
	for _, r := range recs {
		fmt.Fprintf(&b, "\n%d %s %s %s at %d user %q session %q organization %q actor %q: %s",
			r.Seq, r.Project, r.Type, r.Origin.Vocabulary, r.Time, r.UserID, r.SessionID, r.OrganizationID, r.ActorID, r.Metadata)
	}
	return b.String()
}
