package etcd

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"dashd/bench/peers/internal/peer"
	"dashd/bench/peers/internal/peertest"
)

// start starts a cluster that ends with the test.
func start(t *testing.T) (*Peer, peer.Facts) {
	t.Helper()
	p := New()
	facts, err := p.Start(t.Context(), peertest.Dir(t))
	peertest.Started(t, p, err)
	return p, facts
}

// TestACluster starts one cluster, since that takes most of the time.
func TestACluster(t *testing.T) {
	p, facts := start(t)
	scenarios := map[string]peer.Scenario{}
	for _, s := range p.Scenarios() {
		scenarios[s.Name] = s
	}
	t.Run("what it is set to is in the facts", func(t *testing.T) {
		for _, want := range []string{"members = 3", "unsafe-no-fsync = false", "quota-backend-bytes = 8589934592", "max-txn-ops = 2048"} {
			if !slices.Contains(facts.Settings, want) {
				t.Errorf("%q is missing in %q", want, facts.Settings)
			}
		}
		if !strings.HasPrefix(facts.Version, "etcd 3.") {
			t.Errorf("the version is %q", facts.Version)
		}
	})
	t.Run("each put is synced by two members", func(t *testing.T) { eachPutIsSynced(t, p, scenarios["single"]) })
	t.Run("what is written is read", func(t *testing.T) { whatIsWrittenIsRead(t, p, scenarios) })
	t.Run("its processes end", func(t *testing.T) {
		pids := p.Pids()
		if len(pids) != members {
			t.Fatalf("%d processes, want %d", len(pids), members)
		}
		if err := p.Stop(); err != nil {
			t.Fatal(err)
		}
		for _, pid := range pids {
			if _, err := os.Stat(fmt.Sprintf("/proc/%d/stat", pid)); err == nil {
				t.Errorf("process %d is there after Stop", pid)
			}
		}
	})
}

// eachPutIsSynced counts fsyncs as the members count them. A member that does not sync does not count.
func eachPutIsSynced(t *testing.T, p *Peer, single peer.Scenario) {
	const puts = 20
	if err := single.Prepare(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	before := p.syncs(t)
	for n := range puts { // one after the other, so that no two share a sync
		if err := single.Do(t.Context(), 0, n); err != nil {
			t.Fatal(err)
		}
	}
	enough := 0
	for i, after := range p.syncs(t) {
		if after-before[i] >= puts {
			enough++
		}
	}
	if enough < members/2+1 {
		t.Errorf("%d puts were synced by %d members: %v, then %v", puts, enough, before, p.syncs(t))
	}
}

// syncs is how many fsyncs of its log each member has counted.
func (p *Peer) syncs(t *testing.T) (counts []int) {
	t.Helper()
	for _, m := range p.members {
		resp, err := http.Get(m.url() + "/metrics")
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		_, rest, found := strings.Cut(string(text), "\netcd_disk_wal_fsync_duration_seconds_count ")
		if !found {
			t.Fatal("a member does not count its fsyncs")
		}
		count, _, _ := strings.Cut(rest, "\n")
		n, err := strconv.Atoi(count)
		if err != nil {
			t.Fatal(err)
		}
		counts = append(counts, n)
	}
	return counts
}

// whatIsWrittenIsRead runs each scenario a little. A transaction of 1,000 puts shows that the limits hold.
func whatIsWrittenIsRead(t *testing.T, p *Peer, scenarios map[string]peer.Scenario) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := p.Load(ctx, 1, func(int) {}); err != nil {
		t.Fatal(err)
	}
	do := func(name string, n int) {
		t.Helper()
		s := scenarios[name]
		if err := s.Prepare(ctx, s.Clients); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if err := s.Do(ctx, s.Clients-1, n); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	stored := func() int {
		d, err := p.DiskBytes(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if d.Bytes < d.Events*100 || d.Log == 0 {
			t.Errorf("%d events take %d bytes and a log of %d", d.Events, d.Bytes, d.Log)
		}
		return int(d.Events)
	}
	want := stored() + 1000 + 2
	do("txn1000", 3)
	do("single", 0)
	do("single", 1)
	if got := stored(); got != want {
		t.Errorf("%d events are there, want %d", got, want)
	}
	for _, name := range []string{"range-stream", "range-pages"} {
		s := scenarios[name]
		if err := s.Prepare(ctx, 1); err != nil {
			t.Fatal(err)
		}
		got, took, err := s.Pass(ctx)
		if err != nil || got != want || took <= 0 {
			t.Errorf("%s: %d events in %s, %v, want %d", name, got, took, err, want)
		}
	}
	newest, err := p.clients[0].Get(ctx, eventPrefix, append(clientv3.WithLastKey(), clientv3.WithPrefix())...)
	if err != nil || len(newest.Kvs) != 1 {
		t.Fatalf("the newest event: %v, %v", newest, err)
	}
	var event struct {
		Type      string
		Timestamp time.Time
	}
	if err := json.Unmarshal(newest.Kvs[0].Value, &event); err != nil || event.Type == "" || event.Timestamp.IsZero() {
		t.Errorf("the newest event is %s: %v", newest.Kvs[0].Value, err)
	}
	do("latest20-hot", 0)
	do("latest20", 17)
}
