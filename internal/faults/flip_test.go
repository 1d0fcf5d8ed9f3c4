package faults_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"dashd/eventlog/block"
	"dashd/internal/dashdtest"
	"dashd/internal/errs"
)

const pageSize = 4096

// class is a kind of file in a data directory, or a part of one, by what damage to
// it could do.
type class struct {
	name, glob string
	from, to   int64 // where in the file; 0 and 0: anywhere that holds something
	header     bool  // in the first bytes of a page
}

var classes = []class{
	{name: "raft.db", glob: "raft.db"},
	{name: ".sst", glob: "events/*.sst"},
	{name: ".mem", glob: "events/*.mem"},
	{name: "MANIFEST", glob: "events/MANIFEST"},
	// The two pages that say where in the file everything is: the newest one that is
	// whole wins.
	{name: "raft.db, head", glob: "raft.db", from: 16, to: 80},
	{name: "raft.db, second head", glob: "raft.db", from: pageSize + 16, to: pageSize + 80},
	{name: "raft.db, page headers", glob: "raft.db", header: true},
	{name: ".vlog", glob: "events/*.vlog"},
	{name: "node.json", glob: "node.json"},
	{name: "cluster.key", glob: "cluster.key"},
	{name: "others", glob: "events/[DK]*"}, // DISCARD, KEYREGISTRY
}

// TestFlippedBits flips one bit in the files of a killed node and starts it on
// them. Either it refuses, now or when it reads the damage, or nothing was damaged.
func TestFlippedBits(t *testing.T) {
	const name = "one flipped bit"
	slow(t, name)
	s := begin(t, name)
	flips := s.rounds(t, "DASHD_FAULTS_FLIPS", 25, 0)
	rng := choices("flip")
	whole, truth := makeTruth(t, s)
	for i := range flips {
		class := classes[i%len(classes)]
		dir := filepath.Join(shortDir(t), "d")
		copyAll(t, whole, dir)
		where := class.flip(t, rng, dir)
		t.Logf("flip %d: %s", i, where)
		n := newNode(dir)
		outcome, err := truth.examine(t, n)
		if err != nil {
			s.Wrong++
			t.Errorf("%s (seed %d, flip %d): %v\n%s", where, seed, i, err, dashdtest.Tail(n.Output(), 4<<10))
			outcome = "WRONG"
		}
		s.Notes[class.name+": "+outcome]++
		s.passed(t)
		t.Logf("flip %d: %s: %s", i, outcome, sentence(n))
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
	}
}

// truth is what a data directory holds.
type truth struct {
	h      *history
	events []shown // by seq - 1; an empty name for dashd's own
}

// shown is what is compared of an event that is read through the index.
type shown struct {
	ID       string
	Seq      uint64
	Metadata json.RawMessage
}

// makeTruth returns the directory of a node that was killed while it wrote, with
// tables, logs and a raft log that is ahead of them, and what is in it.
func makeTruth(t *testing.T, s *scenario) (dir string, tr *truth) {
	t.Helper()
	h := newHistory(s)
	n := newNode(filepath.Join(shortDir(t), "d"))
	start(t, s, n)
	for i, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL} {
		if i > 0 {
			start(t, s, n)
		}
		writers := write(h, n, fmt.Sprintf("b%d", i))
		waitFor(t, "acknowledgements", n, func() bool { return s.Acknowledged >= (i+1)*8000 }, h)
		n.Signal(t, sig)
		writers.wait()
	}
	dir = n.Dir
	n = newNode(filepath.Join(shortDir(t), "d"))
	copyAll(t, dir, n.Dir)
	start(t, s, n)
	h.compareAll(t, n)
	tr = &truth{h: h}
	var err error
	if tr.events, err = readAll(n, h.head()); err != nil {
		t.Fatal(err)
	}
	for _, e := range tr.events {
		if name := nameOf(e.Metadata); name != "" && string(e.Metadata) != makeEvent(name).metadata {
			t.Errorf("event %s is shown with metadata %s (seed %d)", name, e.Metadata, seed)
		}
	}
	n.Signal(t, syscall.SIGKILL)
	return dir, tr
}

// flip flips one bit of one file of the class and says which.
func (c *class) flip(t *testing.T, rng *rand.Rand, dir string) (where string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, c.glob))
	if err != nil || len(files) == 0 {
		t.Fatalf("no %s in %s: %v", c.glob, dir, err)
	}
	path := files[rng.IntN(len(files))]
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	at := c.from
	switch page := writtenPage(rng, data); {
	case c.to > 0:
		at += rng.Int64N(c.to - c.from)
	case c.header:
		at = page + rng.Int64N(64)
	default:
		at = page + rng.Int64N(min(pageSize, int64(len(data))-page))
	}
	bit := rng.IntN(8)
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.WriteAt([]byte{data[at] ^ 1<<bit}, at)
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("bit %d of byte %d of %s", bit, at, strings.TrimPrefix(path, dir+"/"))
}

// writtenPage returns where a random page begins that holds something: most of some
// files has never been written, and is not damaged by a flip.
func writtenPage(rng *rand.Rand, data []byte) int64 {
	pages := []int64{0}
	for page := int64(pageSize); page < int64(len(data)); page += pageSize {
		content := data[page:min(page+pageSize, int64(len(data)))]
		if bytes.Count(content, []byte{0}) < len(content) {
			pages = append(pages, page)
		}
	}
	return pages[rng.IntN(len(pages))]
}

// damageCodes are the exit codes of a node that has found damage.
var damageCodes = []int{errs.ExitIntegrity, errs.ExitIO, errs.ExitIdentity}

// examine starts a node and reads everything it has, in every way. The outcome is
// where the damage was found, or "harmless". An error says that the node gave
// something wrong, or left something out, or ended without saying why.
func (tr *truth) examine(t *testing.T, n *dashdtest.Node) (outcome string, err error) {
	t.Helper()
	if !n.TryStart(t) {
		return tr.found(t, n, "refused at the start")
	}
	for _, read := range []func(*dashdtest.Node) error{tr.log, tr.index, tr.repeats} {
		err := read(n)
		var w *wrongAnswer
		switch {
		case errors.Is(err, errTakenTwice):
			return tr.foundByCheck(t, n, err)
		case errors.As(err, &w):
			return "", err
		case err != nil:
			return tr.foundLater(t, n, err)
		}
	}
	n.Signal(t, syscall.SIGTERM)
	if n.Err() != nil {
		return tr.found(t, n, "found at the stop")
	}
	return "harmless", nil
}

func (tr *truth) found(t *testing.T, n *dashdtest.Node, when string) (string, error) {
	t.Helper()
	if problem := ended(t, n, damageCodes...); problem != "" {
		return "", fmt.Errorf("%s, but ended with %s", when, problem)
	}
	return when, nil
}

// foundLater is for a node that has answered with an error. It may go on, or end.
func (tr *truth) foundLater(t *testing.T, n *dashdtest.Node, cause error) (string, error) {
	t.Helper()
	t.Logf("found when read: %v", cause)
	_ = n.Send(syscall.SIGTERM)
	if code := n.Wait(t); code != 0 && !slices.Contains(damageCodes, code) {
		return "", fmt.Errorf("found when read (%w), but ended with exit code %s", cause, exitName(code))
	}
	return "found when read", nil
}

// errTakenTwice is what a damaged table with ids leads to until the node reads its
// tables again, a minute after the start and then each day: the database answers
// "not found" for a key in a damaged block, so that the repeat of an event is taken
// as new. It is the one wrong answer that is known and bounded in time, and a check
// must find what caused it.
var errTakenTwice = errors.New("the repeat of an event is taken as new")

func (tr *truth) foundByCheck(t *testing.T, n *dashdtest.Node, cause error) (string, error) {
	t.Helper()
	t.Log(cause)
	n.Signal(t, syscall.SIGTERM)
	check := exec.Command(n.Binary, "replay", "--check", "--quiet", "--data-dir", n.Dir)
	out, err := check.CombinedOutput()
	if code := check.ProcessState.ExitCode(); code != errs.ExitIntegrity {
		return "", fmt.Errorf("%w, and a check ends with %s (%v): %s", cause, exitName(code), err, out)
	}
	return "found by a check only", nil
}

// wrongAnswer is an answer that is not true.
type wrongAnswer struct{ what string }

func (w *wrongAnswer) Error() string { return w.what }

func wrongf(format string, args ...any) error { return &wrongAnswer{fmt.Sprintf(format, args...)} }

// log compares the whole log.
func (tr *truth) log(n *dashdtest.Node) error {
	want := tr.h.leaves
	last := uint64(0)
	err := blocks(n, 1, 0, func(first uint64, b block.Block) error {
		leaves, err := b.AppendLeaves(nil)
		if err != nil {
			return err
		}
		last = first + uint64(len(leaves)) - 1
		if last > uint64(len(want)) {
			return wrongf("the log has %d events, not %d", last, len(want))
		}
		if !slices.Equal(leaves, want[first-1:last]) {
			return wrongf("the log has other events from seq %d to %d", first, last)
		}
		return nil
	})
	if err == nil && last != uint64(len(want)) {
		err = wrongf("the log ends at seq %d, not %d", last, len(want))
	}
	return err
}

// index compares everything that is read through the index.
func (tr *truth) index(n *dashdtest.Node) error {
	got, err := readAll(n, uint64(len(tr.h.leaves)))
	if err != nil {
		return err
	}
	for i := range got {
		if g, w := got[i], tr.events[i]; g.ID != w.ID || !bytes.Equal(g.Metadata, w.Metadata) {
			return wrongf("GET /v1/events has %q at seq %d, not %q", g.ID, i+1, w.ID)
		}
	}
	return nil
}

// readAll reads the events of the project through the index, by seq - 1. Head is the
// end of the log.
func readAll(n *dashdtest.Node, head uint64) ([]shown, error) { return readUpTo(n, head, false) }

// readUpTo reads the events of the project up to a seq, behind which there may be more.
func readUpTo(n *dashdtest.Node, head uint64, more bool) ([]shown, error) {
	events := make([]shown, head)
	after := ""
	for pages := true; pages; {
		var page struct {
			Events     []shown
			HasMore    bool
			NextCursor string
		}
		seq, err := get(n, "/v1/events?limit=1000&project=default&after="+after, &page)
		if err != nil {
			return nil, err
		}
		if seq < head {
			continue // the index is still on its way; if it cannot go on, the node ends
		}
		for _, e := range page.Events {
			if more && e.Seq > head {
				continue
			}
			if e.Seq == 0 || e.Seq > head || events[e.Seq-1].ID != "" {
				return nil, wrongf("GET /v1/events has seq %d twice or beyond the end at %d", e.Seq, head)
			}
			events[e.Seq-1] = e
		}
		pages, after = page.HasMore, page.NextCursor
	}
	return events, nil
}

// repeats sends events again, which must be found to be duplicates.
func (tr *truth) repeats(n *dashdtest.Node) error {
	const size = 50
	var names []string
	for _, name := range tr.h.names {
		if tr.h.events[name].seen {
			names = append(names, name)
		}
	}
	c := newClient(tr.h, n.URL, choices("flip repeats"))
	for batch := range slices.Chunk(names, size) {
		status, text, err := c.post(context.Background(), "/ingest/events", "application/json", array(batch))
		if err != nil {
			return err
		}
		var answer struct {
			Results []*struct {
				Seq       uint64
				Duplicate bool
			}
		}
		if status != http.StatusOK {
			return fmt.Errorf("POST /ingest/events: %d %s", status, text)
		}
		if err := json.Unmarshal(text, &answer); err != nil || len(answer.Results) != len(batch) {
			return wrongf("POST /ingest/events: %s (%v)", text, err)
		}
		for i, r := range answer.Results {
			want := tr.h.events[batch[i]].seq
			if r != nil && !r.Duplicate && r.Seq > uint64(len(tr.h.leaves)) {
				return fmt.Errorf("%w: %s, which is at seq %d, at seq %d", errTakenTwice, batch[i], want, r.Seq)
			}
			if r == nil || !r.Duplicate || r.Seq != want {
				return wrongf("the repeat of %s, which is at seq %d: %s", batch[i], want, text)
			}
		}
	}
	return nil
}
