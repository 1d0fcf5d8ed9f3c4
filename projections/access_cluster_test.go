package projections_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"dashd/eventlog"
	"dashd/internal/seal"
	"dashd/projections"
)

func secretOf(token string) (secret [32]byte) {
	copy(secret[:], "secret of "+token)
	return secret
}

func clusterBegun(seq uint64, cluster string) eventlog.Record {
	r := rec(seq, eventlog.DashdClusterCreated, projections.ClusterMeta{
		Cluster: cluster, Certificate: base64.StdEncoding.EncodeToString([]byte("certificate of " + cluster)),
	})
	r.Sealed = projections.SealCA(sealer, cluster, bytes.Repeat([]byte{byte(len(cluster))}, 32))
	return r
}

func joinToken(seq uint64, id string, expires int64) eventlog.Record {
	secret := secretOf(id)
	hash := sha256.Sum256(secret[:])
	return rec(seq, eventlog.DashdJoinTokenCreated, projections.JoinTokenMeta{Token: id, Hash: hex.EncodeToString(hash[:]), ExpiresAt: expires})
}

func nodeJoined(seq uint64, node, token string) eventlog.Record {
	return rec(seq, eventlog.DashdNodeJoined, projections.NodeMeta{Node: node, Incarnation: "life of " + node, Address: node + ":8788", Token: token})
}

func nodeMoved(seq uint64, node, address string) eventlog.Record {
	return rec(seq, eventlog.DashdNodeMoved, projections.NodeMeta{Node: node, Address: address})
}

func nodeRemoved(seq uint64, node string) eventlog.Record {
	return rec(seq, eventlog.DashdNodeRemoved, projections.NodeMeta{Node: node})
}

// clusterOfTwo is a cluster in which n2 has joined with t1; t2 is there to be used.
func clusterOfTwo() []eventlog.Record {
	return []eventlog.Record{
		clusterBegun(1, "c1"), nodeJoined(2, "n1", ""), joinToken(3, "t1", noon+hour), joinToken(4, "t2", noon+hour), nodeJoined(5, "n2", "t1"),
	}
}

func TestNodesAreWhatTheLogSays(t *testing.T) {
	m := fold(append(clusterOfTwo(), nodeMoved(6, "n2", "10.0.0.2:8788"), nodeRemoved(8, "n1"))...)
	at := func(ms int64) time.Time { return time.UnixMilli(ms).UTC() }
	for i, want := range []struct {
		id, address         string
		joinedAt, removedAt int64
		seq                 uint64
	}{
		{"n1", "n1:8788", noon + 2, noon + 8, 8},
		{"n2", "10.0.0.2:8788", noon + 5, 0, 6},
	} {
		got := m.Nodes()[i]
		if got.ID != want.id || got.Incarnation != "life of "+want.id || got.Address != want.address || got.Seq != want.seq ||
			!got.JoinedAt.Equal(at(want.joinedAt)) || got.Removed() != (want.removedAt > 0) || got.Removed() && (!got.RemovedAt.Equal(at(want.removedAt)) || got.RemovedBy != "op") {
			t.Errorf("node %d = %+v, want %+v", i, got, want)
		}
		if same, ok := m.Node(want.id); !ok || same != got {
			t.Errorf("Node(%s) = %+v, %v", want.id, same, ok)
		}
	}
	if left := m.Members(); len(left) != 1 || left[0].ID != "n2" {
		t.Errorf("Members = %+v", left)
	}
	if text, err := json.Marshal(m.Nodes()); err != nil || !bytes.Contains(text, []byte(`"removedBy":"op"`)) || bytes.Contains(text, []byte(`"removedAt":"0001`)) {
		t.Errorf("their JSON form is %s, %v", text, err)
	}
	used, _ := m.JoinToken("t1")
	if used.UsedBy != "n2" || used.UsedIncarnation != "life of n2" || !used.Opens(secretOf("t1")) || used.Opens(secretOf("t2")) {
		t.Errorf("t1 = %+v", used)
	}
	if left, ok := m.JoinToken("t2"); !ok || left.UsedBy != "" || left.Expired(noon+hour-1) || !left.Expired(noon+hour) {
		t.Errorf("t2 = %+v, %v", left, ok)
	}
	none, ok := m.JoinToken("t3")
	if ok || none.Opens(secretOf("t3")) || none.Opens([32]byte{}) {
		t.Errorf("a token nobody made = %+v, %v", none, ok)
	}
}

func TestBadEventsOfTheClusterChangeNothing(t *testing.T) {
	base := append(clusterOfTwo(), nodeJoined(6, "n3", "t2"), nodeRemoved(7, "n3"), joinToken(8, "t3", noon+hour))
	text := func(change func(map[string]any), of eventlog.Record) eventlog.Record {
		var m map[string]any
		if err := json.Unmarshal(of.Metadata, &m); err != nil {
			t.Fatal(err)
		}
		change(m)
		b, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		of.Metadata = b
		return of
	}
	boxless := clusterBegun(9, "c2")
	boxless.Sealed = nil
	tests := []struct {
		name string
		rec  eventlog.Record
		on   []eventlog.Record // nil: base
	}{
		{"a second authority", clusterBegun(9, "c2"), nil},
		{"an authority without a key", boxless, base[1:1]},
		{"an authority without a certificate", text(func(m map[string]any) { delete(m, "certificate") }, clusterBegun(9, "c2")), base[1:1]},
		{"an authority of no cluster", text(func(m map[string]any) { m["clusterId"] = "" }, clusterBegun(9, "c2")), base[1:1]},
		{"a certificate that is no base64", text(func(m map[string]any) { m["certificate"] = "#" }, clusterBegun(9, "c2")), base[1:1]},
		{"a node without a token", nodeJoined(9, "n4", ""), nil},
		{"a token nobody made", nodeJoined(9, "n4", "t9"), nil},
		{"a token that was used", nodeJoined(9, "n4", "t1"), nil},
		{"a member again", nodeJoined(9, "n1", "t3"), nil},
		{"a removed node again", nodeJoined(9, "n3", "t3"), nil},
		{"a node without an id", nodeJoined(9, "", "t3"), nil},
		{"a node without an address", text(func(m map[string]any) { delete(m, "address") }, nodeJoined(9, "n4", "t3")), nil},
		{"a node without an incarnation", text(func(m map[string]any) { delete(m, "incarnation") }, nodeJoined(9, "n4", "t3")), nil},
		{"a token again", joinToken(9, "t3", noon+2*hour), nil},
		{"a used token again", joinToken(9, "t1", noon+2*hour), nil},
		{"a token without an id", joinToken(9, "", noon), nil},
		{"a token that expires before all times", joinToken(9, "t4", 0), nil},
		{"a token that expires after all times", joinToken(9, "t4", 1<<60), nil},
		{"a hash too short", text(func(m map[string]any) { m["hash"] = "00" }, joinToken(9, "t4", noon)), nil},
		{"the move of a removed node", nodeMoved(9, "n3", "x:1"), nil},
		{"the move of a node nobody knows", nodeMoved(9, "n9", "x:1"), nil},
		{"a move to nowhere", nodeMoved(9, "n1", ""), nil},
		{"a move to where it is", nodeMoved(9, "n1", "n1:8788"), nil},
		{"the end of a removed node", nodeRemoved(9, "n3"), nil},
		{"the end of a node nobody knows", nodeRemoved(9, "n9"), nil},
		{"no JSON", rec(9, eventlog.DashdNodeJoined, "{"), nil},
		{"a list", rec(9, eventlog.DashdNodeRemoved, "[]"), nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			on := tt.on
			if on == nil {
				on = base
			}
			if got, want := fold(append(on[:len(on):len(on)], tt.rec)...), fold(on...); !reflect.DeepEqual(got, want) {
				t.Errorf("the image changed to %+v", got)
			}
		})
	}
	for _, good := range []eventlog.Record{nodeJoined(9, "n4", "t3"), joinToken(9, "t4", noon), nodeMoved(9, "n1", "x:1"), nodeRemoved(9, "n1")} {
		if got := fold(append(base[:len(base):len(base)], good)...); reflect.DeepEqual(got, fold(base...)) {
			t.Errorf("the good event these are made from changes nothing either: %s %s", good.Type, good.Metadata)
		}
	}
}

// A live node publishes after any event, another starts later: both have the same image, and
// what was published does not change.
func TestMembersAreTheSameOnEveryNode(t *testing.T) {
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 2))
		n := func(of string, k int) string { return fmt.Sprintf("%s%d", of, r.IntN(k)) }
		var recs []eventlog.Record
		for seq := uint64(1); seq <= 40; seq++ {
			switch r.IntN(6) {
			case 0:
				recs = append(recs, clusterBegun(seq, n("c", 2)))
			case 1:
				recs = append(recs, joinToken(seq, n("t", 6), noon+hour))
			case 2, 3:
				recs = append(recs, nodeJoined(seq, n("n", 6), []string{"", n("t", 6), n("t", 6)}[r.IntN(3)]))
			case 4:
				recs = append(recs, nodeMoved(seq, n("n", 6), n("n", 3)+":8788"))
			case 5:
				recs = append(recs, nodeRemoved(seq, n("n", 6)))
			}
		}
		live := projections.NewAccess()
		var old *projections.AccessImage
		var then []projections.Node
		for i := range recs {
			live.Apply(&recs[i])
			if r.IntN(4) == 0 {
				live.Publish()
			}
			if i == 20 {
				old = live.Image()
				then = old.Nodes()
			}
		}
		live.Publish()
		if got, want := live.Image(), fold(recs...); !reflect.DeepEqual(got, want) {
			t.Fatalf("seed %d: live image %+v\nrebuilt %+v", seed, got, want)
		}
		if !reflect.DeepEqual(old.Nodes(), then) {
			t.Fatalf("seed %d: a published image has changed", seed)
		}
		checkMembers(t, seed, recs, live.Image())
	}
}

// checkMembers compares the nodes with what the events say when they are read one by one: a
// token lets one node in, no node comes twice, and a removed one stays away.
func checkMembers(t *testing.T, seed uint64, recs []eventlog.Record, m *projections.AccessImage) {
	t.Helper()
	address, gone, made, used := map[string]string{}, map[string]bool{}, map[string]bool{}, map[string]bool{}
	for _, rec := range recs {
		var meta projections.NodeMeta
		if err := json.Unmarshal(rec.Metadata, &meta); err != nil {
			t.Fatal(err)
		}
		_, known := address[meta.Node]
		switch rec.Type {
		case eventlog.DashdJoinTokenCreated:
			made[meta.Token] = true
		case eventlog.DashdNodeJoined:
			if !known && (meta.Token == "" && len(address) == 0 || made[meta.Token] && !used[meta.Token]) {
				address[meta.Node], used[meta.Token] = meta.Address, meta.Token != ""
			}
		case eventlog.DashdNodeMoved:
			if known && !gone[meta.Node] {
				address[meta.Node] = meta.Address
			}
		case eventlog.DashdNodeRemoved:
			gone[meta.Node] = known
		}
	}
	if len(m.Nodes()) != len(address) {
		t.Fatalf("seed %d: nodes %+v, want those of %v", seed, m.Nodes(), address)
	}
	for _, n := range m.Nodes() {
		if address[n.ID] != n.Address || gone[n.ID] != n.Removed() {
			t.Fatalf("seed %d: %+v, want the address %s, removed %v", seed, n, address[n.ID], gone[n.ID])
		}
	}
}

func TestAuthorityOpensWithTheClusterKeyOnly(t *testing.T) {
	if _, _, err := fold().OpenCA(sealer); !errors.Is(err, projections.ErrNoCA) {
		t.Errorf("no authority: %v", err)
	}
	m := fold(clusterBegun(1, "c1"))
	cert, seed, err := m.OpenCA(sealer)
	if err != nil || string(cert) != "certificate of c1" || !bytes.Equal(seed, bytes.Repeat([]byte{2}, 32)) {
		t.Errorf("OpenCA = %q, %x, %v", cert, seed, err)
	}
	if got, ok := m.CA(); !ok || !bytes.Equal(got, cert) {
		t.Errorf("CA = %q, %v", got, ok)
	}
	if _, _, err := m.OpenCA(seal.New(seal.Key{})); !errors.Is(err, seal.ErrNotOpened) {
		t.Errorf("another cluster's key: %v", err)
	}
	moved := clusterBegun(1, "c1")
	moved.Sealed = clusterBegun(1, "c2").Sealed
	if _, _, err := fold(moved).OpenCA(sealer); !errors.Is(err, seal.ErrNotOpened) {
		t.Errorf("the box of another cluster: %v", err)
	}
	if _, err := sealer.Open(seal.Object{Class: seal.SigningKey, Project: eventlog.ReservedProject, ID: "c1"}, clusterBegun(1, "c1").Sealed); !errors.Is(err, seal.ErrNotOpened) {
		t.Errorf("as a key of another class: %v", err)
	}
}

// The events of a cluster are in its log for ever: who is a member, and the authority's key,
// must be read from them by every later version.
func TestGoldenCluster1(t *testing.T) {
	const file = "testdata/cluster-1.json"
	type stored struct {
		Type     eventlog.Type
		Metadata json.RawMessage
		Sealed   []byte `json:",omitempty"`
	}
	var recs []stored
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &recs); err != nil {
		t.Fatal(err)
	}
	var events []eventlog.Record
	for i, s := range recs {
		r := rec(uint64(i+1), s.Type, string(s.Metadata))
		r.Sealed = s.Sealed
		events = append(events, r)
	}
	m := fold(events...)
	_, seed, err := m.OpenCA(sealer)
	if err != nil || !bytes.Equal(seed, bytes.Repeat([]byte{2}, 32)) || m.ClusterID() != "c1" {
		t.Errorf("OpenCA = %x, %v, of cluster %q", seed, err, m.ClusterID())
	}
	var got []string
	for _, n := range m.Nodes() {
		got = append(got, fmt.Sprintf("%s %s %s %v", n.ID, n.Incarnation, n.Address, n.Removed()))
	}
	if want := "n1 life of n1 10.0.0.1:8788 false, n2 life of n2 n2:8788 true"; strings.Join(got, ", ") != want {
		t.Errorf("nodes = %v, want %s", got, want)
	}
	if used, ok := m.JoinToken("t1"); !ok || used.UsedBy != "n2" || !used.Opens(secretOf("t1")) || used.ExpiresAt.UnixMilli() != noon+hour {
		t.Errorf("t1 = %+v, %v", used, ok)
	}
}
