package refusals_test

import (
	"context"
	"encoding/binary"
	"errors"
	"log/slog"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"dashd/internal/commands"
	"dashd/internal/refusals"
)

// trail takes what is noted, as the log does: what has an id that is there is there once.
type trail struct {
	mu      sync.Mutex
	ids     map[string]bool
	events  []commands.Refusal
	counts  []commands.RefusalCount
	err     error // what is answered
	taken   bool  // although there is an error
	hangs   bool  // until the caller gives up
	tried   int
	partial int // how many of the events are taken although there is an error
}

func (tr *trail) NoteRefusals(ctx context.Context, events []commands.Refusal, counts []commands.RefusalCount) error {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	tr.tried++
	if tr.hangs {
		tr.mu.Unlock()
		<-ctx.Done()
		tr.mu.Lock()
		return ctx.Err()
	}
	if tr.err != nil && !tr.taken {
		events, counts = events[:min(tr.partial, len(events))], nil
	}
	for _, e := range events {
		if !tr.ids[e.ID] {
			tr.ids[e.ID] = true
			tr.events = append(tr.events, e)
		}
	}
	for _, c := range counts {
		if !tr.ids[c.ID] {
			tr.ids[c.ID] = true
			tr.counts = append(tr.counts, c)
		}
	}
	return tr.err
}

// now looks at the trail, or changes what it answers from now on, while the recorder runs.
func (tr *trail) now(f func()) {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	f()
}

// refused is how many refusals the trail knows of.
func (tr *trail) refused() int {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	n := len(tr.events)
	for _, c := range tr.counts {
		of := 0
		for _, r := range c.Reasons {
			of += r
		}
		if of != c.Refused {
			return -1
		}
		n += of
	}
	return n
}

// run runs f with a recorder, and ends it.
func run(t *testing.T, limits refusals.Limits, f func(r *refusals.Recorder, tr *trail)) *trail {
	t.Helper()
	tr := &trail{ids: map[string]bool{}}
	r := refusals.New(refusals.Options{
		Log: slog.New(slog.DiscardHandler), Now: func() int64 { return time.Now().UnixMilli() }, Trail: tr, Limits: limits,
	})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx) }()
	f(r, tr)
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("Run = %v", err)
	}
	return tr
}

// from is a refusal to an address.
func from(addr string) commands.Refusal {
	return commands.Refusal{Peer: netip.MustParseAddr(addr), Method: "GET", Route: "/v1/events", Reason: commands.WrongKey}
}

// v4 and v6 are the nth addresses, the latter each in a network of its own.
func v4(n int) netip.Addr {
	return netip.AddrFrom4([4]byte(binary.BigEndian.AppendUint32(nil, 10<<24+uint32(n))))
}

func v6(n int) netip.Addr {
	a := [16]byte{0: 0x20, 1: 1}
	binary.BigEndian.PutUint32(a[4:], uint32(n))
	return netip.AddrFrom16(a)
}

// A million refused requests add at most 1,000 events, wherever they come from, also if a
// window ends amid them; and none is forgotten.
func TestNobodyFillsTheLog(t *testing.T) {
	const requests = 1_000_000
	for _, tt := range []struct {
		name string
		peer func(n int) netip.Addr
	}{
		{"one source", func(int) netip.Addr { return v4(1) }},
		{"one network, each from an address of its own", func(n int) netip.Addr {
			a := v6(1).As16()
			binary.BigEndian.PutUint32(a[12:], uint32(n))
			return netip.AddrFrom16(a)
		}},
		{"three hundred sources", func(n int) netip.Addr { return v4(n % 300) }},
		{"50,000 sources", func(n int) netip.Addr { return v4(n % 50_000) }},
		{"a million networks", v6},
		{"nowhere", func(int) netip.Addr { return netip.Addr{} }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tr := run(t, refusals.Limits{}, func(r *refusals.Recorder, tr *trail) {
					for n := range requests {
						if n == requests/2 {
							time.Sleep(10 * time.Minute)
							synctest.Wait()
							if tr.refused() != n {
								t.Errorf("the trail knows of %d refusals of %d", tr.refused(), n)
							}
						}
						r.Note(commands.Refusal{Peer: tt.peer(n), Reason: commands.NoKey})
					}
				})
				if n := len(tr.events) + len(tr.counts); n > 1000 || n < 42 {
					t.Errorf("%d events", n)
				}
				if n := tr.refused(); n != requests {
					t.Errorf("the trail knows of %d refusals of %d", n, requests)
				}
			})
		})
	}
}

func TestWindows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		run(t, refusals.Limits{}, func(r *refusals.Recorder, tr *trail) {
			want := func(events int, counts ...int) {
				t.Helper()
				synctest.Wait()
				tr.now(func() {
					var got []int
					for _, c := range tr.counts {
						got = append(got, c.Refused)
					}
					if len(tr.events) != events || !slices.Equal(got, counts) {
						t.Errorf("after %v: %d events and counts of %v, want %d and %v", time.Since(began), len(tr.events), got, events, counts)
					}
				})
			}
			for range 20 {
				r.Note(from("192.0.2.1"))
			}
			want(20)
			for range 5 {
				r.Note(from("192.0.2.1"))
			}
			expired := from("192.0.2.1")
			expired.Reason = commands.ExpiredKey
			r.Note(expired)
			r.Note(from("192.0.2.2"))
			want(21)
			time.Sleep(10*time.Minute - time.Nanosecond)
			want(21)
			time.Sleep(time.Nanosecond)
			want(21, 6)
			var c commands.RefusalCount
			tr.now(func() { c = tr.counts[0] })
			if c.Source != "192.0.2.1" || c.Sources != 0 || c.Reasons[commands.WrongKey] != 5 || c.Reasons[commands.ExpiredKey] != 1 {
				t.Errorf("the count is %+v", c)
			}
			if text := began.UTC().Format("2006-01-02T15:04:05.000Z"); c.From != text || c.At != began.Add(10*time.Minute).UnixMilli() {
				t.Errorf("the count is from %s, of %d; want %s", c.From, c.At, text)
			}
			time.Sleep(time.Hour) // nothing happens when nothing happens
			want(21, 6)
			for range 22 {
				r.Note(from("192.0.2.1"))
			}
			want(41, 6)
			time.Sleep(10 * time.Minute)
			want(41, 6, 2)
		})
	})
}

func TestSources(t *testing.T) {
	for _, tt := range []struct {
		name   string
		addrs  []string
		source string // the one they are of, or "": they are of several
	}{
		{"one address", []string{"192.0.2.1", "192.0.2.1"}, "192.0.2.1"},
		{"neighbours", []string{"192.0.2.1", "192.0.2.2"}, ""},
		{"IPv4 in IPv6", []string{"192.0.2.1", "::ffff:192.0.2.1"}, "192.0.2.1"},
		{"a network", []string{"2001:db8::1", "2001:db8:0:0:ffff::2"}, "2001:db8::/64"},
		{"two networks", []string{"2001:db8::1", "2001:db8:0:1::1"}, ""},
		{"a link", []string{"fe80::1%eth0", "fe80::2%eth1"}, "fe80::/64"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tr := run(t, refusals.Limits{PerSource: 1}, func(r *refusals.Recorder, _ *trail) {
					for _, a := range tt.addrs {
						r.Note(from(a))
					}
				})
				switch {
				case tt.source == "" && len(tr.counts) != 0:
					t.Errorf("they are one source: %+v", tr.counts)
				case tt.source != "" && (len(tr.counts) != 1 || tr.counts[0].Source != tt.source):
					t.Errorf("they are %+v, want %s", tr.counts, tt.source)
				}
			})
		})
	}
}

// The sources that had most have a count of their own, the rest share one, and so do those
// that had to make room.
func TestCountsAreGathered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := run(t, refusals.Limits{PerSource: 1, Counts: 2, Sources: 4}, func(r *refusals.Recorder, _ *trail) {
			for source, n := range []int{8, 2, 5, 3, 7, 1} { // the first two are pushed out
				for range n {
					r.Note(commands.Refusal{Peer: v4(source), Reason: commands.WrongKey})
				}
			}
		})
		var got [][2]any
		for _, c := range tr.counts {
			got = append(got, [2]any{c.Source, c.Refused})
		}
		want := [][2]any{{"10.0.0.4", 6}, {"10.0.0.2", 4}, {"", 7 + 1 + 2}}
		if !slices.Equal(got, want) || tr.counts[2].Sources != 3 || len(tr.events) != 6 {
			t.Errorf("counts %v of %d events and %d sources, want %v", got, len(tr.events), tr.counts[len(tr.counts)-1].Sources, want)
		}
	})
}

// Whatever the log does, nobody who is refused waits for it, and nothing is there twice.
func TestTheLogFails(t *testing.T) {
	lost := errors.New("the leader was lost")
	for _, tt := range []struct {
		name string
		fail func(*trail)
	}{
		{"it takes nothing", func(tr *trail) { tr.err = lost }},
		{"it takes a part", func(tr *trail) { tr.err, tr.partial = lost, 7 }},
		{"it takes all and does not say so", func(tr *trail) { tr.err, tr.taken = lost, true }},
		{"it does not answer", func(tr *trail) { tr.hangs = true }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tr := run(t, refusals.Limits{}, func(r *refusals.Recorder, tr *trail) {
					tr.now(func() { tt.fail(tr) })
					began := time.Now()
					for n := range 100_000 {
						r.Note(commands.Refusal{Peer: v4(n % 100), Reason: commands.WrongKey})
					}
					if waited := time.Since(began); waited != 0 {
						t.Errorf("noting took %v", waited)
					}
					time.Sleep(time.Hour)
					synctest.Wait()
					tr.now(func() {
						if tr.tried < 10 || tr.tried > 100 {
							t.Errorf("%d tries in an hour", tr.tried)
						}
					})
					tr.now(func() { tr.err, tr.hangs = nil, false })
					time.Sleep(2 * time.Minute)
					synctest.Wait()
					if n := tr.refused(); n != 100_000 {
						t.Errorf("the trail knows of %d refusals once the log works", n)
					}
					r.Note(from("192.0.2.1"))
				})
				if n := tr.refused(); n != 100_001 {
					t.Errorf("the trail knows of %d refusals", n)
				}
				if n := len(tr.events); n != 401 {
					t.Errorf("%d events, want 401", n)
				}
			})
		})
	}
}

// The node stops although the log does not answer.
func TestTheEndDoesNotWaitForTheLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var stopped time.Time
		run(t, refusals.Limits{}, func(r *refusals.Recorder, tr *trail) {
			tr.now(func() { tr.hangs = true })
			r.Note(from("192.0.2.1"))
			synctest.Wait()
			stopped = time.Now()
		})
		if waited := time.Since(stopped); waited > 3*time.Second {
			t.Errorf("the end took %v", waited)
		}
	})
}

// BenchmarkNote is what a refusal costs the request, from many sources at once.
func BenchmarkNote(b *testing.B) {
	r := refusals.New(refusals.Options{
		Log: slog.New(slog.DiscardHandler), Now: func() int64 { return 0 }, Trail: &trail{ids: map[string]bool{}},
	})
	b.ReportAllocs()
	for n := 0; b.Loop(); n++ {
		r.Note(commands.Refusal{Peer: v4(n % 20_000), Reason: commands.WrongKey})
	}
}
