package relay_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"slices"
	"strconv"
	"testing"

	"dashd/eventlog"
	"dashd/internal/appender"
	"dashd/internal/commands"
	"dashd/internal/errs"
	"dashd/internal/relay"
	"dashd/projections"
)

// The table of doc.go, a row a case: what the producer is told, and what the log holds. Whatever happens, it holds
// nothing twice that has an id its producer gave.
func TestP9_WhatBecomesOfAnAppend(t *testing.T) {
	const unknown, notLeader, ok = appender.CodeOutcomeUnknown, appender.CodeNotLeader, ""
	w := open(t)
	for i, tt := range []struct {
		name   string
		given  bool // the producer gave ids
		script []step
		want   string // the code of the error
		stored int    // of the 3 events
		tries  int
	}{
		{"this node leads", false, []step{leads}, ok, 3, 1},
		{"another node leads", false, []step{answered}, ok, 3, 1},
		{"the lead is lost before anything was written", false, []step{leadsNot, answered}, ok, 3, 2},
		{"the lead comes here before the leader is reached", false, []step{neverSent, leads}, ok, 3, 2},
		{"the leader is reached at the third try", false, []step{neverSent, neverSent, answered}, ok, 3, 3},
		{"who was asked leads no more", false, []step{deposed, answered}, ok, 3, 2},
		{"the leader is shutting down", false, []step{stopping, answered}, ok, 3, 2},
		{"there is no leader in time", false, []step{nobody}, notLeader, 0, 0},
		{"there is no leader in time, after a certain failure", false, []step{deposed, nobody}, notLeader, 0, 1},
		{"the leader is too busy", true, []step{busy}, appender.CodeBusy, 0, 1},

		{"cut off before the leader had it, without ids", false, []step{cutBefore}, unknown, 0, 1},
		{"cut off after the leader had it, without ids", false, []step{cutAfter}, unknown, 3, 1},
		{"cut off in the answer, without ids", false, []step{cutInAnswer}, unknown, 3, 1},
		{"an answer that cannot be read, without ids", false, []step{garbled}, unknown, 3, 1},
		{"an answer with results missing, without ids", false, []step{shortAnswer}, unknown, 3, 1},
		{"the leader does not know the outcome, without ids", false, []step{leaderLost}, unknown, 0, 1},
		{"this node lost the lead, without ids", false, []step{leadsLost}, unknown, 0, 1},
		{"this node lost the lead, and the block stays, without ids", false, []step{leadsWrote}, unknown, 3, 1},

		{"cut off before the leader had it, with ids", true, []step{cutBefore, answered}, ok, 3, 2},
		{"cut off after the leader had it, with ids", true, []step{cutAfter, answered}, ok, 3, 2},
		{"cut off again and again, with ids", true, []step{cutAfter, cutBefore, cutInAnswer, garbled, shortAnswer, answered}, ok, 3, 6},
		{"the leader does not know the outcome, with ids", true, []step{leaderLost, answered}, ok, 3, 2},
		{"this node lost the lead, with ids", true, []step{leadsLost, answered}, ok, 3, 2},
		{"this node lost the lead, and the block stays, with ids", true, []step{leadsWrote, answered}, ok, 3, 2},
		{"this node lost the lead and has it again, with ids", true, []step{leadsWrote, leads}, ok, 3, 1},
		{"cut off, and then there is no leader in time", true, []step{cutAfter, nobody}, unknown, 3, 1},
		{"cut off, and then the next leader is too busy", true, []step{cutBefore, busy}, unknown, 0, 2},
		{"cut off, and then who was asked leads no more", true, []step{cutAfter, deposed, nobody}, unknown, 3, 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			before := w.node.Store.Head()
			w.net.play(tt.script...)
			got, err := w.other.AppendFor(t.Context(), w.key, made("default", fmt.Sprintf("case %d", i), 3, tt.given))
			if code := errs.CodeOf(err); code != tt.want || (tt.want == "") != (err == nil) {
				t.Fatalf("the error is %v (%q), want %q", err, code, tt.want)
			}
			if w.net.tries != tt.tries {
				t.Errorf("%d tries, want %d", w.net.tries, tt.tries)
			}
			if n := w.count("default", before); n != tt.stored {
				t.Errorf("the log has %d of the events, want %d", n, tt.stored)
			}
			if err != nil {
				if kind := errs.KindOf(err); kind != errs.Unavailable && kind != errs.Busy {
					t.Errorf("the error is of kind %v", kind)
				}
				return
			}
			for i, r := range got {
				if want := (appender.Result{Seq: before + 1 + uint64(i)}); r != want {
					t.Errorf("result %d is %+v, want %+v", i, r, want)
				}
			}
		})
	}
}

// What arrives is what was sent, of every event, whatever its neighbours.
func TestRelayedEventsAreThoseThatWereSent(t *testing.T) {
	w := open(t)
	for _, n := range []int{1, 2, 31, 32, 500, 1024} {
		before := w.node.Store.Head()
		sent := made("default", "many"+strconv.Itoa(n), n, true)
		if _, err := w.other.AppendFor(t.Context(), w.key, slices.Clone(sent)); err != nil {
			t.Fatal(err)
		}
		for i := range sent {
			rec, err := w.node.Store.Read(before + 1 + uint64(i))
			if err != nil {
				t.Fatal(err)
			}
			if !eventlog.SameContent(&rec.Event, &sent[i]) || rec.Time != sent[i].Time || rec.Origin != sent[i].Origin || !rec.GivenID {
				t.Fatalf("event %d of %d is\n%+v, was sent as\n%+v", i, n, rec.Event, sent[i])
			}
		}
	}
}

// A producer's repeat is told apart from the relay's second try, by any way.
func TestG2_ARepeatIsADuplicateByAnyWay(t *testing.T) {
	w := open(t)
	for _, first := range []step{leads, answered, cutAfter, leadsWrote} {
		for _, second := range []step{leads, answered, cutAfter} {
			name := fmt.Sprintf("%d then %d", first, second)
			send := func(s step) []appender.Result {
				t.Helper()
				w.net.play(s)
				got, err := w.other.AppendFor(t.Context(), w.key, made("default", name, 2, true))
				if err != nil {
					t.Fatal(err)
				}
				return got
			}
			want := send(first)
			if want[0].Duplicate || want[1].Duplicate {
				t.Errorf("%s: the first are duplicates: %+v", name, want)
			}
			want[0].Duplicate, want[1].Duplicate = true, true
			if got := send(second); !slices.Equal(got, want) {
				t.Errorf("%s: the repeat has %+v, want %+v", name, got, want)
			}
			other := made("default", name, 2, true)
			other[1].UserID = "u2"
			got, err := w.other.AppendFor(t.Context(), w.key, other)
			if err != nil || got[0].Conflict || !got[0].Duplicate || !got[1].Conflict || got[1].Duplicate {
				t.Errorf("%s: other content has %+v, %v", name, got, err)
			}
		}
	}
}

// A client that goes away learns nothing; what was not sent yet is not sent.
func TestEndOfTheRequest(t *testing.T) {
	w := open(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	before := w.node.Store.Head()
	w.net.play(cutBefore, answered)
	_, err := w.other.AppendFor(ctx, w.key, made("default", "gone", 1, true))
	if errs.CodeOf(err) != appender.CodeOutcomeUnknown || w.net.tries != 1 || w.node.Store.Head() != before {
		t.Errorf("%v after %d tries, %d events", err, w.net.tries, w.node.Store.Head()-before)
	}
}

// The leader checks again what may have changed, and takes from a node what a node may send.
func TestN4_TheLeaderChecksAgain(t *testing.T) {
	w := open(t)
	ctx := t.Context()
	operator := projections.Operator("admin-socket")
	reads, err := w.commands.CreateKey(ctx, operator, commands.KeyCreate{Project: "default", Scopes: []string{"events:read"}})
	if err != nil {
		t.Fatal(err)
	}
	revoked, err := w.commands.CreateKey(ctx, operator, commands.KeyCreate{Project: "default", Scopes: []string{"events:write"}})
	if err != nil {
		t.Fatal(err)
	}
	who := func(text string) projections.Principal {
		p, err := w.access.Image().Authenticate(text, now())
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	gone := who(revoked.Text)
	if _, err := w.commands.RevokeKey(ctx, operator, commands.KeyRevoke{ID: gone.KeyID}); err != nil {
		t.Fatal(err)
	}
	stranger := gone
	stranger.KeyHash[0] ^= 1
	liar := who(reads.Text) // the other node believes that it may write
	liar.Scopes = gone.Scopes
	change := func(f func(*eventlog.Event)) []eventlog.Event {
		events := made("default", "refused", 2, true)
		f(&events[1])
		return events
	}
	for _, tt := range []struct {
		name   string
		by     projections.Principal
		events []eventlog.Event
		code   string
	}{
		{"a key that was revoked", gone, made("default", "refused", 2, true), "UNAUTHORIZED"},
		{"a key that nobody has", stranger, made("default", "refused", 2, true), "UNAUTHORIZED"},
		{"a key that may only read", liar, made("default", "refused", 2, true), "FORBIDDEN"},
		{"another project than the key's", w.key, made("other", "refused", 2, true), "FORBIDDEN"},
		{"the reserved project", w.key, made(eventlog.ReservedProject, "refused", 2, true), "FORBIDDEN"},
		{"the reserved project, by the operator", operator, made(eventlog.ReservedProject, "refused", 2, true), "FORBIDDEN"},
		{"a project that does not exist", operator, made("nowhere", "refused", 2, true), "PROJECT_NOT_FOUND"},
		{"a reserved type", w.key, change(func(e *eventlog.Event) { e.Type = eventlog.DashdKeyCreated }), "FORBIDDEN"},
		{"an event as commands make them", w.key, change(func(e *eventlog.Event) { e.Origin.Vocabulary = eventlog.VocabularyDashd }), "FORBIDDEN"},
		{"a secret", w.key, change(func(e *eventlog.Event) { e.Sealed = []byte("box") }), "FORBIDDEN"},
		{"an event that was erased", w.key, change(func(e *eventlog.Event) {
			*e = eventlog.Event{ID: "e", Project: "default", Type: e.Type, Key: "u", Erased: true, Commit: [32]byte{1}}
		}), "FORBIDDEN"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			before := w.node.Store.Head()
			w.net.play(answered)
			_, err := w.other.AppendFor(ctx, tt.by, tt.events)
			if errs.CodeOf(err) != tt.code || w.net.tries != 1 {
				t.Errorf("%v (%q) after %d tries, want %q", err, errs.CodeOf(err), w.net.tries, tt.code)
			}
			if w.node.Store.Head() != before {
				t.Error("something was written")
			}
		})
	}
	t.Run("who may not write is not asked for", func(t *testing.T) {
		w.net.play(answered)
		if _, err := w.other.AppendFor(ctx, who(reads.Text), made("default", "refused", 1, true)); errs.CodeOf(err) != "FORBIDDEN" || w.net.tries != 0 {
			t.Errorf("%v after %d tries", err, w.net.tries)
		}
	})
	t.Run("the operator may write to any project", func(t *testing.T) {
		if _, err := w.other.AppendFor(ctx, operator, made("default", "operator", 1, true)); err != nil {
			t.Error(err)
		}
	})
}

// A node reports what concerns itself, and decides nothing.
func TestANodeReportsAboutItselfOnly(t *testing.T) {
	w := open(t)
	report := func(typ eventlog.Type) eventlog.Event {
		e := eventlog.Event{Project: eventlog.ReservedProject, Type: typ, Time: now(), Key: eventlog.NoKey, ActorID: "n2"}
		e.Metadata, e.Origin.Vocabulary = []byte(`{}`), eventlog.VocabularyDashd
		return e
	}
	for _, typ := range relay.FromNode {
		if _, err := w.other.Append(t.Context(), []eventlog.Event{report(typ)}); err != nil {
			t.Errorf("%s: %v", typ, err)
		}
	}
	before := w.node.Store.Head()
	for _, typ := range eventlog.Types() {
		if slices.Contains(relay.FromNode, typ) {
			continue
		}
		if _, err := w.other.Append(t.Context(), []eventlog.Event{report(typ)}); errs.CodeOf(err) != "FORBIDDEN" {
			t.Errorf("%s: %v", typ, err)
		}
	}
	elsewhere := report(eventlog.DashdTokenUsed)
	elsewhere.Project = "default"
	asProducer := report(eventlog.DashdTokenUsed)
	asProducer.Origin.Vocabulary = eventlog.VocabularyAPI
	for _, e := range []eventlog.Event{elsewhere, asProducer} {
		if _, err := w.other.Append(t.Context(), []eventlog.Event{report(eventlog.DashdTokenUsed), e}); errs.CodeOf(err) != "FORBIDDEN" {
			t.Errorf("%v", err)
		}
	}
	if w.node.Store.Head() != before {
		t.Error("something was written")
	}
}

// A token that is used once is used once, whatever happens on the way: who used it is told so even if the first answer
// was lost, and everybody else is refused.
func TestG4_ATokenIsUsedOnceByAnyWay(t *testing.T) {
	w := open(t)
	c := w.through(w.other)
	for i, script := range [][]step{{leads}, {answered}, {cutAfter, answered}, {cutBefore, cutAfter, leads}, {leadsWrote, answered}, {neverSent, leaderLost, answered}} {
		jti := "token " + strconv.Itoa(i)
		w.net.play(script...)
		if first, err := c.UseJTI(t.Context(), w.key, jti, 0); err != nil || !first {
			t.Errorf("%v: the first use is %t, %v", script, first, err)
		}
		for _, s := range []step{leads, answered, cutAfter} {
			w.net.play(s)
			if again, err := c.UseJTI(t.Context(), w.key, jti, 0); err != nil || again {
				t.Errorf("%v: a second use by %d is %t, %v", script, s, again, err)
			}
		}
	}
}

// Requests that are too large are refused before they are sent, as the appender refuses them.
func TestTooLargeARequest(t *testing.T) {
	w := open(t)
	large := made("default", "large", 40, true)
	for i := range large {
		large[i].Metadata = incompressible(60 << 10)
	}
	for _, events := range [][]eventlog.Event{made("default", "many", 1025, true), large} {
		w.net.play(answered)
		if _, err := w.other.AppendFor(t.Context(), w.key, events); errs.KindOf(err) != errs.TooLarge || w.net.tries != 0 {
			t.Errorf("%d events: %v after %d tries", len(events), err, w.net.tries)
		}
	}
	if got, err := w.other.AppendFor(t.Context(), w.key, nil); got != nil || err != nil {
		t.Errorf("nothing: %v, %v", got, err)
	}
}

// incompressible is metadata of n bytes that no compressor makes smaller.
func incompressible(n int) []byte {
	text := make([]byte, n/2)
	_, _ = rand.Read(text) // never fails
	return fmt.Appendf(nil, `{"x":"%x"}`, text)
}

// What does not lead refuses, and says that nothing was written.
func TestWhoDoesNotLeadTakesNothing(t *testing.T) {
	w := open(t)
	w.net.play(answered)
	if _, err := w.other.AppendFor(t.Context(), w.key, made("default", "first", 1, true)); err != nil {
		t.Fatal(err)
	}
	body := w.net.body
	w.net.leader = w.other
	before := w.node.Store.Head()
	answer := w.net.serve(body)
	text, err := io.ReadAll(answer.Body)
	if err != nil || !bytes.Contains(text, []byte(appender.CodeNotLeader)) || w.node.Store.Head() != before {
		t.Errorf("%d %s, %v", answer.StatusCode, text, err)
	}
}
