package httpapi_test

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"dashd/eventlog"
	"dashd/eventlog/block"
)

const (
	hour     = int64(time.Hour / time.Millisecond)
	tenYears = 87_660 * hour
)

// TestF27_ClockJumps lets the clock of a node jump, while half an hour is left of a ban, a session, a
// key and a token. What the log holds never runs backwards; what depends on the present is what the
// clock says now, and is as before when the clock is right again.
func TestF27_ClockJumps(t *testing.T) {
	d := startAt(t, time.Date(2026, time.March, 1, 12, 0, 0, 0, time.UTC))
	key := d.key("default", 1800, "users:read").Text
	soon := d.now() + hour/2
	token := d.own().sign(map[string]any{"iat": d.now() / 1000, "exp": d.now()/1000 + 240, "apiKeyHash": hashOf(d.root)})
	d.append(
		reported(eventlog.UserJoined, "ada", `{"userId":"ada","userName":"Ada","userEmail":"ada@example.com"}`),
		reported(eventlog.UserJoined, "eve", `{"userId":"eve","userName":"Eve","userEmail":"eve@example.com"}`),
		reported(eventlog.SessionCreated, "eve", fmt.Sprintf(`{"userId":"eve","set":{"expiresAt":%d}}`, soon)),
	)
	a := d.call("POST", "/dash/user/ban", d.root, map[string]any{"userId": "ada", "banReason": "spam", "banExpires": soon})
	if a.status != 200 {
		t.Fatalf("ban: %d %s", a.status, a.body)
	}
	for i, tt := range []struct {
		ahead         int64
		good          bool // ban, session and key
		tokenAccepted int  // status
	}{
		{0, true, 200},
		{hour, false, 401},
		{0, true, 200},
		{-hour, true, 401}, // it was issued later
		{tenYears, false, 401},
		{0, true, 200},
		{-tenYears, true, 401},
		{hour, false, 401},
		{0, true, 200},
	} {
		d.ahead.Store(tt.ahead)
		d.append(reported("custom.tick", "ada", `{}`), reported("custom.tick", "bob", `{}`))
		if a := d.call("POST", "/dash/user", d.root, map[string]string{"name": "Bob", "email": fmt.Sprintf("bob%d@example.com", i)}); a.status != 200 {
			t.Errorf("jump %d: a command: %d %s", i, a.status, a.body)
		}
		if got := d.call("GET", "/dash/user?userId=ada", key, nil).status == 200; got != tt.good {
			t.Errorf("jump %d: the key is good: %v, want %v", i, got, tt.good)
		}
		if got := d.bearer("/dash/user?userId=ada", token).status; got != tt.tokenAccepted {
			t.Errorf("jump %d: the token: %d, want %d", i, got, tt.tokenAccepted)
		}
		var user struct{ Banned bool }
		if err := json.Unmarshal(d.call("GET", "/dash/user?userId=ada", d.root, nil).body, &user); err != nil || user.Banned != tt.good {
			t.Errorf("jump %d: banned %v (%v), want %v", i, user.Banned, err, tt.good)
		}
		var page struct{ Total int }
		if err := json.Unmarshal(d.call("GET", "/dash/sessions?active=true", d.root, nil).body, &page); err != nil || (page.Total == 1) != tt.good {
			t.Errorf("jump %d: %d sessions (%v), want one: %v", i, page.Total, err, tt.good)
		}
	}
	d.wantOrder(t)
}

func reported(kind eventlog.Type, user, metadata string) eventlog.Event {
	return eventlog.Event{
		Project: "default", Type: kind, UserID: user, Key: user, SessionID: "s-" + user, Source: eventlog.SourceAPI,
		Personal: eventlog.Personal{Metadata: []byte(metadata), Origin: eventlog.Origin{Vocabulary: eventlog.VocabularyDashd}},
	}
}

// wantOrder checks that what the log holds is in order: positions have no gaps, the time of receipt
// never falls, and neither does the time in the ids that dashd makes, of which none comes twice.
func (d *daemon) wantOrder(t *testing.T) {
	t.Helper()
	ids, next, received, made := map[string]bool{}, uint64(1), int64(0), ""
	err := d.node.Store.Blocks(context.Background(), 1, func(first uint64, _ []byte, b block.Block) error {
		if at := b.Header.ReceivedAt; at < received {
			t.Errorf("seq %d was received at %d, the one before at %d", first, at, received)
		} else {
			received = at
		}
		return b.Each(first, func(r *eventlog.Record) error {
			if r.Seq != next || ids[r.Project+r.ID] {
				t.Errorf("seq %d with the id %s, want seq %d and an id of its own", r.Seq, r.ID, next)
			}
			ids[r.Project+r.ID] = true
			next++
			if len(r.ID) == 36 && r.ID[14] == '7' {
				if r.ID[:13] < made {
					t.Errorf("seq %d has the id %s, after one of %s", r.Seq, r.ID, made)
				}
				made = r.ID[:13]
			}
			return nil
		})
	})
	if err != nil || made == "" {
		t.Errorf("%v; the last id: %q", err, made)
	}
}
