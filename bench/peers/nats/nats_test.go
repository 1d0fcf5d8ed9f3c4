package nats

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"dashd/bench/peers/internal/peer"
	"dashd/bench/peers/internal/peertest"
	"dashd/internal/bench"
)

// start starts servers that end with the test.
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
	t.Run("what it is set to is in force and in the facts", func(t *testing.T) { settingsAreInForce(t, p, facts) })
	t.Run("each message is written through by two servers", func(t *testing.T) { eachMessageIsSynced(t, p, scenarios["single"]) })
	t.Run("what is published is consumed", func(t *testing.T) { whatIsPublishedIsConsumed(t, p, scenarios) })
	t.Run("its processes end", func(t *testing.T) {
		pids := p.Pids()
		if len(pids) != replicas {
			t.Fatalf("%d processes, want %d", len(pids), replicas)
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

func settingsAreInForce(t *testing.T, p *Peer, facts peer.Facts) {
	for _, want := range []string{"servers = 3", "jetstream.sync_interval: always", "stream.num_replicas = 3", "stream.storage = file"} {
		if !slices.Contains(facts.Settings, want) {
			t.Errorf("%q is missing in %q", want, facts.Settings)
		}
	}
	if !strings.HasPrefix(facts.Version, "nats-server 2.") {
		t.Errorf("the version is %q", facts.Version)
	}
	for _, s := range p.servers {
		f, err := s.settings(t.Context())
		if err != nil {
			t.Error(err)
		}
		if f.MaxPayload != 8e6 && f.MaxPayload != 8<<20 || f.JetStream.Config.MaxStorage < 100e9 {
			t.Errorf("%s says %+v", s.name, f)
		}
	}
	if err := p.connect(t.Context(), 1, events); err != nil {
		t.Fatal(err)
	}
	info, err := p.clients[0].info(t.Context(), events)
	if err != nil {
		t.Fatal(err)
	}
	if info.Config.Replicas != replicas || info.Cluster == nil || len(info.Cluster.Replicas) != replicas-1 {
		t.Errorf("the stream is %+v of %+v", info.Config, info.Cluster)
	}
}

// eachMessageIsSynced looks at what the kernel says was written. A page that is synced after each message counts each time, one that is not
// counts once for all messages that it holds.
func eachMessageIsSynced(t *testing.T, p *Peer, single peer.Scenario) {
	const messages, page = 30, 4096
	if err := single.Prepare(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	written := func() (list []int64) {
		for _, pid := range p.Pids() {
			u, ok := bench.UsageOf(pid)
			if !ok {
				t.Fatal("the kernel does not say what a process has written")
			}
			list = append(list, u.Written)
		}
		return list
	}
	before := written()
	if slices.Max(before) == 0 {
		t.Skip("NOT RUN: the directory for temporary files is not on a disk")
	}
	for n := range messages { // one after the other, so that no two share a sync
		if err := single.Do(t.Context(), 0, n); err != nil {
			t.Fatal(err)
		}
	}
	enough := 0
	after := written()
	for i := range after {
		if after[i]-before[i] >= messages*page {
			enough++
		}
	}
	if enough < replicas/2+1 {
		t.Errorf("%d messages were written through by %d servers: %v, then %v", messages, enough, before, after)
	}
}

// whatIsPublishedIsConsumed runs each scenario a little.
func whatIsPublishedIsConsumed(t *testing.T, p *Peer, scenarios map[string]peer.Scenario) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	stored := func() int64 {
		d, err := p.DiskBytes(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if d.Bytes < d.Events*100 || d.Log == 0 {
			t.Errorf("%d events take %d bytes and a log of %d", d.Events, d.Bytes, d.Log)
		}
		return d.Events
	}
	want := stored()
	if err := p.Load(ctx, 1, func(int) {}); err != nil {
		t.Fatal(err)
	}
	want += batch
	for _, name := range []string{"single", "async1000", "fast1000", "atomic1000", "message1000"} {
		s := scenarios[name]
		if err := s.Prepare(ctx, s.Clients); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if err := s.Do(ctx, s.Clients-1, 5); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if name != "message1000" { // which is in another stream
			want += int64(s.Events)
		}
		if got := stored(); got != want {
			t.Errorf("after %s there are %d events, want %d", name, got, want)
		}
	}
	pass := scenarios["consume"]
	if err := pass.Prepare(ctx, 1); err != nil {
		t.Fatal(err)
	}
	got, took, err := pass.Pass(ctx)
	if err != nil || int64(got) != want || took <= 0 {
		t.Errorf("%d events in %s, %v, want %d", got, took, err, want)
	}
	newest(t, ctx, p.clients[0])
}

// newest looks at the newest message of each stream.
func newest(t *testing.T, ctx context.Context, c *client) {
	var event struct {
		Type      string
		Timestamp time.Time
	}
	var list []json.RawMessage
	for name, into := range map[string]any{events: &event, bundles: &list} {
		s, err := c.js.Stream(ctx, name)
		if err != nil {
			t.Fatal(err)
		}
		m, err := s.GetMsg(ctx, s.CachedInfo().State.LastSeq)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(m.Data, into); err != nil {
			t.Errorf("%s: %v: %.100s", name, err, m.Data)
		}
	}
	if event.Type == "" || event.Timestamp.IsZero() || len(list) != batch {
		t.Errorf("the newest event is %+v, the newest bundle has %d", event, len(list))
	}
}
