package faults_test

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os/exec"
	"strings"
	"testing"
	"time"

	"dashd/eventlog/block"
	"dashd/internal/dashdtest"
)

// blocks reads the log of a running node from the block with seq from to the one
// with seq to, or to its end if to is 0. Positions must be dense.
func blocks(n *dashdtest.Node, from, to uint64, fn func(first uint64, b block.Block) error) error {
	url := fmt.Sprintf("http://dashd/v1/blocks?from=%d", from)
	if to != 0 {
		url += fmt.Sprintf("&to=%d", to)
	}
	resp, err := n.Client().Get(url)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(resp.Body)
		return fmt.Errorf("GET /v1/blocks: %s %s", resp.Status, text)
	}
	in := bufio.NewReaderSize(resp.Body, 1<<20)
	next := uint64(0)
	for {
		var head [12]byte
		if _, err := io.ReadFull(in, head[:]); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		raw := make([]byte, binary.BigEndian.Uint32(head[8:]))
		if _, err := io.ReadFull(in, raw); err != nil {
			return err
		}
		b, err := block.Open(raw)
		if err != nil {
			return err
		}
		first := binary.BigEndian.Uint64(head[:])
		if next != 0 && first != next || next == 0 && first > from {
			return fmt.Errorf("the log has a hole: seq %d is followed by %d", max(next, from)-1, first)
		}
		next = first + uint64(b.Len())
		if err := fn(first, b); err != nil {
			return err
		}
	}
}

// compareNew compares what the log has gained since the last comparison, and some
// of what it had.
func (h *history) compareNew(t *testing.T, n *dashdtest.Node, rng *rand.Rand) {
	t.Helper()
	had := h.head()
	for range min(had, 3) {
		seq := 1 + rng.Uint64N(had)
		if err := blocks(n, seq, seq, h.block); err != nil {
			t.Fatalf("read the log at seq %d (seed %d): %v", seq, seed, err)
		}
	}
	h.compareFrom(t, n, max(had, 1))
}

// compareAll compares the whole log.
func (h *history) compareAll(t *testing.T, n *dashdtest.Node) {
	t.Helper()
	h.compareFrom(t, n, 1)
}

func (h *history) compareFrom(t *testing.T, n *dashdtest.Node, from uint64) {
	t.Helper()
	if err := h.read(n, from); err != nil {
		t.Fatalf("read the log (seed %d): %v", seed, err)
	}
	h.settle()
	h.wantNone(t, "comparison of the log")
}

// read compares the log from a position to its end. An error says that not all of
// it could be read.
func (h *history) read(n *dashdtest.Node, from uint64) error {
	last := uint64(0)
	err := blocks(n, from, 0, func(first uint64, b block.Block) error {
		last = first + uint64(b.Len()) - 1
		return h.block(first, b)
	})
	if err != nil {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if had := uint64(len(h.leaves)); last < had {
		h.problem(lost, "the log ends at seq %d and has been read up to %d", last, had)
	}
	return nil
}

// wantRepeats sends events again: those that are in the log must be told to be
// duplicates at their positions, and the others are new.
func (h *history) wantRepeats(t *testing.T, n *dashdtest.Node, rng *rand.Rand) {
	t.Helper()
	h.mu.Lock()
	var there, gone []string
	for range 200 {
		if len(h.names) == 0 {
			break
		}
		name := h.names[rng.IntN(len(h.names))]
		switch st := h.events[name]; {
		case st.seen && len(there) < 20:
			there = append(there, name)
		case st.gone && len(gone) < 10:
			gone = append(gone, name)
		}
	}
	h.mu.Unlock()
	c := newClient(h, n.URL, rng)
	for _, names := range [][]string{there, gone} {
		if len(names) == 0 {
			continue
		}
		if err := c.native(t.Context(), names); err != nil {
			t.Fatalf("repeat of %d events (seed %d): %v", len(names), seed, err)
		}
	}
	h.wantNone(t, "repeats")
}

// wantIndexed waits until the node's index has all events and compares their
// number with the log's.
func (h *history) wantIndexed(t *testing.T, n *dashdtest.Node) {
	t.Helper()
	want := 0
	h.mu.Lock()
	want += h.commands
	for _, st := range h.events {
		if st.seen {
			want++
		}
	}
	h.mu.Unlock()
	giveUp := time.Now().Add(dashdtest.Patience)
	for {
		var page struct{ Total int }
		seq, err := get(n, "/v1/events?project=default&limit=1", &page)
		if err == nil && seq >= h.head() {
			if page.Total != want {
				t.Fatalf("GET /v1/events counts %d events of %d (seed %d)", page.Total, want, seed)
			}
			return
		}
		if time.Now().After(giveUp) {
			t.Fatalf("the index stays at seq %d of %d (seed %d): %v", seq, h.head(), seed, err)
		}
	}
}

// get reads a JSON answer of the node, and the position it is as of. A node that has not heard of
// the others for some seconds is asked again.
func get(n *dashdtest.Node, path string, into any) (seq uint64, err error) {
	giveUp := time.Now().Add(dashdtest.Patience)
	for {
		seq, err = getOnce(n, path, into)
		if err == nil || !strings.Contains(err.Error(), "TOO_STALE") || time.Now().After(giveUp) {
			return seq, err
		}
		time.Sleep(100 * time.Millisecond)
	}
}

func getOnce(n *dashdtest.Node, path string, into any) (seq uint64, err error) {
	resp, err := n.Client().Get("http://dashd" + path)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, err
	}
	if resp.StatusCode != http.StatusOK {
		return 0, fmt.Errorf("%s: %s", resp.Status, text)
	}
	_, _ = fmt.Sscan(resp.Header.Get("Dashd-Seq"), &seq) // absent: 0
	return seq, json.Unmarshal(text, into)
}

// wantSound runs dashd replay --check on a stopped node.
func wantSound(t *testing.T, n *dashdtest.Node) {
	t.Helper()
	if out, err := exec.Command(n.Binary, "replay", "--check", "--quiet", "--data-dir", n.Dir).CombinedOutput(); err != nil {
		t.Fatalf("dashd replay --check (seed %d): %v\n%s", seed, err, out)
	}
}
