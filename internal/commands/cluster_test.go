package commands_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"dashd/eventlog"
	"dashd/internal/commands"
	"dashd/internal/errs"
	"dashd/projections"
)

var firstNode = projections.Node{ID: "n1", Incarnation: "i1", Address: "10.0.0.1:8788"}

// tenant is a key with all rights in a project that is not the operators'.
var tenant = projections.Principal{KeyID: "k7", Project: "shop", Scopes: []string{"*"}, KeyHash: projections.KeyHash{7}}

// anAuthority is one, as far as commands look at it.
func anAuthority() (certDER, seed []byte, err error) {
	return []byte("a certificate"), bytes.Repeat([]byte{7}, 32), nil
}

// withCluster is a node that has begun a cluster.
func withCluster(t *testing.T) *node {
	t.Helper()
	n := open(t, t.TempDir())
	if err := n.BeginCluster(t.Context(), "c1", firstNode, anAuthority); err != nil {
		t.Fatal(err)
	}
	return n
}

// at returns the node's commands at another time.
func (n *node) at(ms int64) *commands.Commands {
	return commands.New(commands.Options{
		Appender: n.appender, Reports: n.appender, Access: n.access, Dash: n.dash, Log: n.log, Sealer: sealer,
		Now: func() int64 { return ms }, Settle: func(context.Context) (uint64, error) { return n.log.Head(), nil },
	})
}

// ticket makes a join token, and the request of a node that has it.
func (n *node) ticket(node string) commands.NodeJoin {
	n.t.Helper()
	id, secret, _, err := n.CreateJoinToken(n.t.Context(), socket, 0)
	if err != nil {
		n.t.Fatal(err)
	}
	return commands.NodeJoin{TokenID: id, Secret: secret, Node: node, Incarnation: "of-" + node, Address: node + ".example:8788"}
}

func (n *node) mustJoin(join commands.NodeJoin) {
	n.t.Helper()
	if err := n.JoinNode(n.t.Context(), join); err != nil {
		n.t.Fatal(err)
	}
}

// members are the ids of the nodes that were not removed.
func (n *node) members() (ids []string) {
	for _, m := range n.access.Image().Members() {
		ids = append(ids, m.ID)
	}
	return ids
}

func TestClusterBeginsOnce(t *testing.T) {
	n := withProjects(t) // a cluster from before there were several nodes
	blocks := n.proposer.blocks
	if err := n.BeginCluster(t.Context(), "c1", firstNode, anAuthority); err != nil {
		t.Fatal(err)
	}
	if n.proposer.blocks != blocks+1 {
		t.Errorf("%d blocks, want one: neither the authority nor the first member is without the other", n.proposer.blocks-blocks)
	}
	again := func(c *commands.Commands) {
		t.Helper()
		err := c.BeginCluster(t.Context(), "c1", projections.Node{ID: "n9", Incarnation: "i9", Address: "10.0.0.9:8788"},
			func() ([]byte, []byte, error) { t.Error("a second authority is made"); return nil, nil, nil })
		if err != nil {
			t.Error(err)
		}
	}
	check := func(m *projections.AccessImage) {
		t.Helper()
		cert, seed, err := m.OpenCA(sealer)
		if err != nil || string(cert) != "a certificate" || !bytes.Equal(seed, bytes.Repeat([]byte{7}, 32)) || m.ClusterID() != "c1" {
			t.Errorf("OpenCA = %q, %x, %v of cluster %q", cert, seed, err, m.ClusterID())
		}
		if nodes := m.Nodes(); len(nodes) != 1 || nodes[0].ID != "n1" || nodes[0].Address != firstNode.Address {
			t.Errorf("nodes = %+v", nodes)
		}
	}
	head := n.log.Head()
	again(n.Commands)
	n = n.reopen()
	if err := n.access.Wait(t.Context(), n.log.Head()); err != nil {
		t.Fatal(err)
	}
	again(n.Commands)
	check(n.access.Image())
	if n.log.Head() != head {
		t.Errorf("head = %d, want %d", n.log.Head(), head)
	}
}

// Of two leaders that both begin the cluster, the log takes the first: the second one's image
// does not hold what the first has written.
func TestFirstAuthorityWinsInTheLog(t *testing.T) {
	n := withCluster(t)
	late := n.with(&behind{Follower: n.access, image: projections.NewAccess().Image()})
	made := 0
	err := late.BeginCluster(t.Context(), "c1", projections.Node{ID: "n2", Incarnation: "i2", Address: "10.0.0.2:8788"}, func() ([]byte, []byte, error) {
		made++
		return []byte("another certificate"), make([]byte, 32), nil
	})
	if err != nil || made != 1 {
		t.Fatalf("BeginCluster = %v, %d authorities made; want one, for nothing", err, made)
	}
	if cert, _ := n.access.Image().CA(); string(cert) != "a certificate" || !slices.Equal(n.members(), []string{"n1"}) {
		t.Errorf("authority %q, members %v", cert, n.members())
	}
}

// behind shows an old image to the first who decides something.
type behind struct {
	*projections.Follower
	image *projections.AccessImage
	asked atomic.Int32
}

func (b *behind) Image() *projections.AccessImage {
	if b.asked.Add(1) <= 2 { // at the door, and to the first decision
		return b.image
	}
	return b.Follower.Image()
}

func TestClusterThatBeginsWithoutAnAuthority(t *testing.T) {
	n := open(t, t.TempDir())
	broken := errors.New("no randomness")
	if err := n.BeginCluster(t.Context(), "c1", firstNode, func() ([]byte, []byte, error) { return nil, nil, broken }); !errors.Is(err, broken) {
		t.Errorf("BeginCluster = %v", err)
	}
	if n.log.Head() != 0 {
		t.Errorf("%d events were written", n.log.Head())
	}
	if _, _, _, err := n.CreateJoinToken(t.Context(), socket, 0); errs.CodeOf(err) != "NO_CLUSTER" {
		t.Errorf("a token for no cluster: %v", err)
	}
}

func TestJoinTokenIsAdminsOnlyAndNotForEver(t *testing.T) {
	n := withCluster(t)
	for _, tt := range []struct {
		name     string
		by       projections.Principal
		lifetime time.Duration
		code     string
	}{
		{"by a key with all rights in a project", tenant, 0, "FORBIDDEN"},
		{"of no time", socket, -time.Second, "INVALID_LIFETIME"},
		{"of less than a second", socket, time.Millisecond, "INVALID_LIFETIME"},
		{"of more than a day", socket, 24*time.Hour + 1, "INVALID_LIFETIME"},
		{"of a day", socket, 24 * time.Hour, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			head := n.log.Head()
			_, secret, _, err := n.CreateJoinToken(t.Context(), tt.by, tt.lifetime)
			if errs.CodeOf(err) != tt.code || (err == nil) != (n.log.Head() == head+1) || (err == nil) == (secret == [32]byte{}) {
				t.Errorf("CreateJoinToken = %v, %d events", err, n.log.Head()-head)
			}
		})
	}
	id, secret, expires, err := n.CreateJoinToken(t.Context(), socket, 0)
	if err != nil || expires.UnixMilli() != noon+15*60*1000 {
		t.Fatalf("CreateJoinToken = %v, %v; want a quarter of an hour", expires, err)
	}
	row, ok := n.access.Image().JoinToken(id)
	if !ok || !row.Opens(secret) || row.Opens([32]byte{}) || row.CreatedBy != "admin-socket" || !row.ExpiresAt.Equal(expires) {
		t.Errorf("the row is %+v", row)
	}
}

// Nothing that a token holds is in the log but its id and a hash.
func TestSecretOfAJoinTokenIsNowhere(t *testing.T) {
	n := withCluster(t)
	join := n.ticket("n2")
	n.mustJoin(join)
	for _, r := range n.records() {
		for _, text := range []string{string(join.Secret[:]), fmt.Sprintf("%x", join.Secret), fmt.Sprintf("%v", join.Secret)} {
			if strings.Contains(fmt.Sprintf("%+v", r), text) || bytes.Contains(r.Metadata, []byte(text)) {
				t.Errorf("event %d holds the secret: %+v", r.Seq, r)
			}
		}
	}
}

// The table of who is let in, and who is not. Each begins with a cluster of n1, which has let in
// n2 with a token, and removed n3.
func TestWhoMayJoin(t *testing.T) {
	n := withCluster(t)
	used := n.ticket("n2")
	n.mustJoin(used)
	gone := n.ticket("n3")
	n.mustJoin(gone)
	if _, err := n.RemoveNode(t.Context(), socket, "n3", nil); err != nil {
		t.Fatal(err)
	}
	end := noon + commands.DefaultJoinLifetime.Milliseconds()
	change := func(j commands.NodeJoin, f func(*commands.NodeJoin)) commands.NodeJoin { f(&j); return j }
	fresh := n.ticket("n4")
	tests := []struct {
		name string
		join commands.NodeJoin
		at   int64
		code string // "" is let in, or has been
		why  commands.RefusalReason
	}{
		{"with a token nobody made", change(fresh, func(j *commands.NodeJoin) { j.TokenID = "0123456789abcdef" }), noon, "JOIN_TOKEN_REFUSED", commands.WrongJoinToken},
		{"with no token", change(fresh, func(j *commands.NodeJoin) { j.TokenID, j.Secret = "", [32]byte{} }), noon, "JOIN_TOKEN_REFUSED", commands.WrongJoinToken},
		{"with another secret", change(fresh, func(j *commands.NodeJoin) { j.Secret[31] ^= 1 }), noon, "JOIN_TOKEN_REFUSED", commands.WrongJoinToken},
		{"with the secret of another token", change(fresh, func(j *commands.NodeJoin) { j.Secret = used.Secret }), noon, "JOIN_TOKEN_REFUSED", commands.WrongJoinToken},
		{"when the token has expired", fresh, end, "JOIN_TOKEN_REFUSED", commands.ExpiredJoinToken},
		{"with a token that another node has used", change(used, func(j *commands.NodeJoin) { j.Node = "n4" }), noon, "JOIN_TOKEN_REFUSED", commands.UsedJoinToken},
		{"with its token, in another life", change(used, func(j *commands.NodeJoin) { j.Incarnation = "another" }), noon, "JOIN_TOKEN_REFUSED", commands.UsedJoinToken},
		{"with its token, after it was removed", gone, noon, "JOIN_TOKEN_REFUSED", commands.UsedJoinToken},
		{"again with its token, when it has expired", used, end, "JOIN_TOKEN_REFUSED", commands.ExpiredJoinToken},
		{"again with its token", used, end - 1, "", ""},
		{"with a new token, as a member", change(fresh, func(j *commands.NodeJoin) { j.Node = "n2" }), noon, "NODE_KNOWN", ""},
		{"with a new token, in another life of a member", change(fresh, func(j *commands.NodeJoin) { j.Node, j.Incarnation = "n1", "new" }), noon, "NODE_KNOWN", ""},
		{"with a new token, after it was removed", change(fresh, func(j *commands.NodeJoin) { j.Node = "n3" }), noon, "NODE_REMOVED", ""},
		{"at the address of another", change(fresh, func(j *commands.NodeJoin) { j.Address = used.Address }), noon, "ADDRESS_TAKEN", ""},
		{"without an id", change(fresh, func(j *commands.NodeJoin) { j.Node = "" }), noon, "INVALID_NODE", ""},
		{"with an id that fits into no certificate", change(fresh, func(j *commands.NodeJoin) { j.Node = "n4/../n1" }), noon, "INVALID_NODE", ""},
		{"with an incarnation that fits into none", change(fresh, func(j *commands.NodeJoin) { j.Incarnation = strings.Repeat("x", 65) }), noon, "INVALID_NODE", ""},
		{"without an address", change(fresh, func(j *commands.NodeJoin) { j.Address = "" }), noon, "INVALID_ADDRESS", ""},
		{"at every address", change(fresh, func(j *commands.NodeJoin) { j.Address = "0.0.0.0:8788" }), noon, "INVALID_ADDRESS", ""},
		{"at every address of the other kind", change(fresh, func(j *commands.NodeJoin) { j.Address = "[::]:8788" }), noon, "INVALID_ADDRESS", ""},
		{"at a port that is none", change(fresh, func(j *commands.NodeJoin) { j.Address = "n4:0" }), noon, "INVALID_ADDRESS", ""},
		{"at a port by name", change(fresh, func(j *commands.NodeJoin) { j.Address = "n4:http" }), noon, "INVALID_ADDRESS", ""},
		{"at an address with more in it", change(fresh, func(j *commands.NodeJoin) { j.Address = "n4/x@evil:8788" }), noon, "INVALID_ADDRESS", ""},
		{"at an address that would write to a terminal", change(fresh, func(j *commands.NodeJoin) { j.Address = "[fe80::1%\x1b[2J]:8788" }), noon, "INVALID_ADDRESS", ""},
		{"at an address that fits into no token", change(fresh, func(j *commands.NodeJoin) { j.Address = strings.Repeat("n", 252) + ":8788" }), noon, "INVALID_ADDRESS", ""},
		{"with the address of a node that was removed", change(fresh, func(j *commands.NodeJoin) { j.Address = gone.Address }), end - 1, "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			before, head := n.members(), n.log.Head()
			err := n.at(tt.at).JoinNode(t.Context(), tt.join)
			var why *commands.JoinRefused
			if errs.CodeOf(err) != tt.code || errors.As(err, &why) != (tt.why != "") || why != nil && why.Reason != tt.why {
				t.Errorf("JoinNode = %v (%s); want %q for %q", err, errs.CodeOf(err), tt.code, tt.why)
			}
			if err != nil && (n.log.Head() != head || !slices.Equal(n.members(), before)) {
				t.Errorf("a join that was refused has changed the members to %v", n.members())
			}
		})
	}
	if got, want := n.members(), []string{"n1", "n2", "n4"}; !slices.Equal(got, want) {
		t.Errorf("members = %v, want %v", got, want)
	}
}

// A token lets one node in, whoever comes at the same time, also where nobody has seen what the
// others did: the log takes the first.
func TestJoinTokenIsGoodOnce(t *testing.T) {
	n := withCluster(t)
	join := n.ticket("")
	stale := n.access.Image()
	var in atomic.Int32
	var nodes sync.WaitGroup
	gate := make(chan struct{})
	for i := range 16 {
		mine := join
		mine.Node, mine.Incarnation, mine.Address = fmt.Sprintf("n%d", 10+i), "of-it", fmt.Sprintf("10.0.1.%d:8788", i)
		c := n.Commands
		if i%2 == 1 {
			c = n.with(&behind{Follower: n.access, image: stale}) // another leader, which has seen nothing
		}
		nodes.Go(func() {
			<-gate
			err := c.JoinNode(t.Context(), mine)
			var why *commands.JoinRefused
			switch {
			case err == nil:
				in.Add(1)
			case !errors.As(err, &why) || why.Reason != commands.UsedJoinToken:
				t.Errorf("%s: %v", mine.Node, err)
			}
		})
	}
	close(gate)
	nodes.Wait()
	if in.Load() != 1 || len(n.members()) != 2 {
		t.Errorf("%d nodes were let in, members %v; want one", in.Load(), n.members())
	}
}

// The answer of a join may be lost: the same node asks again, and there is one event.
func TestJoinWhoseOutcomeIsUnknown(t *testing.T) {
	for _, written := range []bool{false, true} {
		n := withCluster(t)
		join := n.ticket("n2")
		n.proposer.loseNext(written)
		if err := n.JoinNode(t.Context(), join); errs.KindOf(err) != errs.Unavailable {
			t.Fatalf("JoinNode = %v", err)
		}
		for range 2 {
			n.mustJoin(join)
		}
		joined := 0
		for _, r := range n.records() {
			if r.Type == eventlog.DashdNodeJoined && strings.Contains(string(r.Metadata), join.TokenID) {
				joined++
			}
		}
		if joined != 1 || !slices.Equal(n.members(), []string{"n1", "n2"}) {
			t.Errorf("written %v: %d events, members %v", written, joined, n.members())
		}
	}
}

func TestRemovingNodes(t *testing.T) {
	n := withCluster(t)
	n.mustJoin(n.ticket("n2"))
	weak := errs.New(errs.Conflict, "NO_MAJORITY", "too few")
	var asked []string
	refuses := func(rest []projections.Node) error {
		asked = nil
		for _, r := range rest {
			asked = append(asked, r.ID)
		}
		return weak
	}
	remove := func(by projections.Principal, id string, able func([]projections.Node) error) error {
		_, err := n.RemoveNode(t.Context(), by, id, able)
		return err
	}
	if err := remove(tenant, "n2", nil); errs.CodeOf(err) != "FORBIDDEN" {
		t.Errorf("by a project's key: %v", err)
	}
	if err := remove(socket, "n7", nil); errs.CodeOf(err) != "NODE_NOT_FOUND" {
		t.Errorf("a node nobody knows: %v", err)
	}
	for _, try := range []func() error{
		func() error { return remove(socket, "n2", refuses) },
		func() error { return n.MayRemove(socket, "n2", refuses) },
	} {
		if err := try(); !errors.Is(err, weak) || !slices.Equal(asked, []string{"n1"}) {
			t.Errorf("without a majority: %v, asked about %v", err, asked)
		}
	}
	if !slices.Equal(n.members(), []string{"n1", "n2"}) {
		t.Fatalf("members = %v", n.members())
	}
	gone, err := n.RemoveNode(t.Context(), socket, "n2", nil)
	if err != nil || !gone.Removed() || gone.RemovedBy != "admin-socket" || gone.RemovedAt.UnixMilli() != noon {
		t.Fatalf("RemoveNode = %+v, %v", gone, err)
	}
	head := n.log.Head()
	if err := remove(socket, "n2", refuses); err != nil || n.log.Head() != head {
		t.Errorf("again: %v, %d events", err, n.log.Head()-head)
	}
	if err := remove(socket, "n1", nil); errs.CodeOf(err) != "LAST_NODE" {
		t.Errorf("the last one: %v", err)
	}
	if err := n.MoveNode(t.Context(), "n2", "10.0.0.5:8788"); errs.CodeOf(err) != "NODE_REMOVED" {
		t.Errorf("a removed node moves: %v", err)
	}
}

func TestMovingNodes(t *testing.T) {
	n := withCluster(t)
	n.mustJoin(n.ticket("n2"))
	address := func() string { m, _ := n.access.Image().Node("n2"); return m.Address }
	// There and back, and there again: each is an event of its own.
	for _, to := range []string{"10.0.0.5:8788", "n2.example:8788", "10.0.0.5:8788"} {
		head := n.log.Head()
		for range 2 {
			if err := n.MoveNode(t.Context(), "n2", to); err != nil || address() != to {
				t.Fatalf("MoveNode(%s) = %v, at %s", to, err, address())
			}
		}
		if n.log.Head() != head+1 {
			t.Errorf("%d events, want one", n.log.Head()-head)
		}
	}
	for _, tt := range []struct{ id, to, code string }{
		{"n2", "no address", "INVALID_ADDRESS"},
		{"n2", firstNode.Address, "ADDRESS_TAKEN"},
		{"n7", "10.0.0.7:8788", "NODE_NOT_FOUND"},
	} {
		if err := n.MoveNode(t.Context(), tt.id, tt.to); errs.CodeOf(err) != tt.code {
			t.Errorf("MoveNode(%s, %s) = %v, want %s", tt.id, tt.to, err, tt.code)
		}
	}
}

func TestTransferIsInTheTrailBeforeItBegins(t *testing.T) {
	n := withCluster(t)
	n.mustJoin(n.ticket("n2"))
	failed := errors.New("nobody took it")
	before := n.log.Head()
	err := n.TransferLeadership(t.Context(), socket, "n1", "n2", func(_ context.Context, to string) error {
		last := n.records()[n.log.Head()-1]
		if to != "n2" || n.log.Head() != before+1 || last.Type != eventlog.DashdLeadershipTransferred || last.ActorID != "admin-socket" {
			t.Errorf("it begins to %s behind %+v", to, last)
		}
		return failed
	})
	if !errors.Is(err, failed) {
		t.Errorf("TransferLeadership = %v", err)
	}
	unused := func(context.Context, string) error { t.Error("it begins"); return nil }
	for _, tt := range []struct {
		name string
		by   projections.Principal
		to   string
		code string
	}{
		{"by a project's key", tenant, "", "FORBIDDEN"},
		{"to the leader", socket, "n1", ""},
		{"to nobody", socket, "n7", "NODE_NOT_FOUND"},
	} {
		if err := n.TransferLeadership(t.Context(), tt.by, "n1", tt.to, unused); errs.CodeOf(err) != tt.code {
			t.Errorf("%s: %v, want %s", tt.name, err, tt.code)
		}
	}
	if _, err := n.RemoveNode(t.Context(), socket, "n2", nil); err != nil {
		t.Fatal(err)
	}
	for to, code := range map[string]string{"": "LAST_NODE", "n2": "NODE_NOT_FOUND"} {
		if err := n.TransferLeadership(t.Context(), socket, "n1", to, unused); errs.CodeOf(err) != code {
			t.Errorf("to %q of one: %v, want %s", to, err, code)
		}
	}
}
