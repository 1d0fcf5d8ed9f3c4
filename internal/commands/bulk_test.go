package commands_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"dashd/eventlog"
	"dashd/internal/commands"
	"dashd/internal/errs"
)

// crowd makes users, each with a session, and returns their ids.
func (w *town) crowd(n int) []string {
	w.t.Helper()
	var ids []string
	var events []eventlog.Event
	for i := range n {
		id := fmt.Sprintf("u%04d", i)
		ids = append(ids, id)
		for _, e := range []eventlog.Event{
			{Type: eventlog.UserJoined, UserID: id, Personal: eventlog.Personal{Metadata: fmt.Appendf(nil, `{"userName":"U","userEmail":"%s@example.com"}`, id)}},
			{Type: eventlog.SessionCreated, UserID: id, SessionID: "s" + id},
		} {
			e.Project, e.Origin = "shop", eventlog.Origin{Vocabulary: eventlog.VocabularyDash}
			if err := e.Check(noon); err != nil {
				w.t.Fatal(err)
			}
			events = append(events, e)
		}
	}
	for piece := range slices.Chunk(events, 1000) {
		if _, err := w.appender.Append(w.t.Context(), piece); err != nil {
			w.t.Fatal(err)
		}
	}
	return ids
}

func TestBulkCommandsSayWhatBecameOfEach(t *testing.T) {
	w := newTown(t)
	ctx := t.Context()
	w.signIn(w.ada, "s1")
	w.signIn(w.ada, "s2")
	w.tables()

	head := w.log.Head()
	done, did, err := w.RevokeManySessions(ctx, once("r", "revoke"), []string{w.ada, "x", w.bob, w.ada})
	w.did(head, err, eventlog.SessionRevoked, eventlog.SessionRevoked)
	if !slices.Equal(did.Done, []string{w.ada, w.bob}) || !slices.Equal(did.Skipped, []string{"x"}) {
		t.Errorf("revoked %+v", did)
	}
	if done, again, err := w.RevokeManySessions(ctx, once("r", "revoke"), []string{w.ada, "x", w.bob, w.ada}); err != nil || !done.Repeat || !slices.Equal(again.Done, did.Done) {
		t.Errorf("revoked again: %+v, %+v, %v", done, again, err)
	}

	head = w.log.Head()
	done, did, err = w.BanUsers(ctx, inShop, []string{"x", w.ada, w.bob}, commands.Ban{Reason: "sweep"})
	w.did(head, err, eventlog.UserBanned, eventlog.UserBanned)
	if u, _ := done.Tables.User(w.bob); !u.Banned || u.BanReason != "sweep" || !slices.Equal(did.Done, []string{w.ada, w.bob}) || !slices.Equal(did.Skipped, []string{"x"}) {
		t.Errorf("banned %+v, %+v", did, u)
	}

	head = w.log.Head()
	_, did, err = w.DeleteUsers(ctx, inShop, commands.UsersDelete{IDs: []string{"x", "y"}})
	w.did(head, err)
	if len(did.Done) != 0 || !slices.Equal(did.Skipped, []string{"x", "y"}) {
		t.Errorf("deleted %+v", did)
	}
}

// Of the owners of an organization, one stays, although each alone could go.
// A bulk command that finds nothing to do is not executed later either.
func TestBulkCommandThatWasUnneeded(t *testing.T) {
	w := newTown(t)
	ids := []string{"x", "y", "z"}
	for i := range 2 {
		done, did, err := w.BanUsers(t.Context(), once("b", "ban"), ids, commands.Ban{})
		if err != nil || done.Repeat != (i > 0) || len(did.Done) != 0 || !slices.Equal(did.Skipped, ids) {
			t.Errorf("call %d: %+v, %+v, %v", i, done, did, err)
		}
	}
}

func TestOwnersAreNotDeletedTogether(t *testing.T) {
	w := newTown(t)
	cmd := commands.UsersDelete{IDs: []string{w.ada, w.eve, w.bob}}
	head := w.log.Head()
	_, did, err := w.DeleteUsers(t.Context(), once("d", "delete"), cmd)
	w.did(head, err, eventlog.AccountUnlinked, eventlog.MemberRemoved, eventlog.UserDeleted)
	if !slices.Equal(did.Done, []string{w.ada}) || !slices.Equal(did.Skipped, []string{w.eve, w.bob}) {
		t.Errorf("deleted %+v", did)
	}
	if done, again, err := w.DeleteUsers(t.Context(), once("d", "delete"), cmd); err != nil || !done.Repeat || !slices.Equal(again.Done, did.Done) {
		t.Errorf("deleted again: %+v, %+v, %v", done, again, err)
	}
	cmd.Force = true
	if _, did, err := w.DeleteUsers(t.Context(), inShop, cmd); err != nil || !slices.Equal(did.Done, []string{w.eve, w.bob}) {
		t.Errorf("deleted by force: %+v, %v", did, err)
	}
}

// What does not fit into one block goes into several, and a repeat finds all of them.
func TestBulkCommandOfManyBlocks(t *testing.T) {
	w := newTown(t)
	ids := w.crowd(1000)
	w.tables()
	blocks := w.proposer.blocks
	done, did, err := w.DeleteUsers(t.Context(), once("d", "delete"), commands.UsersDelete{IDs: ids})
	if err != nil || len(did.Done) != 1000 || len(did.Skipped) != 0 || len(done.Events) != 2000 {
		t.Fatalf("deleted %d, skipped %d, %v", len(did.Done), len(did.Skipped), err)
	}
	if n := w.proposer.blocks - blocks; n < 2 || n > 4 {
		t.Errorf("%d blocks", n)
	}
	head := w.log.Head()
	done, did, err = w.DeleteUsers(t.Context(), once("d", "delete"), commands.UsersDelete{IDs: ids})
	if err != nil || !done.Repeat || len(did.Done) != 1000 || w.log.Head() != head {
		t.Errorf("again: repeat %v, deleted %d, %d events, %v", done.Repeat, len(did.Done), w.log.Head()-head, err)
	}
}

func TestBulkCommandThatFailsHalfwaySaysSo(t *testing.T) {
	w := newTown(t)
	ids := w.crowd(1000)
	w.tables()
	blocks, c := w.proposer.blocks, w.Commands
	failing := w.through(appendFunc(func(events []eventlog.Event) error {
		if w.proposer.blocks > blocks {
			return errs.New(errs.Unavailable, "OUTCOME_UNKNOWN", "the leader was lost")
		}
		return nil
	}, w.appender))
	_, _, err := failing.BanUsers(t.Context(), once("b", "ban"), ids, commands.Ban{})
	if errs.KindOf(err) != errs.Unavailable || errs.CodeOf(err) != "OUTCOME_UNKNOWN" || !strings.Contains(errs.Message(err), "of 1000 were done before") {
		t.Errorf("BanUsers = %v", err)
	}
	done, did, err := c.BanUsers(t.Context(), once("b", "ban"), ids, commands.Ban{})
	if err != nil || done.Repeat || len(did.Done) != 1000 {
		t.Errorf("sent again: repeat %v, banned %d, %v", done.Repeat, len(did.Done), err)
	}
	banned := 0
	for _, r := range w.records() {
		if r.Type == eventlog.UserBanned {
			banned++
		}
	}
	if banned != 1000 {
		t.Errorf("%d events of a ban, want one for each", banned)
	}
}
