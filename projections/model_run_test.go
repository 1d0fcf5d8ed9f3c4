package projections_test

import (
	"fmt"
	"strings"
	"testing"

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

// The tables answer what the model answers, whatever the events are and in whatever
// blocks they come.
func TestTablesAreThoseOfTheModel(t *testing.T) {
	for seed := range uint64(4) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			g, w, dash := newGenerator(seed), world{}, projections.NewDash()
			for seq := uint64(0); seq < 2500; {
				var block []eventlog.Record
				for range 1 + g.IntN(8) {
					seq++
					rec := eventlog.Record{Seq: seq, ReceivedAt: g.now, Event: g.event()}
					block = append(block, rec)
					dash.Apply(&rec)
					w.fold(rec)
				}
				dash.Publish(seq)
				for project, m := range w {
					if diff := differ(projections.Dump(dash.Image().Tables(project)), m.dump()); diff != "" {
						t.Fatalf("seed %d, after seq %d, project %s:\n%s\nblock: %s", seed, seq, project, diff, describe(block))
					}
				}
			}
		})
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
