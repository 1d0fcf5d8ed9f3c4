package commands_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"dashd/eventlog"
	"dashd/internal/appender"
	"dashd/internal/commands"
	"dashd/internal/errs"
	"dashd/projections"
)

// inShop is a call to the project shop.
var inShop = commands.Call{By: socket, Project: "shop", Actor: "op1"}

// once is inShop with an Idempotency-Key.
func once(key, request string) commands.Call {
	call := inShop
	call.IdempotencyKey, call.Request = key, request
	return call
}

// ada is a user that tests make.
var ada = commands.UserCreate{Name: "Ada", Email: "ada@example.com"}

func (n *node) mustCreateUser(call commands.Call, cmd commands.UserCreate) string {
	n.t.Helper()
	_, made, err := n.CreateUser(n.t.Context(), call, cmd)
	if err != nil {
		n.t.Fatal(err)
	}
	return made.ID
}

// through returns commands that append by way of another appender.
func (n *node) through(to commands.Appender) *commands.Commands {
	return commands.New(commands.Options{
		Appender: to, Reports: n.appender, Access: n.access, Dash: n.dash, Log: n.log, Sealer: sealer, Now: now,
		Settle: func(context.Context) (uint64, error) { return n.log.Head(), nil },
	})
}

// types lists what the events of the log after a seq are.
func (n *node) types(after uint64) []eventlog.Type {
	var types []eventlog.Type
	for _, r := range n.records()[after:] {
		types = append(types, r.Type)
	}
	return types
}

func TestRepeatedCallFindsWhatTheFirstDid(t *testing.T) {
	n := withProjects(t)
	cmd := ada
	cmd.GeneratePassword = true
	done, made, err := n.CreateUser(t.Context(), once("k", "make ada"), cmd)
	if err != nil || done.Repeat || made.Password == "" || len(done.Events) != 2 {
		t.Fatalf("CreateUser = %+v, %+v, %v", done, made, err)
	}
	n = n.reopen()
	// Whatever has become of it since.
	if _, err := n.DeleteUser(t.Context(), inShop, commands.UserDelete{ID: made.ID}); err != nil {
		t.Fatal(err)
	}
	head := n.log.Head()
	again, remade, err := n.CreateUser(t.Context(), once("k", "make ada"), cmd)
	if err != nil || !again.Repeat || remade != (commands.CreatedUser{ID: made.ID}) || n.log.Head() != head {
		t.Errorf("the repeat = %+v, %+v, %v; head %d, want %d", again, remade, err, n.log.Head(), head)
	}
	if len(again.Events) != 2 || again.Events[0].ID != done.Events[0].ID || again.Events[1].Type != eventlog.AccountLinked {
		t.Errorf("the repeat tells of %+v", again.Events)
	}
}

// A client that got no answer asks again elsewhere and is told that there is nothing to do. When its first request
// arrives at last, there is, and it must not be done.
func TestCallThatWasUnneededIsNotExecutedLater(t *testing.T) {
	n := withProjects(t)
	id := n.mustCreateUser(inShop, ada)
	unban := once("k", "unban ada")
	first, err := n.UnbanUser(t.Context(), unban, id)
	if err != nil || first.Repeat || len(first.Events) != 1 || first.Events[0].Type != eventlog.DashdCommandUnneeded {
		t.Fatalf("UnbanUser = %+v, %v", first, err)
	}
	if _, err := n.BanUser(t.Context(), inShop, id, commands.Ban{}); err != nil {
		t.Fatal(err)
	}
	n = n.reopen()
	head := n.log.Head()
	late, err := n.UnbanUser(t.Context(), unban, id)
	if err != nil || !late.Repeat || n.log.Head() != head {
		t.Errorf("the request that came late = %+v, %v; head %d, want %d", late, err, n.log.Head(), head)
	}
	if u, _ := late.Tables.User(id); !u.Banned {
		t.Error("it was executed")
	}
	// Without a key nothing is written.
	if _, _, err := n.BanUsers(t.Context(), inShop, []string{"nobody"}, commands.Ban{}); err != nil || n.log.Head() != head {
		t.Errorf("a call without a key: %v, head %d, want %d", err, n.log.Head(), head)
	}
}

func TestIdempotencyKeyIsForOneRequest(t *testing.T) {
	n := withProjects(t)
	n.mustCreateUser(once("k", "make ada"), ada)
	head := n.log.Head()
	_, _, err := n.CreateUser(t.Context(), once("k", "make bob"), commands.UserCreate{Name: "Bob", Email: "bob@example.com"})
	if errs.KindOf(err) != errs.Conflict || errs.CodeOf(err) != "IDEMPOTENCY_KEY_REUSED" || n.log.Head() != head {
		t.Errorf("another request under the key: %v, head %d, want %d", err, n.log.Head(), head)
	}
	// The same key is another one elsewhere, and from somebody else.
	blog := once("k", "make ada")
	blog.Project = "blog"
	other := once("k", "make eve")
	other.By = projections.Operator("other")
	if a, b := n.mustCreateUser(blog, ada), n.mustCreateUser(other, commands.UserCreate{Name: "Eve", Email: "eve@example.com"}); a == b {
		t.Errorf("both made %s", a)
	}
}

// What was asked may hold a password: the log must not help to find it out.
func TestLogDoesNotTellTheRequest(t *testing.T) {
	n := withProjects(t)
	const request = `{"password":"hunter2hunter2"}`
	n.mustCreateUser(once("k", request), ada)
	sum := sha256.Sum256([]byte(request))
	for _, r := range n.records() {
		for _, secret := range []string{"hunter2", hex.EncodeToString(sum[:])} {
			if bytes.Contains(r.Metadata, []byte(secret)) || strings.Contains(r.ID, secret) {
				t.Errorf("event %d holds %q", r.Seq, secret)
			}
		}
	}
}

func TestOneOfManyCallsUnderAKeyIsExecuted(t *testing.T) {
	n := withProjects(t)
	head := n.log.Head()
	var fresh atomic.Int32
	var calls sync.WaitGroup
	for range 20 {
		calls.Go(func() {
			done, _, err := n.CreateUser(t.Context(), once("k", "make ada"), ada)
			if err != nil {
				t.Error(err)
			}
			if !done.Repeat {
				fresh.Add(1)
			}
		})
	}
	calls.Wait()
	if fresh.Load() != 1 || n.log.Head() != head+1 {
		t.Errorf("%d were executed, %d events", fresh.Load(), n.log.Head()-head)
	}
}

// gated is an appender that holds back the events of one project.
type gated struct {
	*appender.Appender
	project string
	asked   chan struct{} // one token for each append that is held back
	open    chan struct{} // closed when they may go on
}

func newGate(n *node, project string) *gated {
	return &gated{n.appender, project, make(chan struct{}, 10), make(chan struct{})}
}

func (g *gated) AppendIn(ctx context.Context, term uint64, events []eventlog.Event) ([]appender.Result, error) {
	if events[0].Project == g.project {
		g.asked <- struct{}{}
		<-g.open
	}
	return g.Appender.AppendIn(ctx, term, events)
}

func TestProjectsDoNotWaitForOneAnother(t *testing.T) {
	n := withProjects(t)
	gate := newGate(n, "shop")
	c := n.through(gate)
	stuck := make(chan error, 1)
	go func() {
		_, _, err := c.CreateUser(t.Context(), inShop, ada)
		stuck <- err
	}()
	<-gate.asked
	blog := inShop
	blog.Project = "blog"
	if _, _, err := c.CreateUser(t.Context(), blog, ada); err != nil {
		t.Error(err)
	}
	// In the same project the next one waits, as long as it wants to.
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := c.CreateUser(ctx, inShop, ada); errs.KindOf(err) != errs.Unavailable {
		t.Errorf("a second command of the project: %v", err)
	}
	close(gate.open)
	if err := <-stuck; err != nil {
		t.Error(err)
	}
}

// Whoever stops waiting for an append leaves its events behind, on their way. The next
// command must see them all the same.
func TestNextCommandSeesTheEventsOfOneThatWasGivenUp(t *testing.T) {
	n := withProjects(t)
	gate := newGate(n, "shop")
	c := n.through(gate)
	ctx, cancel := context.WithCancel(t.Context())
	first := make(chan error, 1)
	go func() {
		_, _, err := c.CreateUser(ctx, inShop, ada)
		first <- err
	}()
	<-gate.asked
	cancel()
	if err := <-first; errs.KindOf(err) != errs.Unavailable || errs.CodeOf(err) != appender.CodeOutcomeUnknown {
		t.Errorf("the one that was given up: %v", err)
	}
	second := make(chan error, 1)
	go func() {
		_, _, err := c.CreateUser(t.Context(), inShop, ada)
		second <- err
	}()
	// If it could decide now, it would have by the end of some other commands.
	blog := inShop
	blog.Project = "blog"
	for i := range 10 {
		if _, _, err := c.CreateUser(t.Context(), blog, commands.UserCreate{Name: "B", Email: fmt.Sprintf("b%d@example.com", i)}); err != nil {
			t.Fatal(err)
		}
	}
	if len(gate.asked) != 0 {
		t.Error("the next command was decided before the events were in the log")
	}
	close(gate.open)
	if err := <-second; errs.CodeOf(err) != "USER_WITH_THIS_EMAIL_ALREADY_EXIST" {
		t.Errorf("a second user with the same e-mail address: %v", err)
	}
}

func TestCallWhoseLeaderWasLost(t *testing.T) {
	for _, written := range []bool{false, true} {
		t.Run(fmt.Sprintf("written: %v", written), func(t *testing.T) {
			n := withProjects(t)
			n.proposer.loseNext(written)
			_, _, err := n.CreateUser(t.Context(), once("k", "make ada"), ada)
			if errs.KindOf(err) != errs.Unavailable || errs.CodeOf(err) != appender.CodeOutcomeUnknown {
				t.Fatalf("CreateUser = %v", err)
			}
			done, made, err := n.CreateUser(t.Context(), once("k", "make ada"), ada)
			if err != nil || done.Repeat != written {
				t.Errorf("the repeat: %+v, %v", done, err)
			}
			if u, ok := done.Tables.User(made.ID); !ok || u.Email != ada.Email || done.Tables.UserCount() != 1 {
				t.Errorf("user = %+v, %v, of %d", u, ok, done.Tables.UserCount())
			}
		})
	}
}

func TestKeyThatWasRevokedMeanwhileGivesNoOrders(t *testing.T) {
	n := withProjects(t)
	k := n.mustCreateKey(socket, commands.KeyCreate{Project: "shop", Scopes: []string{"*"}})
	call := inShop
	call.By = n.principal(k.Text)
	if _, err := n.RevokeKey(t.Context(), socket, commands.KeyRevoke{ID: k.ID}); err != nil {
		t.Fatal(err)
	}
	head := n.log.Head()
	_, _, err := n.CreateUser(t.Context(), call, ada)
	if !errors.Is(err, projections.ErrRevokedKey) || errs.KindOf(err) != errs.Unauthorized || n.log.Head() != head {
		t.Errorf("CreateUser = %v, head %d; want a refusal and head %d", err, n.log.Head(), head)
	}
}

func TestWhatTheLogCannotHoldIsRefused(t *testing.T) {
	n := withProjects(t)
	head := n.log.Head()
	huge := ada
	huge.Image = strings.Repeat("x", eventlog.MaxMetadataLen)
	_, _, err := n.CreateUser(t.Context(), inShop, huge)
	if errs.KindOf(err) != errs.TooLarge || n.log.Head() != head {
		t.Errorf("CreateUser = %v, head %d; want a refusal and head %d", err, n.log.Head(), head)
	}
}

// asked is an appender that is asked first whether it may append.
type asked struct {
	commands.Appender
	may func([]eventlog.Event) error
}

func appendFunc(may func([]eventlog.Event) error, to commands.Appender) asked { return asked{to, may} }

func (a asked) AppendIn(ctx context.Context, term uint64, events []eventlog.Event) ([]appender.Result, error) {
	if err := a.may(events); err != nil {
		return nil, err
	}
	return a.Appender.AppendIn(ctx, term, events)
}
