package e2e_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strconv"
	"testing"
	"time"

	"dashd/internal/bench"
	"dashd/internal/dashdtest"
)

// TestFiguresOfAHistory compares the figures over time of half a year, now and at moments of the past, with
// those that the twin computes from what dashd replay prints. DASHD_FIGURES_EVENTS is the number
// of events.
func TestFiguresOfAHistory(t *testing.T) {
	events := 20_000
	if testing.Short() {
		events = 4_000
	}
	if text := os.Getenv("DASHD_FIGURES_EVENTS"); text != "" {
		var err error
		if events, err = strconv.Atoi(text); err != nil {
			t.Fatal(err)
		}
	}
	f := newFigures(t, events)
	r := rand.New(rand.NewPCG(1, 2))
	moments := []time.Time{f.history.End, time.Now().UTC().Truncate(time.Millisecond)}
	for range 3 { // within the days of which there are checkpoints, and before
		moments = append(moments, f.history.End.Add(-time.Duration(r.Int64N(34*dayMs))*time.Millisecond),
			f.history.End.Add(-time.Duration(r.Int64N(150*dayMs))*time.Millisecond))
	}
	for _, at := range moments {
		asOf := at.UTC().Format("2006-01-02T15:04:05.000Z")
		t.Run("as of "+asOf, func(t *testing.T) {
			f.compare(t, newTwin(t, f.events, at), at.UnixMilli(), "asOf="+url.QueryEscape(asOf))
		})
	}
	t.Run("now", func(t *testing.T) { f.compareNow(t, newTwin(t, f.events, time.Now())) })
}

// figures is a node that holds a history.
type figures struct {
	reader
	history *bench.History
	events  []printed
}

func newFigures(t *testing.T, events int) *figures {
	t.Helper()
	program := dashdtest.Binary(t)
	dir := filepath.Join(t.TempDir(), "data")
	h := &bench.History{Seed: 1, Events: events, End: time.Now().UTC().Truncate(time.Millisecond)}
	if err := bench.Fill(t.Context(), dir, h, nil); err != nil {
		t.Fatal(err)
	}
	f := &figures{history: h}
	replay := exec.CommandContext(t.Context(), program, "replay", "--data-dir", dir, "--format", "ndjson", "--quiet")
	var lines, says bytes.Buffer
	replay.Stdout, replay.Stderr = &lines, &says
	if err := replay.Run(); err != nil {
		t.Fatalf("replay: %v\n%s", err, says.Bytes())
	}
	if f.events = readPrinted(t, &lines); len(f.events) != events {
		t.Fatalf("replay printed %d events, want %d", len(f.events), events)
	}
	n := &dashdtest.Node{Binary: program, Dir: dir, Addr: "127.0.0.1:0"}
	n.Start(t)
	f.reader = reader{base: n.URL, header: http.Header{"X-Api-Key": {apiKey}}}
	f.waitUntilReady(t)
	return f
}

// waitUntilReady waits until the node has folded its log.
func (f *figures) waitUntilReady(t *testing.T) {
	t.Helper()
	for deadline := time.Now().Add(patience); ; {
		var s struct{ Dash struct{ Ready bool } }
		decode(t, f.get(t, "/v1/status", http.StatusOK), &s)
		if s.Dash.Ready {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("the node does not come to the end of its log")
		}
	}
}

// figure is a question, and the twin's answer.
type figure struct {
	path string
	want func(*twin, int64) any
}

// questions are all that is compared.
func (f *figures) questions() []figure {
	var all []figure
	ask := func(path string, want func(tw *twin, now int64) any) { all = append(all, figure{path, want}) }
	scopes := []string{""}
	if len(f.history.Organizations) > 0 {
		scopes = append(scopes, f.history.Organizations[0])
	}
	for _, organization := range scopes {
		scoped := func(tw *twin) *twin {
			if organization == "" {
				return tw
			}
			return tw.of(organization)
		}
		scope := ""
		if organization != "" {
			scope = "&organizationId=" + organization
		}
		for _, source := range []string{"sessions", "lastActiveAt", "events"} {
			ask("/dash/stats?source="+source+scope, func(tw *twin, now int64) any { return scoped(tw).stats(now, source) })
			for _, period := range []string{"daily", "weekly", "monthly"} {
				rest := "?source=" + source + "&period=" + period + scope
				ask("/dash/graph"+rest, func(tw *twin, now int64) any { return scoped(tw).graph(now, period, source) })
				ask("/dash/retention"+rest, func(tw *twin, now int64) any { return scoped(tw).retention(now, period, source) })
			}
		}
		for activity, types := range map[string][]string{
			"any": nil, "sign-in": {"user.logged_in", "session.created"}, "user.updated,oauth.linked": {"user.updated", "oauth.linked"},
		} {
			ask("/v1/analytics/cohorts?unit=week&cohorts=26&activity="+activity+scope, func(tw *twin, now int64) any {
				return scoped(tw).cohorts(now, 26, types...)
			})
		}
		ask("/dash/map?limit=1000"+scope, func(tw *twin, _ int64) any { return scoped(tw).worldMap(1000) })
	}
	return all
}

// compare compares all answers as of a moment.
func (f *figures) compare(t *testing.T, tw *twin, now int64, asOf string) {
	for _, q := range f.questions() {
		got, want := f.ask(t, q.path+"&"+asOf), asJSON(t, q.want(tw, now))
		if why := differ(got, want, "answer"); why != "" {
			t.Errorf("GET %s: %s", q.path, why)
		}
	}
}

// compareNow compares the answers of the present, which is some millisecond between the question
// and the answer.
func (f *figures) compareNow(t *testing.T, tw *twin) {
	for _, q := range f.questions() {
		before := time.Now().UnixMilli()
		got := f.ask(t, q.path)
		after, why := time.Now().UnixMilli(), ""
		for now := before; now <= after; now++ {
			if why = differ(got, asJSON(t, q.want(tw, now)), "answer"); why == "" {
				break
			}
		}
		if why != "" {
			t.Errorf("GET %s: %s", q.path, why)
		}
	}
}

func (f *figures) ask(t *testing.T, path string) (answer any) {
	t.Helper()
	decode(t, f.get(t, path, http.StatusOK), &answer)
	return answer
}

// differ says where got is not what is wanted: "" if it is. It may have more keys.
func differ(got, want any, where string) string {
	switch want := want.(type) {
	case map[string]any:
		got, _ := got.(map[string]any)
		for name, value := range want {
			if why := differ(got[name], value, where+"."+name); why != "" {
				return why
			}
		}
		return ""
	case []any:
		list, _ := got.([]any)
		for i := range min(len(list), len(want)) {
			if why := differ(list[i], want[i], fmt.Sprintf("%s[%d]", where, i)); why != "" {
				return why
			}
		}
		if len(list) != len(want) {
			return fmt.Sprintf("%s has %d entries, want %d", where, len(list), len(want))
		}
		return ""
	}
	if !reflect.DeepEqual(got, want) {
		return fmt.Sprintf("%s is %v, want %v", where, got, want)
	}
	return ""
}
