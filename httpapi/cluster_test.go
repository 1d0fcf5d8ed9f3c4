package httpapi_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"dashd/eventlog"
	"dashd/httpapi"
	"dashd/internal/commands"
	"dashd/internal/errs"
	"dashd/projections"
)

// others is a cluster of which this node is the only one that runs: others are in its log.
type others struct {
	d *daemon

	mu        sync.Mutex
	transfers []string // to whom the lead was given
	weak      error    // why the cluster cannot do without somebody
}

func (o *others) NodeID() string { return o.d.node.Identity().NodeID }

func (o *others) ClusterStatus(ctx context.Context) any { return o.d.node.ClusterStatus(ctx) }

func (o *others) JoinToken(id string, secret [sha256.Size]byte) (string, error) {
	return "token " + id + " " + hex.EncodeToString(secret[:]), nil
}

func (o *others) Transfer(_ context.Context, to string) (string, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.transfers = append(o.transfers, to)
	return "n2", nil
}

func (o *others) Able([]projections.Node) error { return o.weak }

// begin makes sure that the log holds a cluster with this node in it.
func (o *others) begin() {
	o.d.t.Helper()
	id := o.d.node.Identity()
	first := projections.Node{ID: id.NodeID, Incarnation: id.Incarnation, Address: "10.0.0.1:8788"}
	err := o.d.commands.BeginCluster(o.d.t.Context(), id.ClusterID, first, func() (certDER, seed []byte, err error) {
		return []byte("a certificate"), make([]byte, 32), nil
	})
	if err != nil {
		o.d.t.Fatal(err)
	}
}

// join lets a node in.
func (o *others) join(node string) {
	o.d.t.Helper()
	o.begin()
	id, secret, _, err := o.d.commands.CreateJoinToken(o.d.t.Context(), projections.Operator("admin-socket"), 0)
	if err != nil {
		o.d.t.Fatal(err)
	}
	err = o.d.commands.JoinNode(o.d.t.Context(), commands.NodeJoin{TokenID: id, Secret: secret, Node: node, Incarnation: "i", Address: node + ".example:8788"})
	if err != nil {
		o.d.t.Fatal(err)
	}
}

// inCluster makes d one of the nodes of a cluster.
func inCluster(o *others) with {
	return func(options *httpapi.Options, _ *http.Server) { options.Membership = o }
}

// startOthers starts a node that is in a cluster.
func startOthers(t *testing.T) (*daemon, *others) {
	t.Helper()
	o := &others{}
	d := start(t, inCluster(o))
	o.d = d
	o.begin()
	return d, o
}

func TestJoinTokenIsShownOnce(t *testing.T) {
	d, _ := startOthers(t)
	for _, tt := range []struct {
		name, body string
		status     int
		lasts      time.Duration
	}{
		{"without a body", "", 200, 15 * time.Minute},
		{"with an empty one", "{}", 200, 15 * time.Minute},
		{"for a minute", `{"expiresIn":60}`, 200, time.Minute},
		{"for ever", `{"expiresIn":9223372036854775807}`, 400, 0},
		{"for less than no time", `{"expiresIn":-1}`, 400, 0},
		{"for some time", `{"expiresIn":"60"}`, 400, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var body any
			if tt.body != "" {
				body = json.RawMessage(tt.body)
			}
			head, before := d.node.Store.Head(), time.UnixMilli(d.now())
			a := d.call("POST", "/v1/cluster/join-tokens", d.root, body)
			if a.status != tt.status {
				t.Fatalf("%d %s", a.status, a.body)
			}
			if tt.status != http.StatusOK {
				if d.node.Store.Head() != head {
					t.Error("and there is an event")
				}
				return
			}
			var made struct {
				ID, Token string
				ExpiresAt time.Time
			}
			if err := json.Unmarshal(a.body, &made); err != nil || a.header.Get("Cache-Control") != "no-store" {
				t.Fatalf("%s, %v, Cache-Control %q", a.body, err, a.header.Get("Cache-Control"))
			}
			row, ok := d.access.Image().JoinToken(made.ID)
			secret, err := hex.DecodeString(strings.TrimPrefix(made.Token, "token "+made.ID+" "))
			if !ok || err != nil || !row.Opens([32]byte(secret)) || !row.ExpiresAt.Equal(made.ExpiresAt) ||
				made.ExpiresAt.Before(before.Add(tt.lasts)) || made.ExpiresAt.After(before.Add(tt.lasts+time.Minute)) {
				t.Errorf("%s makes %+v", a.body, row)
			}
			rec, err := d.node.Store.Read(d.node.Store.Head())
			if err != nil || rec.Type != eventlog.DashdJoinTokenCreated || strings.Contains(string(rec.Metadata), hex.EncodeToString(secret)) {
				t.Errorf("the event is %s %s, %v", rec.Type, rec.Metadata, err)
			}
		})
	}
}

func TestLeadIsGivenAway(t *testing.T) {
	d, o := startOthers(t)
	if a := d.call("POST", "/v1/cluster/transfer", d.root, nil); a.status != http.StatusConflict || !strings.Contains(string(a.body), "LAST_NODE") {
		t.Errorf("alone: %d %s", a.status, a.body)
	}
	o.join("n2")
	for _, tt := range []struct{ body, want string }{
		{`{}`, "n2"},
		{`{"to":"n2"}`, "n2"},
		{fmt.Sprintf(`{"to":%q}`, o.NodeID()), o.NodeID()},
	} {
		a := d.call("POST", "/v1/cluster/transfer", d.root, json.RawMessage(tt.body))
		if want := fmt.Sprintf(`{"from":%q,"leader":%q}`, o.NodeID(), tt.want); a.status != http.StatusOK || strings.TrimSpace(string(a.body)) != want {
			t.Errorf("%s: %d %s, want %s", tt.body, a.status, a.body, want)
		}
	}
	if want := []string{"", "n2"}; !slices.Equal(o.transfers, want) {
		t.Errorf("given to %q, want %q: it has the lead already when asked to take it itself", o.transfers, want)
	}
	if a := d.call("POST", "/v1/cluster/transfer", d.root, json.RawMessage(`{"to":"n9"}`)); a.status != http.StatusNotFound {
		t.Errorf("to nobody: %d %s", a.status, a.body)
	}
}

func TestNodeIsRemoved(t *testing.T) {
	d, o := startOthers(t)
	remove := func(id string) answer { return d.call("DELETE", "/v1/cluster/nodes/"+id, d.root, nil) }
	if a := remove("n9"); a.status != http.StatusNotFound {
		t.Errorf("a node nobody knows: %d %s", a.status, a.body)
	}
	if a := remove(o.NodeID()); a.status != http.StatusConflict || len(o.transfers) > 0 {
		t.Errorf("the last one: %d %s, transfers %q", a.status, a.body, o.transfers)
	}
	o.join("n2")
	o.join("n3")
	o.weak = errs.New(errs.Conflict, "NO_MAJORITY", "too few")
	for _, id := range []string{"n3", o.NodeID()} {
		if a := remove(id); a.status != http.StatusConflict || !strings.Contains(string(a.body), "NO_MAJORITY") || len(o.transfers) > 0 {
			t.Errorf("%s, without whom there is no majority: %d %s, transfers %q", id, a.status, a.body, o.transfers)
		}
	}
	o.weak = nil
	for range 2 {
		if a := remove("n3"); a.status != http.StatusOK || !strings.Contains(string(a.body), `"removedBy"`) {
			t.Errorf("%d %s", a.status, a.body)
		}
	}
	if members := d.access.Image().Members(); len(members) != 2 {
		t.Errorf("members = %+v", members)
	}
}

// The leader itself gives the lead away before anything is written, and the request goes to the next one.
func TestLeaderIsRemovedByTheNextOne(t *testing.T) {
	o := &others{}
	follower := &elsewhere{}
	d := start(t, inCluster(o), func(options *httpapi.Options, _ *http.Server) {
		follower.Cluster, options.Cluster = options.Cluster, follower
	})
	o.d = d
	o.join("n2")
	follower.when = func() bool { o.mu.Lock(); defer o.mu.Unlock(); return len(o.transfers) > 0 }
	head := d.node.Store.Head()
	a := d.call("DELETE", "/v1/cluster/nodes/"+o.NodeID(), d.root, nil)
	if a.status != http.StatusTeapot || !slices.Equal(o.transfers, []string{""}) || follower.path != "/peer/api/v1/cluster/nodes/"+o.NodeID() {
		t.Errorf("%d %s, transfers %q, sent to %s", a.status, a.body, o.transfers, follower.path)
	}
	if d.node.Store.Head() != head {
		t.Errorf("%d events were written by a node that was to be removed", d.node.Store.Head()-head)
	}
}

// elsewhere is a cluster in which another node leads once when says so.
type elsewhere struct {
	httpapi.Cluster
	when func() bool
	path string // of the last request that was sent there
}

func (e *elsewhere) Leads() bool { return !e.when() }

func (e *elsewhere) WaitLeader(context.Context) (bool, error) { return !e.when(), nil }

func (e *elsewhere) Do(r *http.Request) (*http.Response, error) {
	e.path = r.URL.Path
	return &http.Response{StatusCode: http.StatusTeapot, Header: http.Header{}, Body: http.NoBody, Request: r}, nil
}

func TestNodeWithoutAClusterPort(t *testing.T) {
	d := start(t, func(options *httpapi.Options, _ *http.Server) { options.Membership = nil })
	for _, r := range [][2]string{
		{"GET", "/v1/cluster"}, {"POST", "/v1/cluster/join-tokens"}, {"POST", "/v1/cluster/transfer"}, {"DELETE", "/v1/cluster/nodes/n2"},
	} {
		if a := d.call(r[0], r[1], d.root, nil); a.status != http.StatusConflict || !strings.Contains(string(a.body), "NO_CLUSTER") {
			t.Errorf("%s %s: %d %s", r[0], r[1], a.status, a.body)
		}
	}
}
