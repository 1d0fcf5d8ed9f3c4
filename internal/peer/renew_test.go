package peer_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"dashd/internal/errs"
	"dashd/internal/peer"
)

const day = 24 * time.Hour

// renewing runs Renew until the test calls stop. Times are those of synctest.
func renewing(t *testing.T, c *peer.Credentials, r peer.Renewal) (stop func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- c.Renew(ctx, r) }()
	return func() error { cancel(); return <-done }
}

// N2: a node that goes on for a year has a valid certificate every day of it, and asks
// for no more than it needs.
func TestN2_CertificateIsRenewedAtTwoThirdsOfItsLife(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ca := newCA(t, cluster)
		c := credentials(t, ca, member("n1"), time.Now())
		var asked atomic.Int64
		stop := renewing(t, c, peer.Renewal{
			Log: slog.New(slog.DiscardHandler),
			Issue: func(_ context.Context, csr []byte) (certDER, caDER []byte, err error) {
				if got := time.Until(c.Expires()); got > 31*day || got < 29*day {
					t.Errorf("asked with %s left", got)
				}
				asked.Add(1)
				cert, err := ca.Issue(member("n1"), csr, time.Now())
				return cert, ca.CertDER(), err
			},
		})
		for range 365 {
			time.Sleep(day)
			if left := time.Until(c.Expires()); left < 29*day {
				t.Fatalf("%s are left", left)
			}
		}
		if err := stop(); err != nil {
			t.Errorf("Renew: %v", err)
		}
		if n := asked.Load(); n != 6 {
			t.Errorf("asked %d times in a year, want 6", n)
		}
	})
}

// N2: without an issuer the node asks on, and the log gets louder at 21 and 7 days.
func TestN2_FailedRenewalIsTriedAgainAndAlarms(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ca := newCA(t, cluster)
		c := credentials(t, ca, member("n1"), time.Now())
		log := &watched{}
		var reachable atomic.Bool
		var asked atomic.Int64
		stop := renewing(t, c, peer.Renewal{
			Log: slog.New(log),
			Issue: func(_ context.Context, csr []byte) (certDER, caDER []byte, err error) {
				asked.Add(1)
				if !reachable.Load() {
					return nil, nil, errors.New("nobody leads")
				}
				cert, err := ca.Issue(member("n1"), csr, time.Now())
				return cert, ca.CertDER(), err
			},
		})
		last := func() string {
			synctest.Wait()
			log.mu.Lock()
			defer log.mu.Unlock()
			if len(log.lines) == 0 {
				return ""
			}
			return log.lines[len(log.lines)-1]
		}
		time.Sleep(61 * day)
		if n := asked.Load(); n < 24 || n > 60 {
			t.Errorf("asked %d times in about a day", n)
		}
		for _, step := range []struct {
			days int
			want string
		}{{0, "INFO"}, {9, "WARN"}, {14, "ERROR"}, {30, "ERROR"}} {
			time.Sleep(time.Duration(step.days) * day)
			if got := last(); !strings.HasPrefix(got, step.want+" certificate not renewed") || !strings.Contains(got, "nobody leads") {
				t.Errorf("after %d days more the log says %q, want level %s", step.days, got, step.want)
			}
		}
		reachable.Store(true)
		time.Sleep(time.Hour)
		if got := last(); !strings.HasPrefix(got, "INFO certificate renewed") || time.Until(c.Expires()) < 89*day {
			t.Errorf("after an hour with an issuer the log says %q", got)
		}
		if err := stop(); err != nil {
			t.Errorf("Renew: %v", err)
		}
	})
}

// F27: an issuer whose clock is far behind is not asked without end.
func TestF27_RenewalWithClocksThatDisagree(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ca := newCA(t, cluster)
		c := credentials(t, ca, member("n1"), time.Now())
		var asked atomic.Int64
		var jump atomic.Int64
		stop := renewing(t, c, peer.Renewal{
			Log: slog.New(slog.DiscardHandler),
			Now: func() time.Time { return time.Now().Add(time.Duration(jump.Load())) },
			Issue: func(_ context.Context, csr []byte) (certDER, caDER []byte, err error) {
				asked.Add(1)
				cert, err := ca.Issue(member("n1"), csr, time.Now())
				return cert, ca.CertDER(), err
			},
		})
		synctest.Wait()
		jump.Store(int64(10 * 365 * day))
		time.Sleep(day)
		if n := asked.Load(); n < 23 || n > 25 {
			t.Errorf("asked %d times in a day", n)
		}
		jump.Store(int64(-10 * 365 * day))
		time.Sleep(2 * time.Hour)
		before := asked.Load()
		time.Sleep(day)
		if n := asked.Load(); n != before {
			t.Errorf("asked %d times by a clock that is behind", n-before)
		}
		if err := stop(); err != nil {
			t.Errorf("Renew: %v", err)
		}
	})
}

func TestRenewEndsWithTheDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ca := newCA(t, cluster)
		c := credentials(t, ca, member("n1"), time.Now())
		broken := errs.Stop(errs.ExitIO, errors.New("no disk"))
		err := c.Renew(t.Context(), peer.Renewal{
			Log:   slog.New(slog.DiscardHandler),
			Issue: func(context.Context, []byte) (certDER, caDER []byte, err error) { return nil, nil, broken },
		})
		if !errors.Is(err, broken) {
			t.Errorf("Renew = %v", err)
		}
	})
}

// A node that has none yet waits for it, and an issuer that hangs is left after a while.
func TestRenewWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ca := newCA(t, cluster)
		c := empty(t)
		asked := make(chan time.Time, 100)
		stop := renewing(t, c, peer.Renewal{
			Log: slog.New(slog.DiscardHandler),
			Issue: func(ctx context.Context, _ []byte) (certDER, caDER []byte, err error) {
				asked <- time.Now()
				<-ctx.Done()
				return nil, nil, ctx.Err()
			},
		})
		time.Sleep(100 * day)
		if len(asked) > 0 {
			t.Error("a node without a certificate asks for another")
		}
		install(t, c, ca, member("n1"), time.Now().Add(-70*day))
		time.Sleep(2 * time.Hour)
		if len(asked) < 2 {
			t.Errorf("an issuer that hangs was asked %d times", len(asked))
		}
		if err := stop(); err != nil {
			t.Errorf("Renew: %v", err)
		}
	})
}
