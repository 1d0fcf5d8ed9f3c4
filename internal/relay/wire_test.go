package relay_test

import (
	"bytes"
	"crypto/sha256"
	"flag"
	"os"
	"reflect"
	"testing"

	"dashd/eventlog/block"
	"dashd/internal/appender"
	"dashd/internal/errs"
	"dashd/internal/genevents"
	"dashd/internal/relay"
	"dashd/projections"
)

var update = flag.Bool("update", false, "write the golden files")

const (
	goldenRequest = "testdata/append.v1"
	goldenAnswer  = "testdata/answer.v1"
)

var (
	goldenKey     = projections.HashKey("golden")
	goldenResults = []appender.Result{{Seq: 1}, {Seq: 1 << 40, Duplicate: true}, {Seq: 7, Conflict: true}}
)

// The golden request is readable for ever, whatever the encoder makes of the same events today.
func TestFormOfARequest(t *testing.T) {
	want := genevents.Events(7, 40)
	if *update {
		b, err := relay.EncodeRequest(goldenKey, 42, want)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(goldenRequest, b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	golden, err := os.ReadFile(goldenRequest)
	if err != nil {
		t.Fatal(err)
	}
	fresh, err := relay.EncodeRequest(goldenKey, 42, want)
	if err != nil {
		t.Fatal(err)
	}
	for name, b := range map[string][]byte{"golden": golden, "fresh": fresh} {
		kind, key, access, events, err := relay.DecodeRequest(b)
		if err != nil || kind != 1 || key != goldenKey || access != 42 {
			t.Fatalf("%s: kind %d, key %x, access %d, %v", name, kind, key, access, err)
		}
		clear(b) // nothing of it is kept
		if !reflect.DeepEqual(events, want) {
			t.Errorf("%s: the events are others", name)
		}
	}
}

func TestFormOfAnAnswer(t *testing.T) {
	b := relay.AppendResults(goldenResults)
	if *update {
		if err := os.WriteFile(goldenAnswer, b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	golden, err := os.ReadFile(goldenAnswer)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(b, golden) {
		t.Errorf("the answer is %x, want %x", b, golden)
	}
	got, err := relay.DecodeResults(golden, len(goldenResults))
	if err != nil || !reflect.DeepEqual(got, goldenResults) {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestRequestsThatAreRefused(t *testing.T) {
	good, err := relay.EncodeRequest(goldenKey, 42, genevents.Events(7, 3))
	if err != nil {
		t.Fatal(err)
	}
	changed := func(f func(b []byte) []byte) []byte { return f(bytes.Clone(good)) }
	for _, tt := range []struct {
		name string
		b    []byte
		code string
	}{
		{"nothing", nil, relay.CodeMalformed},
		{"a request of a later version", changed(func(b []byte) []byte { b[0] = 2; return b }), relay.CodeVersion},
		{"a sender of no kind", changed(func(b []byte) []byte { b[1] = 3; return b }), relay.CodeMalformed},
		{"a node with a key", changed(func(b []byte) []byte { b[1] = 0; return b }), relay.CodeMalformed},
		{"an operator with a key", changed(func(b []byte) []byte { b[1] = 2; return b }), relay.CodeMalformed},
		{"a key without a hash", changed(func(b []byte) []byte { clear(b[2:34]); return b }), relay.CodeMalformed},
		{"no block", good[:relay.SenderBytes], relay.CodeMalformed},
		{"a block that breaks off", good[:len(good)-1], relay.CodeMalformed},
		{"something behind the block", append(bytes.Clone(good), 0), relay.CodeMalformed},
		{"a bit that has changed", changed(func(b []byte) []byte { b[len(b)/2] ^= 1; return b }), relay.CodeMalformed},
		{"more than a block", make([]byte, relay.MaxRequest+1), relay.CodeMalformed},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if _, _, _, events, err := relay.DecodeRequest(tt.b); errs.CodeOf(err) != tt.code || errs.KindOf(err) != errs.Invalid || events != nil {
				t.Errorf("%d events, %v (%q), want %q", len(events), err, errs.CodeOf(err), tt.code)
			}
		})
	}
}

// An answer that was cut or changed is no answer: the outcome is then unknown, never guessed.
func TestAnswersThatAreNone(t *testing.T) {
	good := relay.AppendResults(goldenResults)
	for n := range good {
		if got, err := relay.DecodeResults(good[:n], len(goldenResults)); err == nil {
			t.Errorf("%d of %d bytes are read as %+v", n, len(good), got)
		}
	}
	for name, b := range map[string][]byte{
		"another version":           append([]byte{2}, good[1:]...),
		"more behind it":            append(bytes.Clone(good), 0),
		"no seq":                    relay.AppendResults([]appender.Result{{}, {Seq: 2}, {Seq: 3}}),
		"a duplicate in conflict":   relay.AppendResults([]appender.Result{{Seq: 1, Duplicate: true, Conflict: true}, {Seq: 2}, {Seq: 3}}),
		"results for other events":  relay.AppendResults(goldenResults[:2]),
		"a number without an end":   {1, 3, 0xff, 0xff},
		"a number of 70 bits":       append([]byte{1, 3}, bytes.Repeat([]byte{0xff}, 10)...),
		"an endless list announced": append([]byte{1}, 0xff, 0xff, 0xff, 0xff, 0x0f),
	} {
		if got, err := relay.DecodeResults(b, len(goldenResults)); err == nil {
			t.Errorf("%s is read as %+v", name, got)
		}
	}
}

// FuzzRequest: whatever the bytes, there is no panic, and what is read means the same when it is sent on.
func FuzzRequest(f *testing.F) {
	for _, n := range []int{1, 3, 40} {
		b, err := relay.EncodeRequest(goldenKey, 42, genevents.Events(uint64(n), n))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Add([]byte{1, 1})
	f.Fuzz(func(t *testing.T, b []byte) {
		kind, key, access, events, err := relay.DecodeRequest(resealed(b))
		if err != nil {
			return
		}
		if len(events) == 0 || len(events) > block.GroupEvents {
			t.Fatalf("%d events", len(events))
		}
		if kind != 1 {
			return
		}
		again, err := relay.EncodeRequest(key, access, events)
		if errs.KindOf(err) == errs.TooLarge {
			return
		}
		if err != nil {
			t.Fatalf("what was read cannot be sent: %v", err)
		}
		_, key2, access2, events2, err := relay.DecodeRequest(again)
		if err != nil || key2 != key || access2 != access || !reflect.DeepEqual(events2, events) {
			t.Fatalf("what was read is read otherwise the second time: %v", err)
		}
	})
}

// resealed gives a request the hash of its block, so that the fuzzer gets behind it.
func resealed(b []byte) []byte {
	if len(b) < relay.SenderBytes+sha256.Size {
		return b
	}
	b = bytes.Clone(b)
	end := len(b) - sha256.Size
	sum := sha256.Sum256(b[relay.SenderBytes:end])
	copy(b[end:], sum[:])
	return b
}

// FuzzAnswer: whatever the bytes, there is no panic, and what is read is written in the same bytes, or in fewer.
func FuzzAnswer(f *testing.F) {
	f.Add(relay.AppendResults(goldenResults), 3)
	f.Add([]byte{1, 0}, 0)
	f.Fuzz(func(t *testing.T, b []byte, n int) {
		results, err := relay.DecodeResults(b, n)
		if err != nil {
			return
		}
		again := relay.AppendResults(results)
		if got, err := relay.DecodeResults(again, n); err != nil || len(again) > len(b) || !reflect.DeepEqual(got, results) {
			t.Fatalf("%x is read as %+v, which is written as %x: %v", b, results, again, err)
		}
	})
}
