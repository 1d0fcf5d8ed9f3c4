package drains_test

import (
	"context"
	"fmt"
	"log/slog"
	"testing"

	"dashd/eventlog"
	"dashd/internal/commands"
	"dashd/internal/destination"
	"dashd/internal/drains"
	"dashd/internal/outbound"
)

// filled is a node without deliveries, whose log holds n events of many users in blocks of a thousand, one in a
// thousand of them about a member of acme.
func filled(b *testing.B, n int) *node {
	b.Helper()
	x := open(b, b.TempDir(), newNetwork())
	x.stopDrains()
	x.organization("acme", "ann")
	events := make([]eventlog.Event, 1000)
	for k := range n / len(events) {
		for i := range events {
			events[i] = eventlog.Event{Type: eventlog.UserLoggedIn, UserID: fmt.Sprint("user", (k*7919+i*31)%200_000)}
		}
		events[500].UserID = "ann"
		x.append(events...)
	}
	x.folded()
	b.Cleanup(x.stopNode)
	return x
}

// BenchmarkCatchUp measures how fast a drain finds what is its own in a log in which nearly everything is
// others', by looking at every block and by the index.
func BenchmarkCatchUp(b *testing.B) {
	const n = 500_000
	x := filled(b, n)
	for _, how := range []struct {
		name string
		far  uint64
	}{{"blocks", 1 << 40}, {"index", 1}} {
		b.Run(how.name, func(b *testing.B) {
			for b.Loop() {
				got := drains.Find(x.log, x.index, x.dash, project, "acme", how.far)
				if got != n/1000+2 { // and the two that made the organization
					b.Fatalf("%d events", got)
				}
			}
			b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "events/s")
		})
	}
}

// BenchmarkIngest appends blocks of a thousand events while drains of the project have work that they cannot
// deliver.
func BenchmarkIngest(b *testing.B) {
	for _, dead := range []int{0, 100} {
		b.Run(fmt.Sprint(dead, " dead drains"), func(b *testing.B) {
			x := filled(b, 1000)
			for i := range dead {
				o := fmt.Sprint("org", i/10)
				if i%10 == 0 {
					x.organization(o, "ann")
				}
				_, _, err := x.commands.CreateDrain(b.Context(), x.call(), commands.DrainCreate{
					OrganizationID: o, Name: "dead", Enabled: true, DestinationType: destination.Webhook,
					EventTypes: []string{"all"}, Config: []byte(`{"url":"https://dead/in"}`),
				})
				if err != nil {
					b.Fatal(err)
				}
			}
			refused := make(chan struct{}, 1<<20)
			d := drains.New(drains.Options{
				Log: slog.New(slog.DiscardHandler), Events: x.log, Index: x.index, Dash: x.dash, Positions: x.db, Sealer: sealer,
				Sender: refusing{refused}, Lead: x.lead, Suspend: x.commands.SuspendDrain,
			})
			stop := launch(b, d.Run)
			defer stop()
			x.append(signIns("ann")...)
			for range dead {
				<-refused // each has failed once
			}
			events := make([]eventlog.Event, 1000)
			for b.Loop() {
				for i := range events {
					events[i] = eventlog.Event{Type: eventlog.UserLoggedIn, UserID: fmt.Sprint("user", i)}
				}
				x.append(events...)
			}
			b.ReportMetric(float64(b.N)*1000/b.Elapsed().Seconds(), "events/s")
		})
	}
}

// refusing is a network in which nothing answers.
type refusing struct{ refused chan<- struct{} }

func (r refusing) Do(context.Context, outbound.Request) (outbound.Response, error) {
	r.refused <- struct{}{}
	return outbound.Response{}, &outbound.Error{Class: outbound.Refused}
}
