package appender_test

import (
	"testing"

	"dashd/eventlog"
	"dashd/internal/appender"
)

// BenchmarkIdentify measures what the ids and salts of 1,000 events cost.
func BenchmarkIdentify(b *testing.B) {
	a := appender.New(emptyLog{}, nil, appender.Options{Now: func() int64 { return 1_700_000_000_000 }})
	events := make([]eventlog.Event, 1000)
	b.ReportAllocs()
	for b.Loop() {
		for i := range events {
			events[i].ID, events[i].Salt = "", [16]byte{}
		}
		if err := a.Identify(events); err != nil {
			b.Fatal(err)
		}
	}
}

// emptyLog holds no events.
type emptyLog struct{ appender.Log }

func (emptyLog) LastReceived() int64 { return 0 }
