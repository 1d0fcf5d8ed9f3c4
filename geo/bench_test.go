package geo_test

import (
	"math/rand/v2"
	"testing"

	"dashd/eventlog"
	"dashd/geo"
)

// BenchmarkLookup measures what the place of an event costs the request that brings it:
// for addresses that have never been seen, and for one that is seen again and again.
func BenchmarkLookup(b *testing.B) {
	l := embedded(b)
	rnd := rand.New(rand.NewPCG(2, 2))
	addresses := make([]string, 1<<16)
	for i := range addresses {
		addresses[i] = geo.SomeAddress(rnd, i%4 != 0).String()
	}
	for _, bench := range []struct {
		name string
		mask int
	}{{"random", len(addresses) - 1}, {"hot", 63}} {
		b.Run(bench.name, func(b *testing.B) {
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				ev := eventlog.Event{Personal: eventlog.Personal{IPAddress: addresses[i&bench.mask]}}
				l.Locate(&ev)
				i++
			}
		})
	}
	b.Run("off", func(b *testing.B) { // the rest of the loop
		off := locator(b, geo.Options{})
		i := 0
		for b.Loop() {
			ev := eventlog.Event{Personal: eventlog.Personal{IPAddress: addresses[i&1023]}}
			off.Locate(&ev)
			i++
		}
	})
}
