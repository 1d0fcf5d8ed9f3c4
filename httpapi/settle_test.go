package httpapi_test

import (
	"context"
	"log/slog"
	"net/http"
	"testing"
	"time"

	"dashd/eventlog"
	"dashd/httpapi"
	"dashd/projections"
)

// While the tables are behind the log, a read that has not said how new it must be gets what there is,
// and is told so.
func TestG5_AReadThatNamesNoLevelIsNotRefusedWhileTheTablesAreBehind(t *testing.T) {
	d := start(t)
	behind := projections.NewDashFollower(d.node.Store, projections.DashOptions{Log: slog.New(slog.DiscardHandler), Now: d.now})
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- behind.Run(ctx) }()
	if err := behind.Wait(ctx, d.node.Store.Head()); err != nil {
		t.Fatal(err)
	}
	stop() // from here on it folds nothing
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	d.append(eventlog.Event{Project: "default", Type: eventlog.UserJoined, UserID: "u1", Key: "u1"})
	o := d.options(slog.New(slog.DiscardHandler))
	o.Dash = behind
	api := httpapi.New(o)
	api.SetClusterPatience(50*time.Millisecond, 50*time.Millisecond)
	for _, tt := range []struct {
		target string
		status int
		level  string // or the code of the refusal
	}{
		{"/dash/users", 200, "stale"},
		{"/dash/stats", 200, "stale"},
		{"/dash/users?consistency=leader", 503, "NOT_FOLDED_YET"},
		{"/dash/users?consistency=strong", 503, "NOT_FOLDED_YET"},
		{"/dash/users?after=2", 200, "stale"},
		{"/dash/users?after=100000", 503, "NOT_FOLDED_YET"},
	} {
		a := request(api.Handler(false), "GET", tt.target, "", "X-Api-Key", d.root)
		if tt.status != http.StatusOK {
			a.wantError(t, tt.status, tt.level)
			continue
		}
		if a.status != tt.status || a.header.Get("Dashd-Consistency") != tt.level {
			t.Errorf("%s: %d, level %q, want %d, %q: %s", tt.target, a.status, a.header.Get("Dashd-Consistency"), tt.status, tt.level, a.body)
		}
	}
}
