package sample

import (
	"encoding/json"
	"sync"
	"testing"

	"dashd/internal/genevents"
)

func TestTheSampleGoesOnWhereTheSourceStood(t *testing.T) {
	source := genevents.New(Seed, Users)
	for range drawn {
		source.Next()
	}
	s := New(Seed, Users)
	for i, e := range s.Batch(1000) {
		if want := source.Next(); e.ID != want.ID || string(e.Metadata) != string(want.Metadata) {
			t.Fatalf("event %d is %s, want %s", i, e.ID, want.ID)
		}
	}
}

func TestRequestsAreAsManyAsDashdMakes(t *testing.T) {
	for events, want := range map[int]int{1: 2048, 100: 200, 1000: 64} {
		requests := New(Seed, 100).Requests(events)
		if len(requests) != want || len(requests[0]) != events {
			t.Errorf("%d requests of %d events, want %d of %d", len(requests), len(requests[0]), want, events)
		}
	}
}

func TestTheTextOfAnEventIsAnObjectWithItsMetadata(t *testing.T) {
	e := New(Seed, 100).Next()
	var got struct {
		Type, UserID string
		Metadata     json.RawMessage
	}
	if err := json.Unmarshal(JSON(&e), &got); err != nil {
		t.Fatal(err)
	}
	if got.Type != string(e.Type) || got.UserID != e.UserID || string(got.Metadata) != string(e.Metadata) {
		t.Errorf("got %+v, want %+v", got, e)
	}
}

func TestIDsRiseAndDiffer(t *testing.T) {
	var ids IDs
	var mu sync.Mutex
	seen := map[string]bool{}
	var clients sync.WaitGroup
	for range 4 {
		clients.Go(func() {
			last := ""
			for range 5000 {
				id := Text(ids.Next())
				if id <= last {
					t.Errorf("%s comes after %s", id, last)
				}
				last = id
				mu.Lock()
				seen[id] = true
				mu.Unlock()
			}
		})
	}
	clients.Wait()
	if len(seen) != 20_000 {
		t.Errorf("%d different ids, want 20000", len(seen))
	}
	if len(Text(ids.Next())) != 36 || Text(ids.Next())[14] != '7' {
		t.Errorf("%s is no UUID of version 7", Text(ids.Next()))
	}
}
