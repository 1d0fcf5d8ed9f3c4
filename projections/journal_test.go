package projections_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"dashd/eventlog"
	"dashd/eventlog/block"
	"dashd/projections"
)

// images calls fn with the rows of a project after each event of a log, and before the first.
func (d *disk) images(project string, fn func(seq uint64, rows map[[2]string]projections.Shown)) {
	d.t.Helper()
	dash := projections.NewDash()
	fn(0, projections.AllShown(dash.Image().Tables(project)))
	err := d.log.Blocks(d.t.Context(), 1, func(first uint64, _ []byte, b block.Block) error {
		return b.Each(first, func(rec *eventlog.Record) error {
			dash.Apply(rec)
			dash.Publish(rec.Seq)
			fn(rec.Seq, projections.AllShown(dash.Image().Tables(project)))
			return nil
		})
	})
	if err != nil {
		d.t.Fatal(err)
	}
}

// changesBetween is what a journal says, made of two whole images.
func changesBetween(before, after map[[2]string]projections.Shown, q projections.DiffQuery) (list []projections.RowChange) {
	selected := func(rows map[[2]string]projections.Shown) map[[2]string]projections.Shown {
		rows = maps.Clone(rows)
		maps.DeleteFunc(rows, func(_ [2]string, s projections.Shown) bool {
			return len(q.Kinds) > 0 && !slices.Contains(q.Kinds, s.Kind) ||
				q.UserID != "" && s.User != q.UserID || q.OrganizationID != "" && s.Organization != q.OrganizationID
		})
		return rows
	}
	before, after = selected(before), selected(after)
	names := slices.Collect(maps.Keys(before))
	for name := range after {
		if _, both := before[name]; !both {
			names = append(names, name)
		}
	}
	for _, name := range names {
		a, was := before[name]
		b, is := after[name]
		if a.JSON == b.JSON && a.Secret == b.Secret {
			continue
		}
		c := projections.RowChange{Kind: name[0], ID: name[1]}
		switch {
		case !was:
			c.Change, c.After = "added", json.RawMessage(b.JSON)
		case !is:
			c.Change, c.Before = "removed", json.RawMessage(a.JSON)
		default:
			c.Change, c.SecretChanged = "changed", a.Secret != b.Secret
			c.Before, c.After = fieldsThatDiffer(a.JSON, b.JSON), fieldsThatDiffer(b.JSON, a.JSON)
		}
		list = append(list, c)
	}
	return list
}

// fieldsThatDiffer are the fields of an object that another has not, or has otherwise.
func fieldsThatDiffer(text, other string) json.RawMessage {
	var a, b map[string]any
	_ = json.Unmarshal([]byte(text), &a)
	_ = json.Unmarshal([]byte(other), &b)
	for name, v := range a {
		if fmt.Sprint(v) == fmt.Sprint(b[name]) {
			delete(a, name)
		}
	}
	out, _ := json.Marshal(a)
	return out
}

// changeTexts writes changes down, in an order of their own.
func changeTexts(list []projections.RowChange) (lines []string) {
	for _, c := range list {
		var before, after any // so that the order of fields does not matter
		_ = json.Unmarshal(c.Before, &before)
		_ = json.Unmarshal(c.After, &after)
		lines = append(lines, fmt.Sprintf("%s %s %s %v -> %v secret %v", c.Kind, c.ID, c.Change, before, after, c.SecretChanged))
	}
	slices.Sort(lines)
	return lines
}

// diffChanges are the rows of a Diff.
func diffChanges(d *projections.Diff) (list []projections.RowChange) {
	for i := range d.Len() {
		list = append(list, d.Row(i).RowChange)
	}
	return list
}

// rarelyChanged are the kinds of rows that the generator's events make and take away, and hardly change.
var rarelyChanged = map[string]bool{
	projections.KindSession: true, projections.KindSecondFactor: true, projections.KindSSOProvider: true, projections.KindDrain: true,
	projections.KindAccount: true, projections.KindTeamMember: true, projections.KindDirectory: true,
}

// TestAJournalIsWhatWholeImagesTell compares, for each event of random logs, the rows before and after,
// all of them, with what a journal has noted; and so for ranges of events.
func TestAJournalIsWhatWholeImagesTell(t *testing.T) {
	seen := map[string]int{}
	defer func() {
		for _, kind := range projections.Kinds() {
			for _, change := range []string{projections.RowAdded, projections.RowRemoved, projections.RowChanged} {
				if name := kind + " " + change; seen[name] == 0 && !(rarelyChanged[kind] && change == projections.RowChanged) {
					t.Errorf("no %s in any log: %v", name, seen)
				}
			}
		}
	}()
	for seed := range uint64(6) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			d, g := newDisk(t), newGenerator(seed)
			d.grow(g, 450)
			head := d.log.Head()
			var rows []map[[2]string]projections.Shown
			d.images("shop", func(_ uint64, now map[[2]string]projections.Shown) { rows = append(rows, now) })
			user, organization := ownersIn(rows)
			from := uint64(g.IntN(400))
			for _, q := range []projections.DiffQuery{
				{From: 0, To: head},
				{From: from, To: from + uint64(g.IntN(int(head-from)))},
				{From: 0, To: head, UserID: user},
				{From: from, To: head, OrganizationID: organization},
				{From: 0, To: head, Kinds: []string{projections.KindSession, projections.KindTeamMember}},
				{From: 0, To: head, OrganizationID: organization, Kinds: []string{projections.KindTeamMember}},
			} {
				q.Project = "shop"
				byEvent, all, err := projections.Watched(t.Context(), d.log, q)
				if err != nil {
					t.Fatal(err)
				}
				for seq := q.From + 1; seq <= q.To; seq++ {
					got, want := changeTexts(byEvent[seq]), changeTexts(changesBetween(rows[seq-1], rows[seq], q))
					if !slices.Equal(got, want) {
						t.Fatalf("%+v: seq %d changes\n got %s\nwant %s", q, seq, strings.Join(got, "\n     "), strings.Join(want, "\n     "))
					}
				}
				got, want := changeTexts(diffChanges(all)), changeTexts(changesBetween(rows[q.From], rows[q.To], q))
				if !slices.Equal(got, want) {
					t.Fatalf("%+v: the range changes\n got %s\nwant %s", q, strings.Join(got, "\n     "), strings.Join(want, "\n     "))
				}
				sameEvents(t, all, byEvent)
				for _, list := range byEvent {
					for _, c := range list {
						seen[c.Kind+" "+c.Change]++
					}
				}
			}
		})
	}
}

// sameEvents fails if the events that a Diff names are not those that changed its rows.
func sameEvents(t *testing.T, all *projections.Diff, byEvent map[uint64][]projections.RowChange) {
	t.Helper()
	want := map[[2]string][]uint64{}
	for _, seq := range slices.Sorted(maps.Keys(byEvent)) {
		for _, c := range byEvent[seq] {
			name := [2]string{c.Kind, c.ID}
			want[name] = append(want[name], seq)
		}
	}
	order := projections.Kinds()
	last := [2]string{}
	for i := range all.Len() {
		r := all.Row(i)
		seqs := want[[2]string{r.Kind, r.ID}]
		if r.Events != len(seqs) || !slices.Equal(r.Seqs, seqs) && r.Events <= 100 {
			t.Errorf("%s %s was changed by %v (%d), want %v", r.Kind, r.ID, r.Seqs, r.Events, seqs)
		}
		if i > 0 && cmp.Or(cmp.Compare(slices.Index(order, last[0]), slices.Index(order, r.Kind)), strings.Compare(last[1], r.ID)) >= 0 {
			t.Errorf("%s %s comes after %v", r.Kind, r.ID, last)
		}
		last = [2]string{r.Kind, r.ID}
	}
}

// ownersIn are the user and the organization that most rows belonged to at some time.
func ownersIn(rows []map[[2]string]projections.Shown) (user, organization string) {
	users, organizations := map[string]int{}, map[string]int{}
	for _, now := range rows {
		for _, s := range now {
			users[s.User]++
			organizations[s.Organization]++
		}
	}
	return most(users), most(organizations)
}

func most(of map[string]int) (best string) {
	delete(of, "")
	for _, name := range slices.Sorted(maps.Keys(of)) {
		if of[name] > of[best] {
			best = name
		}
	}
	return best
}

// A table that is made anew of the rows that are left has changed none of them.
func TestAJournalOfATableThatIsMadeAnew(t *testing.T) {
	d := newDisk(t)
	var events []eventlog.Event
	add := func(e eventlog.Event) {
		if events = append(events, e); len(events) == 900 {
			d.append(events...)
			events = nil
		}
	}
	member := func(typ eventlog.Type, i int) eventlog.Event {
		return eventlog.Event{
			ID: fmt.Sprint(typ, i), Project: "shop", Type: typ, Time: noon, OrganizationID: "o1",
			Personal: eventlog.Personal{Metadata: fmt.Appendf(nil, `{"memberId":"m%d","userId":"u%d"}`, i, i)},
		}
	}
	for i := range 1500 {
		add(member(eventlog.MemberAdded, i))
	}
	for i := range 1400 {
		add(member(eventlog.MemberRemoved, i))
	}
	d.append(events...)
	byEvent, all, err := projections.Watched(t.Context(), d.log, projections.DiffQuery{
		Project: "shop", From: 1500, To: d.log.Head(), Kinds: []string{projections.KindMember},
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, removed, _ := all.Count(); removed != 1400 || all.Len() != 1400 {
		t.Errorf("%d rows differ, %d are removed; want 1400", all.Len(), removed)
	}
	for seq, changes := range byEvent {
		if len(changes) != 1 || changes[0].Change != projections.RowRemoved {
			t.Fatalf("seq %d changes %+v", seq, changes)
		}
	}
}

// What is secret is compared and never shown; of a change only the fields that changed are.
func TestWhatAChangeShows(t *testing.T) {
	d := newDisk(t)
	ours := func(typ eventlog.Type, user, metadata string, sealed string) eventlog.Event {
		return eventlog.Event{
			ID: fmt.Sprint(typ, user, sealed), Project: "shop", Type: typ, UserID: user, Time: noon,
			Personal: eventlog.Personal{
				Metadata: []byte(metadata), Sealed: []byte(sealed), Origin: eventlog.Origin{Vocabulary: eventlog.VocabularyDashd},
			},
		}
	}
	d.append(joined("u1"))
	d.append(ours(eventlog.TwoFactorEnabled, "u1", `{"set":{"pending":true}}`, "box one"))
	d.append(ours(eventlog.TwoFactorBackupCodesGenerated, "u1", `{}`, "box two"))
	d.append(ours(eventlog.UserBanned, "u1", `{"banReason":"spam"}`, ""))
	byEvent, all, err := projections.Watched(t.Context(), d.log, projections.DiffQuery{Project: "shop", From: 1, To: 4})
	if err != nil {
		t.Fatal(err)
	}
	got, _ := json.Marshal(append(diffChanges(all), slices.Concat(byEvent[2], byEvent[3], byEvent[4])...))
	if strings.Contains(string(got), "box") {
		t.Errorf("secrets are shown: %s", got)
	}
	texts := append(changeTexts(byEvent[3]), changeTexts(byEvent[4])...)
	want := []string{
		`secondFactor u1 changed map[] -> map[] secret true`,
		`user u1 changed map[banReason:<nil> banned:false] -> map[banReason:spam banned:true] secret false`,
	}
	if !slices.Equal(texts, want) {
		t.Errorf("got %q, want %q", texts, want)
	}
}

func TestKindsHaveNames(t *testing.T) {
	for _, tt := range []struct{ name, want string }{
		{"user", projections.KindUser},
		{"Users", projections.KindUser},
		{"second factors", projections.KindSecondFactor},
		{"sso-providers", projections.KindSSOProvider},
		{"directories", projections.KindDirectory},
		{"team_members", projections.KindTeamMember},
		{"logDrain", projections.KindDrain},
		{"", ""},
		{"clock", ""},
	} {
		if got, ok := projections.KindOf(tt.name); got != tt.want || ok != (tt.want != "") {
			t.Errorf("KindOf(%q) = %q, %v; want %q", tt.name, got, ok, tt.want)
		}
	}
}
