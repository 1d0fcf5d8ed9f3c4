package domaincheck_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"dashd/eventlog"
	"dashd/internal/commands"
	"dashd/internal/domaincheck"
	"dashd/projections"
)

// world is what a checker sees: tables that a test folds, and a recheck that a test
// answers.
type world struct {
	dash  *projections.Dash
	seq   uint64
	start time.Time

	mu      sync.Mutex
	leading bool     // guarded by mu, as what follows
	fail    error    // what a recheck answers
	asked   []string // "<hours since the start> <project> <provider>"
}

// run starts a checker in the bubble of a test, which ends with it.
func run(t *testing.T) *world {
	w := &world{dash: projections.NewDash(), leading: true, start: time.Now()}
	c := domaincheck.New(domaincheck.Options{
		Log:      slog.New(slog.DiscardHandler),
		Leading:  w.leads,
		Projects: func() []string { return []string{"p1"} },
		Image:    w.dash.Image,
		Recheck:  w.recheck,
	})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- c.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run = %v", err)
		}
	})
	return w
}

func (w *world) leads() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.leading
}

func (w *world) recheck(_ context.Context, cmd commands.SSORecheck) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.asked = append(w.asked, fmt.Sprintf("%.0f %s %s", time.Since(w.start).Hours(), cmd.Project, cmd.Seen.ProviderID))
	return w.fail
}

// now says whether the node leads from now on, and what a recheck answers.
func (w *world) now(leading bool, fail error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.leading, w.fail = leading, fail
}

// fold applies an event about a provider.
func (w *world) fold(typ eventlog.Type, provider, set string) {
	w.seq++
	w.dash.Apply(&eventlog.Record{Seq: w.seq, Event: eventlog.Event{
		Project: "p1", Type: typ, Time: time.Now().UnixMilli(), OrganizationID: "o1",
		Personal: eventlog.Personal{
			Metadata: fmt.Appendf(nil, `{"providerId":%q,"organizationName":"Acme","set":%s}`, provider, set),
			Origin:   eventlog.Origin{Vocabulary: eventlog.VocabularyDashd},
		},
	}})
	w.dash.Publish(w.seq)
}

func (w *world) verified(provider string) {
	w.fold(eventlog.SSOProviderCreated, provider, `{"id":"row-`+provider+`","domain":"acme.example","verificationToken":"t"}`)
	w.fold(eventlog.SSOProviderDomainVerified, provider, `{"domainVerified":true}`)
}

// after lets a time pass, and the checker do what is due by then.
func (w *world) after(d time.Duration) {
	time.Sleep(d) // of the bubble
	synctest.Wait()
}

func (w *world) want(t *testing.T, asked ...string) {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	if !slices.Equal(w.asked, asked) {
		t.Errorf("asked %q, want %q", w.asked, asked)
	}
}

func TestVerifiedDomainsAreCheckedEachDay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := run(t)
		w.verified("a")
		w.fold(eventlog.SSOProviderCreated, "unverified", `{"id":"x","domain":"b.example","verificationToken":"t"}`)
		w.after(49 * time.Hour)
		w.want(t, "0 p1 a", "24 p1 a", "48 p1 a")
	})
}

func TestOnlyTheLeaderChecks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := run(t)
		w.now(false, nil)
		w.verified("a")
		w.after(10 * time.Hour)
		w.want(t)
		w.now(true, nil)
		w.after(time.Hour)
		w.want(t, "10 p1 a")
	})
}

func TestWhatCouldNotBeCheckedIsTriedAgainSoon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := run(t)
		w.verified("a")
		w.now(true, errors.New("no answer"))
		w.after(2*domaincheck.Interval + time.Minute)
		w.now(true, nil)
		w.after(23 * time.Hour)
		w.want(t, "0 p1 a", "0 p1 a", "1 p1 a")
	})
}

// A leader that has seen nothing knows from the log when a record was missing.
func TestAMissIsFollowedAfterADay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := run(t)
		w.verified("a")
		w.fold(eventlog.SSOProviderUpdated, "a", fmt.Sprintf(`{"domainMisses":1,"domainMissedAt":%d}`, time.Now().UnixMilli()))
		w.after(23 * time.Hour)
		w.want(t)
		w.after(2 * time.Hour)
		w.want(t, "24 p1 a")
	})
}

func TestADomainThatIsProvedAnewIsNew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := run(t)
		w.verified("a")
		w.after(time.Hour)
		w.fold(eventlog.SSOProviderUpdated, "a", `{"domainVerified":false,"verificationToken":null}`)
		w.after(30 * time.Hour)
		w.fold(eventlog.SSOProviderDomainVerified, "a", `{"verificationToken":"other"}`)
		w.after(time.Hour)
		w.want(t, "0 p1 a", "31 p1 a")
	})
}
