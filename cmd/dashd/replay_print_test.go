package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"testing"

	"dashd/eventlog"
	"dashd/eventlog/block"
	"dashd/internal/display"
	"dashd/internal/errs"
	"dashd/internal/genevents"
	"dashd/internal/wire"
)

// blocksOf cuts events into stored blocks of growing sizes.
func blocksOf(t *testing.T, events []eventlog.Event) (blocks []rawBlock) {
	t.Helper()
	next, size := 0, 1
	for next < len(events) {
		n := min(size, len(events)-next)
		group, err := block.AppendGroup(nil, events[next:next+n])
		if err != nil {
			t.Fatal(err)
		}
		raw, err := block.Seal(block.Header{Proposer: "n1", ReceivedAt: 1_795_310_000_000}, group)
		if err != nil {
			t.Fatal(err)
		}
		blocks = append(blocks, rawBlock{first: uint64(next + 1), raw: raw})
		next += n
		size = size%300 + 37
	}
	return blocks
}

func sourceOf(blocks []rawBlock, head uint64) *source {
	return &source{
		head: head, clean: true, close: func() error { return nil },
		blocks: func(_ context.Context, from, to uint64, fn func(rawBlock) error) error {
			for _, b := range blocks {
				if b.first > to {
					break
				}
				if err := fn(b); err != nil {
					return err
				}
			}
			return nil
		},
	}
}

// What is rendered in parallel is what one loop over the events gives.
func TestPrintLog(t *testing.T) {
	const n = 3_000
	events := genevents.Events(1, n)
	blocks := blocksOf(t, events)
	user := events[7].UserID
	tests := []struct {
		name string
		o    replayOptions
		want func(i int, e *eventlog.Event) bool
	}{
		{"all", replayOptions{from: 1, to: n}, func(int, *eventlog.Event) bool { return true }},
		{"a range", replayOptions{from: 500, to: 1_234}, func(i int, _ *eventlog.Event) bool { return i+1 >= 500 && i+1 <= 1_234 }},
		{"a user", replayOptions{from: 1, to: n, user: user}, func(_ int, e *eventlog.Event) bool { return e.UserID == user }},
		{"a category and a type", replayOptions{from: 1, to: n, types: []string{"organization.*", "login.failed"}}, func(_ int, e *eventlog.Event) bool {
			return e.Type.Category() == "organization" || e.Type == eventlog.LoginFailed
		}},
		{"another project", replayOptions{from: 1, to: n, project: "nowhere"}, func(int, *eventlog.Event) bool { return false }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var want []byte
			count := uint64(0)
			for i := range events {
				if !tt.want(i, &events[i]) {
					continue
				}
				r := eventlog.Record{Seq: uint64(i + 1), ReceivedAt: 1_795_310_000_000, Event: events[i]}
				message, severity := display.Of(&r.Event)
				want = wire.AppendText(want, &r, message, severity)
				count++
			}
			tt.o.format = "text"
			p, err := newPrinter(&tt.o)
			if err != nil {
				t.Fatal(err)
			}
			var got bytes.Buffer
			printed, err := p.log(t.Context(), sourceOf(blocks, n), &got, newProgress(io.Discard, 1, n, true))
			if err != nil || printed != count || !bytes.Equal(got.Bytes(), want) {
				t.Errorf("log = %d, %v and %d bytes; want %d and %d bytes", printed, err, got.Len(), count, len(want))
			}
		})
	}
}

// Damage is reported with the code of damage, behind the events before it.
func TestPrintLogThatIsDamaged(t *testing.T) {
	const n = 3_000
	blocks := blocksOf(t, genevents.Events(1, n))
	bad := &blocks[len(blocks)-2]
	bad.raw = slices.Clone(bad.raw)
	bad.raw[len(bad.raw)/2] ^= 1
	o := replayOptions{from: 1, to: n, format: "ndjson"}
	p, err := newPrinter(&o)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	_, err = p.log(t.Context(), sourceOf(blocks, n), &out, newProgress(io.Discard, 1, n, true))
	if errs.ExitCode(err) != errs.ExitIntegrity {
		t.Errorf("log = %v, exit code %d, want %d", err, errs.ExitCode(err), errs.ExitIntegrity)
	}
	if out.Len() > 0 && !bytes.HasSuffix(out.Bytes(), []byte("\"}\n")) {
		t.Error("what was printed does not end with an event")
	}
	if _, err := checkLog(t.Context(), sourceOf(blocks, n), 1, n, true, newProgress(io.Discard, 1, n, true)); errs.ExitCode(err) != errs.ExitIntegrity {
		t.Errorf("checkLog = %v, want exit code %d", err, errs.ExitIntegrity)
	}
}

type fullWriter struct{ err error }

func (w fullWriter) Write([]byte) (int, error) { return 0, w.err }

func TestPrintLogThatCannotBeWritten(t *testing.T) {
	const n = 3_000
	blocks := blocksOf(t, genevents.Events(1, n))
	o := replayOptions{from: 1, to: n, format: "csv"}
	p, err := newPrinter(&o)
	if err != nil {
		t.Fatal(err)
	}
	full := errors.New("no space left")
	if _, err := p.log(t.Context(), sourceOf(blocks, n), fullWriter{full}, newProgress(io.Discard, 1, n, true)); !errors.Is(err, full) {
		t.Errorf("log = %v, want %v", err, full)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := p.log(ctx, sourceOf(blocks, n), io.Discard, newProgress(io.Discard, 1, n, true)); !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: log = %v, want %v", err, context.Canceled)
	}
}

func TestCheckLog(t *testing.T) {
	const n = 2_000
	blocks := blocksOf(t, genevents.Events(1, n))
	quiet := newProgress(io.Discard, 1, n, true)
	missing := slices.Delete(slices.Clone(blocks), 3, 4)
	for _, tt := range []struct {
		name     string
		blocks   []rawBlock
		from, to uint64
		n        uint64
		code     int
	}{
		{"all", blocks, 1, n, n, 0},
		{"a range inside blocks", blocks, 1, 100, 100, 0},
		{"nothing", blocks, n + 1, n, 0, 0},
		{"a block is missing", missing, 1, n, blocks[3].first - 1, errs.ExitIntegrity},
		{"the end is missing", blocks[:len(blocks)-1], 1, n, blocks[len(blocks)-1].first - 1, errs.ExitIntegrity},
		{"the beginning is missing", blocks[1:], 1, n, 0, errs.ExitIntegrity},
	} {
		got, err := checkLog(t.Context(), sourceOf(tt.blocks, n), tt.from, tt.to, false, quiet)
		if got != tt.n || errs.ExitCode(err) != tt.code {
			t.Errorf("%s: checkLog = %d, %v; want %d and exit code %d", tt.name, got, err, tt.n, tt.code)
		}
	}
}
