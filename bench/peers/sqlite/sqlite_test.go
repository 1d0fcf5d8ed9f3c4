package sqlite

import (
	"slices"
	"testing"

	"dashd/bench/peers/internal/peertest"
)

func TestEachScenarioStoresOrFindsItsEvents(t *testing.T) {
	p := New()
	ctx := t.Context()
	facts, err := p.Start(ctx, peertest.Dir(t))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		for range 2 {
			if err := p.Stop(); err != nil {
				t.Error(err)
			}
		}
	}()
	t.Log(facts)
	for _, want := range []string{"journal_mode = wal", "synchronous = 2"} { // 2: FULL
		if !slices.Contains(facts.Settings, want) {
			t.Errorf("the settings do not say %q", want)
		}
	}
	if err := p.Load(ctx, 1500, func(int) {}); err != nil {
		t.Fatal(err)
	}
	want := 2000
	for _, sc := range p.Scenarios() {
		if sc.Pass != nil {
			if n, took, err := sc.Pass(ctx); err != nil || n != want || took <= 0 {
				t.Errorf("%s: read %d events in %s, %v; want %d", sc.Name, n, took, err, want)
			}
			continue
		}
		if sc.Prepare != nil {
			if err := sc.Prepare(ctx, 2); err != nil {
				t.Fatal(err)
			}
		}
		for n := range 2 {
			if err := sc.Do(ctx, n, n*64*2048); err != nil {
				t.Fatalf("%s: %v", sc.Name, err)
			}
			want += sc.Events
		}
	}
	d, err := p.DiskBytes(ctx)
	if err != nil || d.Events != int64(want) || d.Bytes < d.Events*300 || d.Log != 0 {
		t.Errorf("on the disk: %+v, %v; want %d events", d, err, want)
	}
}
