package projections_test

import (
	"fmt"
	"testing"

	"dashd/eventlog"
	"dashd/projections"
)

// BenchmarkPublish measures what it costs to show readers one more event: the floor
// for how long a command takes.
func BenchmarkPublish(b *testing.B) {
	for _, projects := range []int{1, 10_000} {
		b.Run(fmt.Sprint("of projects ", projects), func(b *testing.B) {
			dash, seq := projections.NewDash(), uint64(0)
			fold := func(project, user int) {
				seq++
				e := joined(fmt.Sprint("u", user))
				e.Project = fmt.Sprint("p", project)
				dash.Apply(&eventlog.Record{Seq: seq, Event: e})
			}
			for p := range projects {
				fold(p, 0)
			}
			dash.Publish(seq)
			b.ReportAllocs()
			for n := 0; b.Loop(); n++ {
				fold(n%projects, n)
				dash.Publish(seq)
			}
		})
	}
}
