package peer

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"dashd/internal/errs"
)

const (
	// renewCheck is how often the clock is looked at: it may jump, and a machine may
	// have slept.
	renewCheck = time.Hour
	// A renewal that failed is tried again after renewRetry, then after twice as long,
	// up to renewCheck.
	renewRetry = 5 * time.Second
	// What is left of the certificate when a failure to renew is an operator's matter,
	// and when it is urgent.
	renewWarn   = 21 * 24 * time.Hour
	renewUrgent = 7 * 24 * time.Hour
	renewLimit  = 30 * time.Second
)

// Renewal is how Renew gets a certificate.
type Renewal struct {
	Log *slog.Logger
	Now func() time.Time // nil: time.Now
	// Issue asks for a certificate: the leader, or the authority itself where the node
	// can open it. It is given 30 s.
	Issue func(ctx context.Context, csrDER []byte) (certDER, caDER []byte, err error)
}

// Renew keeps the certificate valid until ctx ends, and then returns nil: it asks for
// a new one when two thirds of its life are over, and goes on asking. It returns an
// error only if the disk fails. A node that has no certificate yet gets none from it.
func (c *Credentials) Renew(ctx context.Context, r Renewal) error {
	if r.Now == nil {
		r.Now = time.Now
	}
	retry := renewRetry
	for {
		wait := renewCheck
		if now, at := r.Now(), c.RenewAt(); !at.IsZero() && !now.Before(at) {
			err := c.renew(ctx, r)
			if ctx.Err() != nil {
				return nil
			}
			if errs.ExitCode(err) == errs.ExitIO {
				return err
			}
			if err != nil {
				c.logFailure(ctx, r, err, now)
				wait, retry = retry, min(2*retry, renewCheck)
			} else {
				r.Log.Info("certificate renewed", "expires", c.Expires())
				retry = renewRetry
			}
		} else if !at.IsZero() {
			wait = min(wait, at.Sub(now))
		}
		if !sleep(ctx, wait) {
			return nil
		}
	}
}

// renew asks once.
func (c *Credentials) renew(ctx context.Context, r Renewal) error {
	request, err := c.Request()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, renewLimit)
	defer cancel()
	cert, ca, err := r.Issue(ctx, request)
	if err != nil {
		return fmt.Errorf("ask for a certificate: %w", err)
	}
	return c.Install(cert, ca)
}

func (c *Credentials) logFailure(ctx context.Context, r Renewal, err error, now time.Time) {
	level, left := slog.LevelInfo, c.Expires().Sub(now)
	switch {
	case left < renewUrgent:
		level = slog.LevelError
	case left < renewWarn:
		level = slog.LevelWarn
	}
	r.Log.Log(ctx, level, "certificate not renewed", "expires", c.Expires(), "err", err)
}

// sleep waits for d, and returns false if ctx ends before.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
