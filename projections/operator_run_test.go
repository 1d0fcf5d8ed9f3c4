package projections_test

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"dashd/eventlog"
	"dashd/eventlog/block"
	"dashd/internal/commands"
	"dashd/internal/errs"
	"dashd/projections"
)

// commandsTried is how many random commands are given. scripts/test-long gives more.
func commandsTried(t *testing.T) int {
	t.Helper()
	n := 300
	if text := os.Getenv("DASHD_MODEL_COMMANDS"); text != "" {
		if _, err := fmt.Sscan(text, &n); err != nil {
			t.Fatal(err)
		}
	}
	return n
}

// Commands of all areas, mixed with what applications tell, with restarts in between:
// after each the tables are those of the model folded from the log, nothing in them refers to
// what is not there, what was refused has changed nothing, and what was repeated was done
// once.
func TestCommandsKeepTheTablesWhole(t *testing.T) {
	t.Parallel()
	const seed = 1
	s := newStation(t)
	if _, err := s.commands.CreateProject(t.Context(), projections.Operator("test"), commands.ProjectCreate{ID: "shop"}); err != nil {
		t.Fatal(err)
	}
	w, seen := world{}, uint64(0)
	o := &operator{generator: newGenerator(seed), s: s}
	done := map[string]int{}
	s.feed(w, &seen)
	for i := range commandsTried(t) {
		o.pass()
		call := commands.Call{
			By: projections.Operator("test"), Project: pick(o.generator, "default", "default", "default", "shop"), Actor: "operator-7",
		}
		o.tables = s.node.Dash.Image().Tables(call.Project)
		if events := o.signIns(call.Project); o.IntN(8) == 0 && len(events) > 0 {
			s.tell(events)
			s.feed(w, &seen)
			s.compare(o, w, seen, "sign-ins")
			continue
		}
		order := o.order()
		if o.IntN(4) == 0 {
			call.IdempotencyKey, call.Request = fmt.Sprint("key ", i), order.name
		}
		ok := s.give(o, w, &seen, call, order)
		verb, _, _ := strings.Cut(order.name, " ")
		if ok {
			done[verb]++
		}
		if o.IntN(150) == 0 {
			s.stop()
			s.open()
			if err := s.node.Dash.Wait(t.Context(), seen); err != nil {
				t.Fatal(err)
			}
			s.feed(w, &seen) // a leader may begin with an event of its own
			s.compare(o, w, seen, "restart")
			s.rebuild(w)
		}
	}
	s.rebuild(w)
	s.stop()
	for _, verb := range []string{"create", "update", "delete", "ban", "add", "remove", "invite", "revoke"} {
		if done[verb] == 0 {
			t.Errorf("not one order to %s was carried out: %v", verb, done)
		}
	}
}

// give carries out an order, and perhaps the same again. It reports whether it was not refused.
func (s *station) give(o *operator, w world, seen *uint64, call commands.Call, order order) bool {
	s.Helper()
	done, err := order.do(s.commands, call)
	switch errs.KindOf(err) {
	case errs.Invalid, errs.NotFound, errs.Forbidden, errs.Conflict:
	default:
		if err != nil {
			s.Fatalf("%s: %v", order.name, err)
		}
	}
	recs := s.feed(w, seen)
	s.compare(o, w, *seen, order.name)
	if err != nil {
		if len(recs) > 0 {
			s.Fatalf("%s was refused (%v) and left %s", order.name, err, describe(recs))
		}
		return false
	}
	s.audited(order.name, call, recs)
	if diff := differ(projections.Dump(done.Tables), w.of(call.Project).dump()); diff != "" {
		s.Fatalf("%s answers with other tables than there are:\n%s", order.name, diff)
	}
	if call.IdempotencyKey == "" || len(recs) == 0 {
		return true
	}
	again, err := order.do(s.commands, call)
	if err != nil || !again.Repeat {
		s.Fatalf("%s again: repeat %v, %v", order.name, again.Repeat, err)
	}
	if more := s.feed(w, seen); len(more) > 0 {
		s.Fatalf("%s again left %s", order.name, describe(more))
	}
	return true
}

// audited checks that the events of a command say who did it, where, and how he came to it.
func (s *station) audited(name string, call commands.Call, recs []eventlog.Record) {
	s.Helper()
	for _, rec := range recs {
		var meta struct{ TriggeredBy, TriggerContext string }
		if err := json.Unmarshal(rec.Metadata, &meta); err != nil {
			s.Fatal(err)
		}
		if rec.Project != call.Project || rec.ActorID != call.Actor || rec.Origin.Vocabulary != eventlog.VocabularyDashd ||
			meta.TriggeredBy != call.Actor || meta.TriggerContext != "dashboard" {
			s.Errorf("%s: who did it is not told: %+v", name, rec)
		}
	}
}

// tell appends what applications send.
func (s *station) tell(events []eventlog.Event) {
	s.Helper()
	results, err := s.node.Appender.Append(s.Context(), events)
	if err != nil {
		s.Fatal(err)
	}
	if err := s.node.Dash.Wait(s.Context(), results[len(results)-1].Seq); err != nil {
		s.Fatal(err)
	}
}

// feed folds the events of the log after seq into the model, and returns them.
func (s *station) feed(w world, seq *uint64) (recs []eventlog.Record) {
	s.Helper()
	if s.node.Store.Head() == *seq {
		return nil
	}
	err := s.node.Store.Blocks(s.Context(), *seq+1, func(first uint64, _ []byte, b block.Block) error {
		return b.Each(first, func(rec *eventlog.Record) error {
			if rec.Seq > *seq {
				own := *rec
				own.Metadata, own.Sealed = slices.Clone(rec.Metadata), slices.Clone(rec.Sealed)
				w.fold(own)
				recs = append(recs, own)
				*seq = rec.Seq
			}
			return nil
		})
	})
	if err != nil {
		s.Fatal(err)
	}
	return recs
}

// compare compares the node's image with the model, and checks that it is whole.
func (s *station) compare(o *operator, w world, seq uint64, after string) {
	s.Helper()
	image := s.node.Dash.Image()
	if image.Seq() < seq {
		s.Fatalf("after %s the image is as of seq %d, and the log at %d", after, image.Seq(), seq)
	}
	for _, project := range []string{"default", "shop"} {
		tables, m := image.Tables(project), w.of(project)
		if diff := differ(projections.Dump(tables), m.dump()); diff != "" {
			s.Fatalf("after %s:\n%s", after, diff)
		}
		if wrong := m.broken(); wrong != "" {
			s.Fatalf("after %s: %s", after, wrong)
		}
		if o.IntN(20) == 0 {
			checkQueries(s.T, o.generator, tables, m)
		}
	}
}

// rebuild folds the whole log anew.
func (s *station) rebuild(w world) {
	s.Helper()
	dash := projections.NewDash()
	err := s.node.Store.Blocks(s.Context(), 1, func(first uint64, _ []byte, b block.Block) error {
		return b.Each(first, func(rec *eventlog.Record) error { dash.Apply(rec); return nil })
	})
	if err != nil {
		s.Fatal(err)
	}
	dash.Publish(s.node.Store.Head())
	for _, project := range []string{"default", "shop"} {
		if diff := differ(projections.Dump(dash.Image().Tables(project)), w.of(project).dump()); diff != "" {
			s.Fatalf("rebuilt:\n%s", diff)
		}
	}
}

// broken says what in the tables refers to something that is not there, or is there
// twice; "" if all is well.
func (m *model) broken() string {
	var wrong []string
	check := func(ok bool, format string, args ...any) {
		if !ok {
			wrong = append(wrong, fmt.Sprintf(format, args...))
		}
	}
	taken := map[string]bool{}
	once := func(what, value string) {
		check(!taken[what+value], "two have the %s %q", what, value)
		taken[what+value] = true
	}
	for _, u := range m.users {
		once("user", u.ID)
		once("address", u.Email)
		factor := find(m.factors, func(f projections.TwoFactor) bool { return f.UserID == u.ID && !f.Pending })
		check(u.TwoFactorEnabled == (factor != nil), "two-factor of user %s: %v, and a factor: %v", u.ID, u.TwoFactorEnabled, factor != nil)
		check(u.Banned || u.BanReason == "" && u.BanExpires == 0, "user %s is not banned, and has the reason", u.ID)
	}
	for _, a := range m.accounts {
		check(m.user(a.UserID) != nil, "account %s of nobody", a.ID)
	}
	for _, s := range m.visible(func(projections.Session) bool { return true }) {
		check(m.user(s.UserID) != nil, "session %s of nobody", s.ID)
		check(s.ActiveOrganizationID == "" || m.organization(string(s.ActiveOrganizationID)) != nil,
			"session %s in organization %s, which is gone", s.ID, s.ActiveOrganizationID)
	}
	for _, f := range m.factors {
		check(m.user(f.UserID) != nil, "second factor of %s, who is nobody", f.UserID)
	}
	for _, o := range m.organizations {
		once("slug", o.Slug)
	}
	for _, v := range m.members {
		once("membership", v.OrganizationID+" "+v.UserID)
		check(m.organization(v.OrganizationID) != nil && m.user(v.UserID) != nil, "member %s of nothing", v.ID)
	}
	for _, v := range m.teams {
		check(m.organization(v.OrganizationID) != nil, "team %s of nothing", v.ID)
	}
	for _, v := range m.teamMembers {
		once("place", v.TeamID+" "+v.UserID)
		team := m.team(v.TeamID)
		check(team != nil && m.memberOf(team.OrganizationID, v.UserID) != nil, "place %s of no member", v.ID)
	}
	for _, v := range m.invitations {
		check(m.organization(v.OrganizationID) != nil && m.user(v.InviterID) != nil, "invitation %s of nobody to nothing", v.ID)
	}
	for _, p := range m.providers {
		check(m.organization(string(p.OrganizationID)) != nil && m.user(p.UserID) != nil && len(p.Sealed) > 0, "provider %s of nothing", p.ProviderID)
	}
	for _, d := range m.directories {
		check(m.organization(d.OrganizationID) != nil, "directory %s of nothing", d.ConnectionID)
	}
	for _, d := range m.drains {
		check(m.organization(d.OrganizationID) != nil && len(d.Sealed) > 0, "drain %s of nothing", d.ID)
	}
	return strings.Join(wrong, "; ")
}
