package projections

import (
	"context"
	"time"
)

const (
	// publishEvery is how long readers may not see what was folded, if nobody waits for
	// it. Publishing costs copies: what is folded next copies the pages it changes.
	publishEvery = 20 * time.Millisecond
	// publishFar is publishEvery while the fold is worthAhead or more events behind the head: most of
	// what is new is not to be seen then in any case, and rarer images are fewer copies.
	publishFar = 250 * time.Millisecond
	// publishAhead is how many images follow each other at once after a rest.
	publishAhead = 10
	// publishShare is the part of the time that publishing may take, as its inverse.
	publishShare = 20
	// publishAtLeast bounds what publishShare makes of them.
	publishAtLeast = time.Second
)

// pace says when the next image is due. The zero value says at once.
type pace struct {
	next time.Time // when the next were due if none could be ahead
}

// cadence is how long readers may not see what was folded while so many events are left to fold.
func cadence(behind uint64) time.Duration {
	if behind >= worthAhead {
		return publishFar
	}
	return publishEvery
}

// left is how long the next image has to wait; not positive if it is due.
func (p *pace) left(now time.Time) time.Duration {
	return p.next.Add(-(publishAhead - 1) * publishEvery).Sub(now)
}

// published notes that an image was, and that the next need not come before so long after it.
func (p *pace) published(began, ended time.Time, every time.Duration) {
	step := min(max(every, publishShare*ended.Sub(began)), publishAtLeast)
	next := p.next.Add(step)
	// Rest does not add up, nor do images that somebody waited for.
	earliest, latest := began.Add(step), ended.Add((publishAhead-1)*publishEvery+step)
	if next.Before(earliest) {
		next = earliest
	}
	if next.After(latest) {
		next = latest
	}
	p.next = next
}

// rest waits until the next image is due, or somebody waits for what is in the log; or for a
// rebuild, as wait does.
func (f *DashFollower) rest(ctx context.Context, stop context.CancelCauseFunc) (*dashFold, error) {
	due := time.NewTimer(f.pace.left(time.Now()))
	defer due.Stop()
	for !f.folded.awaited(f.log.Head()) {
		select {
		case <-due.C:
			return nil, nil
		case <-f.folded.asked:
		case d := <-f.rebuilt():
			return d, nil
		case ask := <-f.asks:
			f.answer(ctx, stop, ask)
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return nil, nil
}

// step publishes what readers should not wait for while much is folded, and what is to be
// saved.
func (f *DashFollower) step(ctx context.Context, stop context.CancelCauseFunc) {
	if f.Ready() != nil {
		f.saveIfDue(ctx, stop, farBehind)
		return
	}
	if f.folded.awaited(f.fold.seq) || f.pace.left(time.Now()) <= 0 {
		f.publish()
	}
	f.saveIfDue(ctx, stop, 1)
}

// publish shows readers everything that was folded.
func (f *DashFollower) publish() {
	if f.fold.seq == f.Seq() {
		return
	}
	began := time.Now()
	f.fold.dash.Publish(f.fold.seq)
	f.folded.advance(f.fold.seq)
	f.pace.published(began, time.Now(), cadence(f.log.Head()-f.fold.seq))
}
