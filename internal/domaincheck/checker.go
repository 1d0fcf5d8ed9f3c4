package domaincheck

import (
	"context"
	"log/slog"
	"time"

	"dashd/internal/commands"
	"dashd/projections"
)

// Interval is how often it is found out what is due.
const Interval = 15 * time.Minute

// Options of New. All are required.
type Options struct {
	Log *slog.Logger
	// Leading reports whether this node leads.
	Leading func() bool
	// Projects are the ids of all projects.
	Projects func() []string
	// Image is the newest image of the dashboard's tables.
	Image func() *projections.DashImage
	// Recheck looks for the proof of one domain, as commands.RecheckSSODomain does.
	Recheck func(context.Context, commands.SSORecheck) error
}

// Checker looks for the proofs of verified domains. Its fields belong to Run's goroutine.
type Checker struct {
	o    Options
	seen map[key]time.Time // when a proof was looked for and the DNS answered
}

// key names a provider that was verified. The token tells a later proof from this one.
type key struct{ project, provider, token string }

// New returns a checker.
func New(o Options) *Checker {
	o.Log = o.Log.With("component", "domaincheck")
	return &Checker{o: o, seen: map[key]time.Time{}}
}

// Run checks what is due until ctx ends.
func (c *Checker) Run(ctx context.Context) error {
	ticker := time.NewTicker(Interval)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			if c.o.Leading() {
				c.round(ctx)
			}
		case <-ctx.Done():
			return nil
		}
	}
}

// round checks what is due, one after the other: nobody waits for it.
func (c *Checker) round(ctx context.Context) {
	seen := map[key]time.Time{} // without those that are gone
	var failed int
	var last error
	image := c.o.Image()
	for _, project := range c.o.Projects() {
		for _, p := range image.Tables(project).AllSSOProviders() {
			if !p.DomainVerified {
				continue
			}
			k := key{project, p.ID, p.VerificationToken}
			if at, ok := c.seen[k]; ok {
				seen[k] = at
			}
			if ctx.Err() != nil || !due(p, c.seen[k]) || !c.o.Leading() {
				continue
			}
			if err := c.o.Recheck(ctx, commands.SSORecheck{Project: project, Seen: p}); err != nil {
				failed, last = failed+1, err
				continue
			}
			seen[k] = time.Now()
		}
	}
	c.seen = seen
	if failed > 0 && ctx.Err() == nil {
		c.o.Log.Warn("domains could not be checked; they will be tried again", "n", failed, "err", last)
	}
}

// due reports whether the proof of a provider's domain, which was last seen then, is to be
// looked for.
func due(p projections.SSOProvider, last time.Time) bool {
	if missed := time.UnixMilli(int64(p.DomainMissedAt)); p.DomainMisses > 0 && missed.After(last) {
		last = missed
	}
	return time.Since(last) >= commands.RecheckEvery
}
