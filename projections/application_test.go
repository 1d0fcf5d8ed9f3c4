package projections_test

import (
	"encoding/json"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"dashd/eventlog"
	"dashd/internal/wire"
	"dashd/projections"
)

// request is what a user of an application did, and the events that the dash plugin sent
// because of it.
type request struct {
	Did  string
	Sent []json.RawMessage
}

// application is the story of an application with the plugin 0.4.5, as it was recorded.
// What one request sends arrives in any order.
func application(t *testing.T) []request {
	t.Helper()
	text, err := os.ReadFile("testdata/application.json")
	if err != nil {
		t.Fatal(err)
	}
	var story []request
	if err := json.Unmarshal(text, &story); err != nil {
		t.Fatal(err)
	}
	return story
}

// tell folds a story: every request takes a minute, and its events arrive as order puts
// them.
func tell(t *testing.T, story []request, order func(sent []json.RawMessage)) *projections.Tables {
	t.Helper()
	dash, seq := projections.NewDash(), uint64(0)
	for i, r := range story {
		sent := slices.Clone(r.Sent)
		order(sent)
		for _, body := range sent {
			at := noon + int64(i)*60_000
			e, err := wire.ParseTrack(body, at)
			if err != nil {
				t.Fatalf("%s: %v", r.Did, err)
			}
			seq++
			e.Project, e.Time = "shop", at
			dash.Apply(&eventlog.Record{Seq: seq, ReceivedAt: at, Event: e})
		}
	}
	dash.Publish(seq)
	return dash.Image().Tables("shop")
}

func asSent([]json.RawMessage) {}

const (
	ada  = "c7wIt0I5h8EJiodHa9wDGa59tb53L2eu"
	bob  = "yuTKhWTtbPJiSaqMIjzS34foSNkPj6E6"
	acme = "HhoMLwsbh0sWHeLEniEnPDws54sSQla8"
)

// What is left at the end of the story is known; testdata/application.rows has all of it.
func TestApplicationsTellWhatTheyHave(t *testing.T) {
	tables := tell(t, application(t), asSent)
	const file = "testdata/application.rows"
	got := projections.Dump(tables)
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := differ(got, string(want)); diff != "" {
		t.Errorf("the rows are not those of %s:\n%s", file, diff)
	}
	for _, tt := range []struct {
		name      string
		got, want any
	}{
		{"the last name that she gave herself", userOf(tables, ada).Name, "Ada L."},
		{"an address that was verified", userOf(tables, ada).EmailVerified, true},
		{"an address that was changed", userOf(tables, bob).Email, "bob2-demo@example.com"},
		{"nobody is called unknown", userOf(tables, "unknown"), projections.User{}},
		{"who never got in is no user", hasAddress(tables, "nobody-demo@example.com"), false},
		{"who was removed by an admin", hasAddress(tables, "eve-demo@example.com"), false},
		{"who deleted himself", hasAddress(tables, "dee-demo@example.com"), false},
		{"who has only accepted an invitation", hasAddress(tables, "inv-jwjcymojxa@example.com"), true},
		{"the password account of a sign-up", providersOf(tables, ada), "credential"},
		{"a second sign-in method", providersOf(tables, bob), ""},
		{"the owner, and who was added by the server", rolesOf(tables, acme), "owner member"},
		{"teams that were not deleted", teamsOf(tables, acme), "Acme"},
		{"the new name of an organization", organizationOf(tables, acme).Name, "Acme Inc"},
		{"an invitation that was accepted", tables.Invitations(acme)[0].Status, projections.InvitationAccepted},
	} {
		if tt.got != tt.want {
			t.Errorf("%s: %+v, want %+v", tt.name, tt.got, tt.want)
		}
	}
}

func userOf(t *projections.Tables, id string) projections.User {
	u, _ := t.User(id)
	return u
}

func organizationOf(t *projections.Tables, id string) projections.Organization {
	o, _ := t.Organization(id)
	return o
}

func hasAddress(t *projections.Tables, email string) bool {
	_, ok := t.UserByEmail(email)
	return ok
}

func providersOf(t *projections.Tables, user string) string {
	var all []string
	for _, a := range t.Accounts(user) {
		all = append(all, a.ProviderID)
	}
	return strings.Join(all, " ")
}

func rolesOf(t *projections.Tables, organization string) string {
	var all []string
	for m := range t.Members(organization) {
		all = append(all, m.Role)
	}
	return strings.Join(all, " ")
}

func teamsOf(t *projections.Tables, organization string) string {
	var all []string
	for _, team := range t.Teams(organization) {
		all = append(all, team.Name)
	}
	return strings.Join(all, " ")
}

// An invitation that is accepted makes a member, and no event of its own says so. The
// plugin spells the id of a team's member in its own way.
func TestMembersThatNoEventAdds(t *testing.T) {
	story := application(t)
	const core = "DcGwlS1xMsRJ"
	for _, tt := range []struct {
		after string
		roles string
		team  int
	}{
		{"invite bob", "owner", 0},
		{"bob accepts", "owner member", 0},
		{"member role", "owner admin member", 0},
		{"team add member", "owner admin member", 1},
		{"team remove member", "owner admin member", 0},
		{"remove member", "owner member", 0},
	} {
		end := slices.IndexFunc(story, func(r request) bool { return r.Did == tt.after })
		tables := tell(t, story[:end+1], asSent)
		places := 0
		for _, team := range tables.Teams(acme) {
			if strings.HasPrefix(team.ID, core) {
				places = tables.TeamMemberCount(team.ID)
			}
		}
		if got := rolesOf(tables, acme); got != tt.roles || places != tt.team {
			t.Errorf("after %q the roles are %q and the team has %d members, want %q and %d", tt.after, got, places, tt.roles, tt.team)
		}
	}
}

// Events of one request commute.
func TestEventsOfARequestArriveInAnyOrder(t *testing.T) {
	t.Parallel()
	story := application(t)
	want := sorted(projections.Dump(tell(t, story, asSent)))
	for seed := range uint64(60) {
		r := rand.New(rand.NewPCG(seed, 5))
		got := sorted(projections.Dump(tell(t, story, func(sent []json.RawMessage) {
			r.Shuffle(len(sent), func(i, j int) { sent[i], sent[j] = sent[j], sent[i] })
		})))
		if diff := differ(got, want); diff != "" {
			t.Fatalf("seed %d:\n%s", seed, diff)
		}
	}
}

func sorted(dump string) string {
	lines := strings.Split(dump, "\n")
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}
