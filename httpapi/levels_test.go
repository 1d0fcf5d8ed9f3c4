package httpapi_test

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"testing"
	"time"

	"dashd/eventlog"
	"dashd/internal/commands"
	"dashd/projections"
)

func operatorOf() projections.Principal { return projections.Operator("test") }

// Each read has a level, says which, and keeps it; what has none says so.
func TestG5_LevelsOfReads(t *testing.T) {
	d := start(t)
	f := d.follower()
	f.api.SetClusterPatience(50*time.Millisecond, 50*time.Millisecond)
	d.append(eventlog.Event{Project: "default", Type: eventlog.UserJoined, UserID: "u1", Key: "u1"})
	head := d.node.Store.Head()
	const users, events, keys = "/dash/users", "/v1/events", "/v1/keys"
	unreachable := errors.New("unreachable")
	for _, tt := range []struct {
		name   string
		target string
		index  uint64 // what the leader says; 0: it cannot be asked
		age    time.Duration
		status int
		level  string // or the code of the refusal
	}{
		{"the dashboard reads as of the leader", users, head, time.Hour, 200, "leader"},
		{"and so does its alias", "/api/auth/dash/users", head, time.Hour, 200, "leader"},
		{"the dashboard waits for a leader", users, 0, 0, 503, "NO_READ_INDEX"},
		{"the dashboard may take less", users + "?consistency=stale", 0, 5 * time.Second, 200, "stale"},
		{"the dashboard is told what is too old", users + "?consistency=stale", 0, 5*time.Second + time.Millisecond, 503, "TOO_STALE"},
		{"the dashboard may ask for more", users + "?consistency=strong", head, time.Hour, 200, "strong"},
		{"this node is behind the leader", users, head + 1, 0, 503, "NOT_FOLDED_YET"},
		{"events are read from any node", events, 0, 5 * time.Second, 200, "stale"},
		{"events that are too old", events, 0, 6 * time.Second, 503, "TOO_STALE"},
		{"events of any age", events + "?max_stale_ms=60000", 0, 6 * time.Second, 200, "stale"},
		{"events of no age", events + "?max_stale_ms=0", 0, time.Millisecond, 503, "TOO_STALE"},
		{"of an age nobody knows", events, 0, -1, 503, "TOO_STALE"},
		{"events as of the leader", events + "?consistency=leader", head, time.Hour, 200, "leader"},
		{"events as of everything", events + "?consistency=strong", head, time.Hour, 200, "strong"},
		{"events this node has not yet", events + "?consistency=strong", head + 1, 0, 503, "NOT_FOLDED_YET"},
		{"events behind a seq that is there", events + "?after_seq=" + strconv.FormatUint(head, 10), 0, 0, 200, "stale"},
		{"events behind a seq that is not there", events + "?after_seq=" + strconv.FormatUint(head+1, 10), 0, 0, 503, "NOT_FOLDED_YET"},
		{"tables behind a seq that is not there", users + "?after_seq=" + strconv.FormatUint(head+1, 10), head, 0, 503, "NOT_FOLDED_YET"},
		{"keys are read from any node", keys, 0, time.Second, 200, "stale"},
		{"keys as of the leader", keys + "?consistency=leader", head, time.Hour, 200, "leader"},
		{"the past is what it is", fmt.Sprintf("%s?asOf=%d", users, head), 0, -1, 200, ""},
		{"the past of events", fmt.Sprintf("%s?asOf=%d", events, head), 0, -1, 200, ""},
		{"a past that this node has yet to reach", fmt.Sprintf("%s?asOf=%d", users, head+1), head + 1, 0, 503, "NOT_FOLDED_YET"},
		{"a past that nobody has reached", fmt.Sprintf("%s?asOf=%d", users, head+1), head, 0, 400, "AS_OF_IN_FUTURE"},
		{"a past that may still grow", users + "?asOf=" + time.UnixMilli(d.now()).UTC().Format("2006-01-02T15:04:05.000Z"), 0, 0, 503, "NO_READ_INDEX"},
		{"no level", users + "?consistency=weak", head, 0, 400, "VALIDATION_ERROR"},
		{"no age", users + "?consistency=stale&max_stale_ms=-1", head, 0, 400, "VALIDATION_ERROR"},
		{"an age for what has none", users + "?max_stale_ms=5", head, 0, 400, "VALIDATION_ERROR"},
		{"no seq", events + "?after_seq=x", head, 0, 400, "VALIDATION_ERROR"},
		{"what is about this node", "/v1/status", 0, -1, 200, ""},
		{"what is about this node has no level", "/v1/status?consistency=strong", head, 0, 400, "CONSISTENCY_NOT_SUPPORTED"},
		{"a stream has none", "/v1/events/stream?max_stale_ms=1", head, 0, 400, "CONSISTENCY_NOT_SUPPORTED"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			asked := ""
			f.link.index = func(strong bool) (uint64, error) {
				asked = map[bool]string{true: "strong", false: "leader"}[strong]
				if tt.index == 0 {
					return 0, unreachable
				}
				return tt.index, nil
			}
			f.link.age = func(uint64) (time.Duration, bool) { return max(tt.age, 0), tt.age >= 0 }
			a := request(f.public, "GET", tt.target, "", "X-Api-Key", d.root)
			if tt.status != http.StatusOK {
				a.wantError(t, tt.status, tt.level)
				return
			}
			if a.status != http.StatusOK || a.header.Get("Dashd-Consistency") != tt.level {
				t.Fatalf("%d %s, Dashd-Consistency %q, want %q", a.status, a.body, a.header.Get("Dashd-Consistency"), tt.level)
			}
			ms, err := strconv.Atoi(a.header.Get("Dashd-Age-Ms"))
			switch tt.level {
			case "":
				if asked != "" || err == nil {
					t.Errorf("the leader was asked (%q), Dashd-Age-Ms is %d", asked, ms)
				}
			case "stale":
				if asked != "" || err != nil || ms != int(tt.age.Milliseconds()) {
					t.Errorf("the leader was asked (%q), Dashd-Age-Ms is %d, %v", asked, ms, err)
				}
			default:
				if asked != tt.level || err != nil {
					t.Errorf("the leader was asked for %q, Dashd-Age-Ms is %v", asked, err)
				}
			}
		})
	}
}

// The tables a read shows are those whose age it tells, not the log's.
func TestG5_AgeIsThatOfTheTables(t *testing.T) {
	d := start(t)
	f := d.follower()
	var last uint64
	f.link.age = func(seq uint64) (time.Duration, bool) { last = seq; return 0, true }
	a := request(f.public, "GET", "/dash/users?consistency=stale", "", "X-Api-Key", d.root)
	if seq := a.header.Get("Dashd-Seq"); a.status != http.StatusOK || seq != strconv.FormatUint(last, 10) {
		t.Errorf("%d %s; as of %s, the age is that of %d", a.status, a.body, seq, last)
	}
}

// A key that is revoked opens nothing any more once the leader was asked, on no node.
func TestG5_ARevokedKeyIsSeenByLevel(t *testing.T) {
	d := start(t)
	f := d.follower()
	for _, level := range []string{"leader", "strong"} {
		k := d.key("default", 0, "users:read")
		f.link.index = func(bool) (uint64, error) { // between the check of the key and the read
			_, err := d.commands.RevokeKey(t.Context(), operatorOf(), commands.KeyRevoke{ID: k.ID})
			return d.node.Store.Head(), err
		}
		request(f.public, "GET", "/dash/users?consistency="+level, "", "X-Api-Key", k.Text).wantError(t, http.StatusUnauthorized, "UNAUTHORIZED")
	}
}

// A node that is alone has every level, and asks nobody.
func TestG5_ANodeThatIsAlone(t *testing.T) {
	d := start(t)
	for _, level := range []string{"strong", "leader", "stale"} {
		for _, path := range []string{"/dash/users", "/v1/events", "/v1/projects"} {
			a := d.call("GET", path+"?consistency="+level, d.root, nil)
			if a.status != http.StatusOK || a.header.Get("Dashd-Consistency") != level {
				t.Errorf("%s %s: %d %s, %q", path, level, a.status, a.body, a.header.Get("Dashd-Consistency"))
			}
		}
	}
	d.stop()
	a := d.call("GET", "/dash/users", d.root, nil)
	if a.status != http.StatusServiceUnavailable {
		t.Errorf("a node that has stopped: %d %s", a.status, a.body)
	}
	if a.header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
}
