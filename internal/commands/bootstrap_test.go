package commands_test

import (
	"errors"
	"hash/crc32"
	"math/big"
	"regexp"
	"strings"
	"testing"

	"dashd/eventlog"
	"dashd/internal/commands"
	"dashd/internal/errs"
	"dashd/projections"
)

func TestFirstStart(t *testing.T) {
	n := open(t, t.TempDir())
	var saved string
	key, err := n.Bootstrap(t.Context(), commands.Bootstrap{Save: func(k string) error {
		if n.log.Head() != 0 {
			t.Error("the key is saved after its event")
		}
		saved = k
		return nil
	}})
	if err != nil || key == "" || saved != key {
		t.Fatalf("Bootstrap = %q, %v; saved %q", key, err, saved)
	}
	if n.proposer.blocks != 1 {
		t.Errorf("%d blocks, want all in one", n.proposer.blocks)
	}
	checkFirstStart(t, n, key)
	for _, r := range n.records() {
		if r.ActorID != "bootstrap" || r.Project != eventlog.ReservedProject || r.Origin.Vocabulary != eventlog.VocabularyDashd || !r.GivenID {
			t.Errorf("event %d: actor %q, project %q, vocabulary %v, given id %v", r.Seq, r.ActorID, r.Project, r.Origin.Vocabulary, r.GivenID)
		}
	}

	// Every later start, whatever key it brings.
	head := n.log.Head()
	for _, later := range []*node{n, n.reopen()} {
		if later != n {
			n = later
		}
		again, err := n.Bootstrap(t.Context(), commands.Bootstrap{
			Key:  "another-api-key-0123",
			Save: func(string) error { t.Error("a second key is saved"); return nil },
		})
		if err != nil || again != "" || n.log.Head() != head {
			t.Errorf("Bootstrap again = %q, %v; head %d, want %d", again, err, n.log.Head(), head)
		}
		checkFirstStart(t, n, key)
	}
}

// checkFirstStart checks what a cluster has after its first start.
func checkFirstStart(t *testing.T, n *node, key string) {
	t.Helper()
	m := n.access.Image()
	p, err := m.Authenticate(key, noon*2)
	if err != nil || p.Project != projections.DefaultProject {
		t.Fatalf("the first key opens %+v, %v", p, err)
	}
	for _, s := range projections.Scopes() {
		if !p.Can(s) {
			t.Errorf("the first key lacks %s", s)
		}
	}
	if len(m.Projects()) != 1 || len(m.Keys(projections.DefaultProject)) != 1 || len(m.SigningKeys()) != 1 {
		t.Errorf("%d projects, %d keys, %d signing keys; want 1 of each",
			len(m.Projects()), len(m.Keys(projections.DefaultProject)), len(m.SigningKeys()))
	}
	if err := m.CheckSealer(sealer); err != nil {
		t.Error(err)
	}
}

func TestFirstStartWithAChosenKey(t *testing.T) {
	n := open(t, t.TempDir())
	const chosen = "test-api-key-0123"
	key, err := n.Bootstrap(t.Context(), commands.Bootstrap{Key: chosen})
	if err != nil || key != chosen {
		t.Fatalf("Bootstrap = %q, %v", key, err)
	}
	checkFirstStart(t, n, chosen)
}

func TestUnfitChosenKeyStopsTheNode(t *testing.T) {
	n := open(t, t.TempDir())
	for _, key := range []string{
		"fifteen-letters", "with a space in it", "with-a-tab\tin-it-123", "with-a-line-end-in-it\n",
		"with-\u00e9-in-the-middle", strings.Repeat("x", 257),
	} {
		_, err := n.Bootstrap(t.Context(), commands.Bootstrap{Key: key})
		if errs.ExitCode(err) != errs.ExitIdentity || strings.Contains(err.Error(), key) {
			t.Errorf("Bootstrap(%q) = %v", key, err)
		}
	}
	if n.log.Head() != 0 {
		t.Errorf("head = %d", n.log.Head())
	}
}

func TestKeyThatCannotBeSavedIsNotMade(t *testing.T) {
	n := open(t, t.TempDir())
	full := errors.New("disk full")
	if _, err := n.Bootstrap(t.Context(), commands.Bootstrap{Save: func(string) error { return full }}); !errors.Is(err, full) {
		t.Errorf("Bootstrap = %v", err)
	}
	if n.log.Head() != 0 {
		t.Errorf("%d events were written", n.log.Head())
	}
	key, err := n.Bootstrap(t.Context(), commands.Bootstrap{})
	if err != nil {
		t.Fatal(err)
	}
	checkFirstStart(t, n, key)
}

// A start that never learned what became of its proposal is followed by another.
func TestFirstStartWhoseOutcomeIsUnknown(t *testing.T) {
	for _, written := range []bool{false, true} {
		n := open(t, t.TempDir())
		n.proposer.loseNext(written)
		var saved string
		save := func(k string) error { saved = k; return nil }
		if _, err := n.Bootstrap(t.Context(), commands.Bootstrap{Save: save}); errs.KindOf(err) != errs.Unavailable {
			t.Fatalf("Bootstrap = %v", err)
		}
		if _, err := n.Bootstrap(t.Context(), commands.Bootstrap{Save: save}); err != nil {
			t.Fatal(err)
		}
		checkFirstStart(t, n, saved)
	}
}

// A log from before there were signing keys gets one, and keeps the rest.
func TestMissingSigningKeyIsMade(t *testing.T) {
	n := open(t, t.TempDir())
	if _, err := n.CreateProject(t.Context(), socket, commands.ProjectCreate{ID: "shop"}); err != nil {
		t.Fatal(err)
	}
	if key, err := n.Bootstrap(t.Context(), commands.Bootstrap{}); key != "" || err != nil {
		t.Errorf("Bootstrap = %q, %v", key, err)
	}
	m := n.access.Image()
	if _, made := m.Project(projections.DefaultProject); made || len(m.SigningKeys()) != 1 {
		t.Errorf("default project made: %v; signing keys: %d", made, len(m.SigningKeys()))
	}
}

func TestMadeKeyCanBeToldFromOtherText(t *testing.T) {
	n := open(t, t.TempDir())
	key, err := n.Bootstrap(t.Context(), commands.Bootstrap{})
	if err != nil {
		t.Fatal(err)
	}
	parts := regexp.MustCompile(`^(dash_([a-z2-7]{8})_[0-9a-zA-Z]{43})([0-9a-zA-Z]{6})$`).FindStringSubmatch(key)
	if parts == nil {
		t.Fatalf("a key of another form, %d characters", len(key))
	}
	check, ok := new(big.Int).SetString(parts[3], 62)
	if !ok || check.Uint64() != uint64(crc32.ChecksumIEEE([]byte(parts[1]))) {
		t.Errorf("the check %s does not fit the rest", parts[3])
	}
	if _, ok := n.access.Image().Key(parts[2]); !ok {
		t.Errorf("no key has the id %s", parts[2])
	}
}
