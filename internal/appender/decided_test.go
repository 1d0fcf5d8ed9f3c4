package appender_test

import (
	"context"
	"testing"
	"testing/synctest"

	"dashd/eventlog"
	"dashd/internal/appender"
	"dashd/internal/errs"
)

// What was decided in a term is written in it or not at all: in another one, another leader may have decided
// something else between. Those who wait with it are not concerned.
func TestP19_WhatWasDecidedIsWrittenInItsTerm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster()
		c.gate = make(chan struct{})
		a, stop := run(t, c, appender.Options{})
		decided := func(id string, term uint64) <-chan answer {
			out := make(chan answer, 1)
			go func() {
				results, err := a.AppendIn(context.Background(), term, []eventlog.Event{event(id, "u")})
				out <- answer{results, err}
			}()
			synctest.Wait()
			return out
		}
		inTerm := decided("a", 1)
		waiting := decided("b", 1) // it is not in a block yet when the term ends
		other := send(a, event("c", "u"))
		synctest.Wait()
		c.set(func() { c.term = 3 }) // lost, and won again
		close(c.gate)
		wantResults(t, <-inTerm, appender.Result{Seq: 1})
		if got := <-waiting; errs.CodeOf(got.err) != appender.CodeNotLeader {
			t.Errorf("AppendIn in another term = %+v, %v; want code %s", got.results, got.err, appender.CodeNotLeader)
		}
		wantResults(t, <-other, appender.Result{Seq: 2})
		if got := <-decided("d", 1); errs.CodeOf(got.err) != appender.CodeNotLeader {
			t.Errorf("AppendIn after the term = %+v, %v; want code %s", got.results, got.err, appender.CodeNotLeader)
		}
		wantResults(t, <-decided("d", 3), appender.Result{Seq: 3})
		stop()
		if term, err := a.Term(); term != 3 || err != nil {
			t.Errorf("Term = %d, %v", term, err)
		}
	})
}

// An event that comes with its salt is the one that is there, sent twice; one with a salt of its own is a repeat.
func TestG2_AnEventThatIsSentTwiceIsNoDuplicate(t *testing.T) {
	first, again := appender.Result{Seq: 1}, appender.Result{Seq: 1, Duplicate: true}
	t.Run("while the first is in flight", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			c := newCluster()
			c.gate = make(chan struct{})
			a, stop := run(t, c, appender.Options{})
			defer stop()
			sent := []eventlog.Event{event("a", "u")}
			sent[0].Salt = [16]byte{1}
			one := send(a, sent...)
			synctest.Wait()
			two, three := send(a, sent[0]), send(a, event("a", "u"))
			synctest.Wait()
			close(c.gate)
			wantResults(t, <-one, first)
			wantResults(t, <-two, first)
			wantResults(t, <-three, again)
		})
	})
	t.Run("when it is in the log", func(t *testing.T) {
		c := newCluster()
		a, stop := run(t, c, appender.Options{})
		defer stop()
		sent := event("a", "u")
		sent.Salt = [16]byte{1}
		other := sent
		other.UserID = "u2"
		wantResults(t, <-send(a, sent), first)
		wantResults(t, <-send(a, sent), first)
		wantResults(t, <-send(a, event("a", "u")), again)
		wantResults(t, <-send(a, other), appender.Result{Seq: 1, Conflict: true})
	})
}
