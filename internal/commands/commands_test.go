package commands_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"dashd/eventlog"
	"dashd/eventlog/block"
	"dashd/internal/commands"
	"dashd/internal/errs"
	"dashd/projections"
)

// withProjects is a node with the projects shop and blog.
func withProjects(t *testing.T) *node {
	t.Helper()
	n := open(t, t.TempDir())
	for _, id := range []string{"shop", "blog"} {
		if _, err := n.CreateProject(t.Context(), socket, commands.ProjectCreate{ID: id, Name: "The " + id}); err != nil {
			t.Fatal(err)
		}
	}
	return n
}

func (n *node) mustCreateKey(by projections.Principal, cmd commands.KeyCreate) commands.CreatedKey {
	n.t.Helper()
	k, err := n.CreateKey(n.t.Context(), by, cmd)
	if err != nil {
		n.t.Fatal(err)
	}
	return k
}

// principal authenticates with a key's text.
func (n *node) principal(text string) projections.Principal {
	n.t.Helper()
	p, err := n.access.Image().Authenticate(text, noon)
	if err != nil {
		n.t.Fatal(err)
	}
	return p
}

func TestLifeOfAKey(t *testing.T) {
	n := withProjects(t)
	k := n.mustCreateKey(socket, commands.KeyCreate{Project: "shop", Name: "till", Scopes: []string{"events:write"}})
	p := n.principal(k.Text)
	if p.KeyID != k.ID || p.Project != "shop" || !p.Can("events:write") || p.Can("events:read") {
		t.Errorf("the key opens %+v", p)
	}
	if want := noon + commands.DefaultLifetime*1000; k.ExpiresAt.UnixMilli() != want || k.CreatedBy != "admin-socket" || k.Name != "till" {
		t.Errorf("key = %+v; want one that expires at %d", k.Key, want)
	}
	if _, err := n.access.Image().Authenticate(k.Text, k.ExpiresAt.UnixMilli()); !errors.Is(err, projections.ErrExpiredKey) {
		t.Errorf("after its end: %v", err)
	}

	revoked, err := n.RevokeKey(t.Context(), socket, commands.KeyRevoke{ID: k.ID})
	if err != nil || revoked.RevokedAt.IsZero() || revoked.RevokedBy != "admin-socket" {
		t.Fatalf("RevokeKey = %+v, %v", revoked, err)
	}
	head := n.log.Head()
	if again, err := n.RevokeKey(t.Context(), socket, commands.KeyRevoke{ID: k.ID}); err != nil || again.RevokedAt != revoked.RevokedAt || n.log.Head() != head {
		t.Errorf("RevokeKey again = %+v, %v, head %d; want no change and head %d", again, err, n.log.Head(), head)
	}
	for _, m := range []*projections.AccessImage{n.access.Image(), n.reopenedImage()} {
		if _, err := m.Authenticate(k.Text, noon); !errors.Is(err, projections.ErrRevokedKey) {
			t.Errorf("the revoked key: %v", err)
		}
	}
}

// reopenedImage is the image of the node after a restart.
func (n *node) reopenedImage() *projections.AccessImage {
	n.t.Helper()
	again := n.reopen()
	if err := again.access.Wait(n.t.Context(), again.log.Head()); err != nil {
		n.t.Fatal(err)
	}
	return again.access.Image()
}

func TestLifetimes(t *testing.T) {
	n := withProjects(t)
	day := n.mustCreateKey(socket, commands.KeyCreate{Project: "shop", Scopes: []string{"export"}, Lifetime: 86400})
	if got := day.ExpiresAt.UnixMilli(); got != noon+86400_000 {
		t.Errorf("a day's key expires at %d", got)
	}
	ever := n.mustCreateKey(socket, commands.KeyCreate{Project: "shop", Scopes: []string{"export"}, Lifetime: commands.Forever})
	if !ever.ExpiresAt.IsZero() {
		t.Errorf("a key for ever expires at %v", ever.ExpiresAt)
	}
}

func TestRefusals(t *testing.T) {
	n := withProjects(t)
	all := n.mustCreateKey(socket, commands.KeyCreate{Project: "shop", Scopes: []string{"*"}})
	shopAdmin := n.principal(n.mustCreateKey(socket, commands.KeyCreate{Project: "shop", Scopes: []string{"keys:*", "events:read"}}).Text)
	blogAdmin := n.principal(n.mustCreateKey(socket, commands.KeyCreate{Project: "blog", Scopes: []string{"keys:*"}}).Text)
	writer := n.principal(n.mustCreateKey(socket, commands.KeyCreate{Project: "shop", Scopes: []string{"events:write"}}).Text)
	projectCreate := func(by projections.Principal, c commands.ProjectCreate) func() error {
		return func() error { _, err := n.CreateProject(t.Context(), by, c); return err }
	}
	create := func(by projections.Principal, c commands.KeyCreate) func() error {
		return func() error { _, err := n.CreateKey(t.Context(), by, c); return err }
	}
	revoke := func(by projections.Principal, c commands.KeyRevoke) func() error {
		return func() error { _, err := n.RevokeKey(t.Context(), by, c); return err }
	}
	read := []string{"events:read"}
	tests := []struct {
		name string
		do   func() error
		kind errs.Kind
		code string
	}{
		{"a project that exists", projectCreate(socket, commands.ProjectCreate{ID: "shop"}), errs.Conflict, "PROJECT_EXISTS"},
		{"the reserved project", projectCreate(socket, commands.ProjectCreate{ID: "_dashd"}), errs.Invalid, "INVALID_PROJECT_ID"},
		{"a project without id", projectCreate(socket, commands.ProjectCreate{}), errs.Invalid, "INVALID_PROJECT_ID"},
		{"a project with two lines of name", projectCreate(socket, commands.ProjectCreate{ID: "x", Name: "a\nb"}), errs.Invalid, "INVALID_NAME"},
		{"a project with a name that turns text round", projectCreate(socket, commands.ProjectCreate{ID: "x", Name: "a\u202eb"}), errs.Invalid, "INVALID_NAME"},
		{"a project with too long a name", projectCreate(socket, commands.ProjectCreate{ID: "x", Name: strings.Repeat("n", 101)}), errs.Invalid, "INVALID_NAME"},
		{"a project, asked for without the scope", projectCreate(shopAdmin, commands.ProjectCreate{ID: "x"}), errs.Forbidden, "FORBIDDEN"},
		{"a key of no project", create(socket, commands.KeyCreate{Project: "x", Scopes: read}), errs.NotFound, "PROJECT_NOT_FOUND"},
		{"a key of the reserved project", create(socket, commands.KeyCreate{Project: "_dashd", Scopes: read}), errs.NotFound, "PROJECT_NOT_FOUND"},
		{"a key without scopes", create(socket, commands.KeyCreate{Project: "shop"}), errs.Invalid, "INVALID_SCOPE"},
		{"a scope that is none", create(socket, commands.KeyCreate{Project: "shop", Scopes: []string{"events:*"}}), errs.Invalid, "INVALID_SCOPE"},
		{"a scope twice", create(socket, commands.KeyCreate{Project: "shop", Scopes: []string{"erase", "erase"}}), errs.Invalid, "INVALID_SCOPE"},
		{"a key with bad UTF-8 in its name", create(socket, commands.KeyCreate{Project: "shop", Scopes: read, Name: "\xff"}), errs.Invalid, "INVALID_NAME"},
		{"a lifetime that is none", create(socket, commands.KeyCreate{Project: "shop", Scopes: read, Lifetime: -2}), errs.Invalid, "INVALID_LIFETIME"},
		{"a lifetime of thousands of years", create(socket, commands.KeyCreate{Project: "shop", Scopes: read, Lifetime: 1 << 60}), errs.Invalid, "INVALID_LIFETIME"},
		{"a scope the operator lacks", create(shopAdmin, commands.KeyCreate{Project: "shop", Scopes: []string{"erase"}}), errs.Forbidden, "FORBIDDEN"},
		{"all scopes from one who has some", create(shopAdmin, commands.KeyCreate{Project: "shop", Scopes: []string{"*"}}), errs.Forbidden, "FORBIDDEN"},
		{"a key, asked for without the scope", create(writer, commands.KeyCreate{Project: "shop", Scopes: []string{"events:write"}}), errs.Forbidden, "FORBIDDEN"},
		{"a key of another project", create(shopAdmin, commands.KeyCreate{Project: "blog", Scopes: read}), errs.NotFound, "PROJECT_NOT_FOUND"},
		{"the end of no key", revoke(socket, commands.KeyRevoke{ID: "x"}), errs.NotFound, "KEY_NOT_FOUND"},
		{"the end of another project's key", revoke(blogAdmin, commands.KeyRevoke{ID: all.ID}), errs.NotFound, "KEY_NOT_FOUND"},
		{"the end of a key of another project than said", revoke(socket, commands.KeyRevoke{ID: all.ID, Project: "blog"}), errs.NotFound, "KEY_NOT_FOUND"},
		{"the end of a key, asked for without the scope", revoke(writer, commands.KeyRevoke{ID: all.ID}), errs.Forbidden, "FORBIDDEN"},
	}
	head, image := n.log.Head(), n.access.Image()
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if err := tt.do(); errs.KindOf(err) != tt.kind || errs.CodeOf(err) != tt.code {
				t.Errorf("error = %v (%v, %s); want %v, %s", err, errs.KindOf(err), errs.CodeOf(err), tt.kind, tt.code)
			}
		})
	}
	if n.log.Head() != head || n.access.Image() != image {
		t.Error("a refused command has changed something")
	}
	// What the refused ones may do.
	if _, err := n.CreateKey(t.Context(), shopAdmin, commands.KeyCreate{Project: "shop", Scopes: read}); err != nil {
		t.Error(err)
	}
	if _, err := n.RevokeKey(t.Context(), shopAdmin, commands.KeyRevoke{ID: all.ID}); err != nil {
		t.Error(err)
	}
}

// A key that was revoked after it was presented gives no orders.
func TestRevokedOperatorGivesNoOrders(t *testing.T) {
	n := withProjects(t)
	k := n.mustCreateKey(socket, commands.KeyCreate{Project: "shop", Scopes: []string{"*"}})
	by := n.principal(k.Text)
	if _, err := n.RevokeKey(t.Context(), by, commands.KeyRevoke{ID: k.ID}); err != nil {
		t.Fatalf("it ends itself: %v", err)
	}
	head := n.log.Head()
	_, err := n.CreateKey(t.Context(), by, commands.KeyCreate{Project: "shop", Scopes: []string{"*"}})
	if !errors.Is(err, projections.ErrRevokedKey) || errs.KindOf(err) != errs.Unauthorized || n.log.Head() != head {
		t.Errorf("CreateKey = %v, head %d; want a refusal and head %d", err, n.log.Head(), head)
	}
}

func TestRepeatedRequestFindsItsOwnAnswer(t *testing.T) {
	n := withProjects(t)
	other := projections.Operator("other")
	shopKey := commands.KeyCreate{Project: "shop", Name: "a", Scopes: []string{"export"}, IdempotencyKey: "r1"}
	project := commands.ProjectCreate{ID: "mail", IdempotencyKey: "r1"}

	first := n.mustCreateKey(socket, shopKey)
	made, err := n.CreateProject(t.Context(), socket, project)
	if err != nil {
		t.Fatal(err)
	}
	n = n.reopen()
	again := n.mustCreateKey(socket, shopKey)
	if again.ID != first.ID || again.Seq != first.Seq || again.Text != "" {
		t.Errorf("the repeat answers key %s at %d, text shown: %v; want %s at %d without text",
			again.ID, again.Seq, again.Text != "", first.ID, first.Seq)
	}
	if p, err := n.CreateProject(t.Context(), socket, project); err != nil || p != made {
		t.Errorf("CreateProject again = %+v, %v; want %+v", p, err, made)
	}

	for _, change := range []func(*commands.KeyCreate){
		func(c *commands.KeyCreate) { c.Project = "blog" },
		func(c *commands.KeyCreate) { c.Name = "b" },
		func(c *commands.KeyCreate) { c.Scopes = []string{"export", "erase"} },
		func(c *commands.KeyCreate) { c.Lifetime = 3600 },
	} {
		changed := shopKey
		change(&changed)
		if _, err := n.CreateKey(t.Context(), socket, changed); errs.CodeOf(err) != "IDEMPOTENCY_KEY_REUSED" {
			t.Errorf("another request under the same key, %+v: %v", changed, err)
		}
	}
	renamed := project
	renamed.Name = "Mail"
	if _, err := n.CreateProject(t.Context(), socket, renamed); errs.CodeOf(err) != "PROJECT_EXISTS" {
		t.Errorf("another name under the same key: %v", err)
	}
	if k := n.mustCreateKey(other, shopKey); k.ID == first.ID || k.Text == "" {
		t.Error("another operator's request is taken for a repeat")
	}
	if _, err := n.CreateProject(t.Context(), other, project); errs.CodeOf(err) != "PROJECT_EXISTS" {
		t.Errorf("another operator's project: %v", err)
	}
}

func TestLostLeaderThenRepeat(t *testing.T) {
	for _, written := range []bool{false, true} {
		t.Run(fmt.Sprintf("written: %v", written), func(t *testing.T) {
			n := withProjects(t)
			cmd := commands.KeyCreate{Project: "shop", Scopes: []string{"export"}, IdempotencyKey: "r1"}
			n.proposer.loseNext(written)
			if _, err := n.CreateKey(t.Context(), socket, cmd); errs.KindOf(err) != errs.Unavailable {
				t.Fatalf("CreateKey = %v", err)
			}
			k := n.mustCreateKey(socket, cmd)
			if (k.Text == "") != written {
				t.Errorf("the repeat shows the key: %v", k.Text != "")
			}
			if got := len(n.access.Image().Keys("shop")); got != 1 {
				t.Errorf("%d keys, want 1", got)
			}
		})
	}
}

func TestOneOfManyMakesTheProject(t *testing.T) {
	n := open(t, t.TempDir())
	var made, refused atomic.Int32
	var asks sync.WaitGroup
	for range 50 {
		asks.Go(func() {
			switch _, err := n.CreateProject(t.Context(), socket, commands.ProjectCreate{ID: "shop"}); {
			case err == nil:
				made.Add(1)
			case errs.CodeOf(err) == "PROJECT_EXISTS":
				refused.Add(1)
			default:
				t.Error(err)
			}
		})
	}
	asks.Wait()
	if made.Load() != 1 || refused.Load() != 49 || n.log.Head() != 1 {
		t.Errorf("made %d, refused %d, head %d; want 1, 49, 1", made.Load(), refused.Load(), n.log.Head())
	}
}

// stale is the image of a node that has just begun to lead: it sees what was
// there before until it is told of a later event.
type stale struct {
	*projections.Follower
	image *projections.AccessImage
}

func (s *stale) Image() *projections.AccessImage { return s.image }

func (s *stale) Wait(ctx context.Context, seq uint64) error {
	if seq == 0 {
		return nil
	}
	err := s.Follower.Wait(ctx, seq)
	s.image = s.Follower.Image()
	return err
}

// Two that decide at once, against images that do not see each other's events: the
// log lets one through, and the other then sees why not.
func TestStaleImageMakesNothingTwice(t *testing.T) {
	n := open(t, t.TempDir())
	before := n.access.Image()
	late := func() *commands.Commands {
		return commands.New(commands.Options{
			Appender: n.appender, Reports: n.appender, Access: &stale{n.access, before}, Dash: n.dash, Log: n.log, Sealer: sealer, Now: now,
			Settle: func(context.Context) (uint64, error) { return 0, nil },
		})
	}
	project := commands.ProjectCreate{ID: "shop", IdempotencyKey: "r1"}
	if _, err := n.CreateProject(t.Context(), socket, project); err != nil {
		t.Fatal(err)
	}
	if _, err := late().CreateProject(t.Context(), socket, project); err != nil {
		t.Errorf("the same request: %v", err)
	}
	if _, err := late().CreateProject(t.Context(), socket, commands.ProjectCreate{ID: "shop"}); errs.CodeOf(err) != "PROJECT_EXISTS" {
		t.Errorf("another request: %v", err)
	}
	before = n.access.Image()
	cmd := commands.KeyCreate{Project: "shop", Scopes: []string{"export"}, IdempotencyKey: "r2"}
	k := n.mustCreateKey(socket, cmd)
	if again, err := late().CreateKey(t.Context(), socket, cmd); err != nil || again.ID != k.ID || again.Text != "" {
		t.Errorf("the same key: %+v, %v", again, err)
	}
	before = n.access.Image()
	for range 2 {
		if _, err := late().RevokeKey(t.Context(), socket, commands.KeyRevoke{ID: k.ID}); err != nil {
			t.Error(err)
		}
	}
	if got := n.log.Head(); got != 3 {
		t.Errorf("%d events, want a project, a key and its end", got)
	}
}

func TestCommandStopsWaitingWithItsContext(t *testing.T) {
	n := withProjects(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	head := n.log.Head()
	for range 20 { // the turn is free and ctx is over: either may be seen first
		if _, err := n.CreateProject(ctx, socket, commands.ProjectCreate{ID: "late"}); err != nil && errs.KindOf(err) != errs.Unavailable && errs.CodeOf(err) != "PROJECT_EXISTS" {
			t.Fatalf("CreateProject = %v", err)
		}
	}
	if n.log.Head() > head+1 {
		t.Errorf("%d events for one project", n.log.Head()-head)
	}
}

func TestEveryCommandLeavesATrail(t *testing.T) {
	n := withProjects(t)
	if _, err := n.CreateProject(t.Context(), socket, commands.ProjectCreate{ID: projections.DefaultProject}); err != nil {
		t.Fatal(err)
	}
	by := n.principal(n.mustCreateKey(socket, commands.KeyCreate{Project: projections.DefaultProject, Scopes: []string{"*"}}).Text)
	from := n.log.Head()
	if _, err := n.CreateProject(t.Context(), by, commands.ProjectCreate{ID: "mail"}); err != nil {
		t.Fatal(err)
	}
	k := n.mustCreateKey(by, commands.KeyCreate{Project: "mail", Scopes: []string{"*"}})
	if _, err := n.RevokeKey(t.Context(), by, commands.KeyRevoke{ID: k.ID}); err != nil {
		t.Fatal(err)
	}
	if _, err := n.UseJTI(t.Context(), by, "token", 0); err != nil {
		t.Fatal(err)
	}
	var types []eventlog.Type
	for _, r := range n.records()[from:] {
		types = append(types, r.Type)
		if r.ActorID != by.KeyID || r.Project != eventlog.ReservedProject || r.Origin.Vocabulary != eventlog.VocabularyDashd {
			t.Errorf("%s: actor %q, project %q, vocabulary %v", r.Type, r.ActorID, r.Project, r.Origin.Vocabulary)
		}
		if want := map[bool]string{true: projections.DefaultProject, false: "mail"}[r.Type == eventlog.DashdTokenUsed]; r.Key != want {
			t.Errorf("%s is in the stream %q, want %q", r.Type, r.Key, want)
		}
	}
	want := []eventlog.Type{eventlog.DashdProjectCreated, eventlog.DashdKeyCreated, eventlog.DashdKeyRevoked, eventlog.DashdTokenUsed}
	if !slices.Equal(types, want) {
		t.Errorf("events %v, want %v", types, want)
	}
}

// No secret is in any event, nor in any file.
func TestSecretsAreStoredNowhere(t *testing.T) {
	n := open(t, t.TempDir())
	first, err := n.Bootstrap(t.Context(), commands.Bootstrap{Key: "chosen-api-key-0123456789"})
	if err != nil {
		t.Fatal(err)
	}
	made := n.mustCreateKey(socket, commands.KeyCreate{Project: projections.DefaultProject, Scopes: []string{"export"}, IdempotencyKey: "request-0123456789"})
	if ok, err := n.UseJTI(t.Context(), shop, "token-id-0123456789", 0); !ok || err != nil {
		t.Fatal(ok, err)
	}
	private, err := n.access.Image().SigningKeys()[0].Private(sealer)
	if err != nil {
		t.Fatal(err)
	}
	secrets := map[string][]byte{
		"the chosen key":      []byte(first),
		"the made key":        []byte(made.Text),
		"the made key's part": []byte(made.Text[len("dash_")+9:][:20]),
		"the jti":             []byte("token-id-0123456789"),
		"the idempotency key": []byte("request-0123456789"),
		"the private key":     private.Seed(),
	}
	find := func(where string, b []byte) {
		for name, secret := range secrets {
			if bytes.Contains(b, secret) {
				t.Errorf("%s is in %s", name, where)
			}
		}
	}
	control := false
	err = n.log.Blocks(t.Context(), 1, func(_ uint64, raw []byte, b block.Block) error {
		find("a block", raw)
		for i := range b.Len() {
			e, err := b.Event(i)
			if err != nil {
				return err
			}
			text, err := json.Marshal(e) // the bytes of Sealed and Metadata in base64
			if err != nil {
				return err
			}
			find("event "+string(e.Type), slices.Concat(text, e.Metadata, e.Sealed))
			control = control || bytes.Contains(e.Metadata, []byte(made.ID))
		}
		return nil
	})
	if err != nil || !control {
		t.Fatalf("the blocks were not searched: %v", err)
	}
	n.stop()
	files := 0
	err = filepath.WalkDir(n.dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		find(filepath.Base(path), b)
		files++
		return err
	})
	if err != nil || files == 0 {
		t.Errorf("searched %d files: %v", files, err)
	}
}

func TestNoRightInOneProjectReachesAnother(t *testing.T) {
	n := withProjects(t)
	all := n.principal(n.mustCreateKey(socket, commands.KeyCreate{Project: "shop", Scopes: []string{"*"}}).Text)
	for _, scope := range []string{projections.ScopeProjects, projections.ScopeAdmin} {
		if all.Can(scope) {
			t.Errorf("a key of shop with all scopes holds %s", scope)
		}
		_, err := n.CreateKey(t.Context(), socket, commands.KeyCreate{Project: "shop", Scopes: []string{scope}})
		if errs.CodeOf(err) != "INVALID_SCOPE" {
			t.Errorf("a key of shop with the scope %s: %v, want INVALID_SCOPE", scope, err)
		}
	}
	if _, err := n.CreateProject(t.Context(), all, commands.ProjectCreate{ID: "mine"}); errs.KindOf(err) != errs.Forbidden {
		t.Errorf("CreateProject by a key of shop: %v, want forbidden", err)
	}
}
