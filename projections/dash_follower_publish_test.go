package projections_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"dashd/eventlog"
	"dashd/eventlog/block"
	"dashd/projections"
)

// growing is a log in memory, for tests in which time is not real.
type growing struct {
	t *testing.T

	mu     sync.Mutex
	blocks []block.Block
	head   uint64
	grew   chan struct{}
}

func newGrowing(t *testing.T) *growing { return &growing{t: t, grew: make(chan struct{})} }

// join appends a block of users who join.
func (l *growing) join(n int) {
	l.t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	events := make([]eventlog.Event, n)
	for i := range events {
		events[i] = joined(fmt.Sprint("u", l.head+uint64(i)+1))
		events[i].ID = fmt.Sprint("e", l.head+uint64(i)+1)
	}
	group, err := block.AppendGroup(nil, events)
	if err != nil {
		l.t.Fatal(err)
	}
	raw, err := block.Seal(block.Header{Proposer: "n1"}, group)
	if err != nil {
		l.t.Fatal(err)
	}
	b, err := block.Open(raw)
	if err != nil {
		l.t.Fatal(err)
	}
	l.blocks, l.head = append(l.blocks, b), l.head+uint64(n)
	close(l.grew)
	l.grew = make(chan struct{})
}

func (l *growing) Head() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.head
}

func (l *growing) PersistedSeq() uint64                           { return l.Head() }
func (l *growing) WaitPersistedSeq(context.Context, uint64) error { return nil }

func (l *growing) Wait(ctx context.Context, seq uint64) error {
	for {
		l.mu.Lock()
		head, grew := l.head, l.grew
		l.mu.Unlock()
		if seq <= head {
			return nil
		}
		select {
		case <-grew:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (l *growing) Blocks(_ context.Context, from uint64, fn func(uint64, []byte, block.Block) error) error {
	l.mu.Lock()
	blocks := l.blocks
	l.mu.Unlock()
	first := uint64(1)
	for i := range blocks {
		next := first + uint64(blocks[i].Len())
		if from < next {
			if err := fn(first, nil, blocks[i]); err != nil {
				return err
			}
		}
		first = next
	}
	return nil
}

// followed runs fn beside a follower of an empty log, in a time that passes only when
// everything waits.
func followed(t *testing.T, fn func(t *testing.T, l *growing, f *projections.DashFollower)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		l := newGrowing(t)
		f := projections.NewDashFollower(l, projections.DashOptions{})
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- f.Run(ctx) }()
		synctest.Wait()
		fn(t, l, f)
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run = %v", err)
		}
	})
}

const readersMayMiss = 20 * time.Millisecond

func TestWhatComesAfterARestIsSeenAtOnce(t *testing.T) {
	followed(t, func(t *testing.T, l *growing, f *projections.DashFollower) {
		for range 3 {
			for range 10 {
				l.join(1)
				synctest.Wait()
				if f.Seq() != l.Head() {
					t.Errorf("readers see seq %d of %d", f.Seq(), l.Head())
				}
			}
			time.Sleep(time.Second)
		}
	})
}

// TestImagesOfALogThatGrowsAllTheTime appends an event each millisecond.
func TestImagesOfALogThatGrowsAllTheTime(t *testing.T) {
	for _, tt := range []struct {
		name string
		wait func(*projections.DashFollower, context.Context, uint64) error // what another reader does all the time
	}{
		{"nobody waits", nil},
		{"somebody follows who is not in a hurry", (*projections.DashFollower).WaitPatiently},
	} {
		t.Run(tt.name, func(t *testing.T) {
			followed(t, func(t *testing.T, l *growing, f *projections.DashFollower) {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				if tt.wait != nil {
					go func() {
						for seq := uint64(1); tt.wait(f, ctx, seq) == nil; seq++ {
							continue
						}
					}()
				}
				const events = 2_000
				images, seen := 0, uint64(0)
				for range events {
					l.join(1)
					synctest.Wait()
					if seq := f.Seq(); seq != seen {
						images, seen = images+1, seq
					}
					if missing := l.Head() - seen; missing > uint64(readersMayMiss/time.Millisecond) {
						t.Fatalf("at seq %d readers miss %d ms", l.Head(), missing)
					}
					time.Sleep(time.Millisecond)
				}
				if most := events*int(time.Millisecond)/int(readersMayMiss) + 11; images > most {
					t.Errorf("%d images of %d events; want at most %d", images, events, most)
				}
				time.Sleep(readersMayMiss)
				if synctest.Wait(); f.Seq() != l.Head() {
					t.Errorf("in the end readers see seq %d of %d", f.Seq(), l.Head())
				}
			})
		})
	}
}

func TestWhoWaitsForAnEventOfTheLogSeesItAtOnce(t *testing.T) {
	followed(t, func(t *testing.T, l *growing, f *projections.DashFollower) {
		for range 100 {
			l.join(3)
			before := time.Now()
			if err := f.Wait(t.Context(), l.Head()-1); err != nil {
				t.Fatal(err)
			}
			if took := time.Since(before); took != 0 || f.Seq() != l.Head() {
				t.Errorf("after %v the image is as of seq %d of %d", took, f.Seq(), l.Head())
			}
		}
		// The images they made do not count against others.
		l.join(1)
		time.Sleep(readersMayMiss)
		if synctest.Wait(); f.Seq() != l.Head() {
			t.Errorf("then readers see seq %d of %d", f.Seq(), l.Head())
		}
	})
}

// TestWhoWaitsForWhatIsNotThereYet must not make an image of each event before.
func TestWhoWaitsForWhatIsNotThereYet(t *testing.T) {
	followed(t, func(t *testing.T, l *growing, f *projections.DashFollower) {
		const wanted = 150
		reached := make(chan time.Time, 1)
		go func() {
			if f.Wait(t.Context(), wanted) == nil {
				reached <- time.Now()
			}
		}()
		images, seen := 0, uint64(0)
		for range wanted {
			time.Sleep(time.Millisecond)
			l.join(1)
			synctest.Wait()
			if seq := f.Seq(); seq != seen {
				images, seen = images+1, seq
			}
		}
		if at := <-reached; at != time.Now() {
			t.Errorf("it was waited for %v longer", time.Since(at))
		}
		if images > 20 {
			t.Errorf("%d images", images)
		}
	})
}

func TestImagesThatCostMuchAreRare(t *testing.T) {
	for _, tt := range []struct {
		name   string
		cost   time.Duration
		behind uint64 // events that are left to fold
		want   int    // in ten seconds
	}{
		{"that cost nothing", 0, 0, 500},
		{"that cost a twentieth of the time between two", time.Millisecond, 0, 500},
		{"that cost more", 10 * time.Millisecond, 0, 50},
		{"that cost so much that readers would see nothing new", 300 * time.Millisecond, 0, 10},
		{"of a flood that was nearly folded", 0, 1 << 12, 500},
		{"far behind", 0, 1 << 20, 40},
		{"far behind, and that cost more", 50 * time.Millisecond, 1 << 20, 10},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := projections.ImagesIn(10*time.Second, tt.cost, tt.behind)
			if got < tt.want*9/10 || got > tt.want+10 {
				t.Errorf("%d images in ten seconds; want about %d", got, tt.want)
			}
		})
	}
}
