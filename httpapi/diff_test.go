package httpapi_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"dashd/projections"
)

type diffAnswer struct {
	From, To                struct{ Seq uint64 }
	Added, Removed, Changed int
	Rows                    []struct {
		Kind, ID, Change string
		Before, After    map[string]any
		SecretChanged    bool
		EventCount       int
		Events           []struct {
			Seq                         uint64
			ID, Type, Timestamp, UserID string
			ActorID, Message            string
		}
	}
	HasMore    bool
	NextCursor *string
}

// diffOf asks for what differs.
func (s *scene) diffOf(query string) (d diffAnswer) {
	s.t.Helper()
	a := s.do("GET", "/v1/diff?"+query, "")
	if a.status != http.StatusOK {
		s.t.Fatalf("%s: %d %s", query, a.status, a.body)
	}
	if err := json.Unmarshal(a.body, &d); err != nil {
		s.t.Fatal(err)
	}
	return d
}

// lines are the rows of a diff in a few words.
func (d *diffAnswer) lines() (list []string) {
	for _, r := range d.Rows {
		var types []string
		for _, e := range r.Events {
			types = append(types, e.Type)
		}
		list = append(list, fmt.Sprintf("%s %s %s by %d %v", r.Change, r.Kind, r.ID, r.EventCount, types))
	}
	return list
}

func TestDiffBetweenTwoMoments(t *testing.T) {
	d := startAt(t, recordedAt)
	s := d.scene(t, contract{}, nil)
	s.tell(company()...)
	before := s.node.Store.Head()
	s.ahead.Add(time.Hour.Milliseconds())
	s.tell(signedIn("s1", "user_001", 20, nil), signedIn("s2", "user_002", 20, nil))
	s.must("POST", "/dash/user/ban", `{"userId":"user_001","banReason":"spam"}`)
	s.must("PATCH", "/dash/organization", `{"organizationId":"organization_001","name":"Acme Corp"}`)
	s.must("DELETE", "/dash/user", `{"userId":"user_003"}`)
	s.must("POST", "/dash/user/2fa/enable", `{"userId":"user_002"}`)
	s.folded()
	after := s.node.Store.Head()

	all := s.diffOf(fmt.Sprintf("from=%d", before))
	for _, want := range []string{
		"changed user user_001 by 2 [session.created user.banned]", "removed user user_003 by 1 [user.deleted]",
		"added session s2 by 1 [session.created]", "changed organization organization_001 by 1 [organization.updated]",
		"added secondFactor user_002 by 1 [two_factor.enabled]",
	} {
		if !slices.Contains(all.lines(), want) {
			t.Errorf("no %q in\n%s", want, strings.Join(all.lines(), "\n"))
		}
	}
	if all.From.Seq != before || all.To.Seq != after || all.Added+all.Removed+all.Changed != len(all.Rows) || all.HasMore {
		t.Errorf("the range is %d to %d, want %d to %d; %d+%d+%d rows, %d here", all.From.Seq, all.To.Seq, before, after, all.Added, all.Removed, all.Changed, len(all.Rows))
	}
	banned := s.diffOf(fmt.Sprintf("from=%d&kind=users&userId=user_001", before))
	if len(banned.Rows) != 1 || banned.Rows[0].After["banReason"] != "spam" || banned.Rows[0].Before["banned"] != false || banned.Rows[0].After["name"] != nil {
		t.Errorf("of one user: %+v", banned.Rows)
	}
	if e := banned.Rows[0].Events[1]; e.ActorID == "" || e.Message == "" || e.ID == "" || e.Timestamp == "" {
		t.Errorf("the event that did it is %+v", e)
	}
	if one := s.diffOf(fmt.Sprintf("from=%d&organizationId=organization_001", before)); !slices.ContainsFunc(one.lines(), func(l string) bool { return strings.Contains(l, "organization_001") }) ||
		slices.ContainsFunc(one.lines(), func(l string) bool { return strings.Contains(l, " user ") || strings.Contains(l, " session ") }) {
		t.Errorf("of one organization: %v", one.lines())
	}
	if none := s.diffOf(fmt.Sprintf("from=%d&to=%d", after, after)); len(none.Rows) != 0 || none.Rows == nil {
		t.Errorf("of no events: %v", none.Rows)
	}
	// By time: what was told before the clock went on is before.
	at := url.QueryEscape(recordedAt.Add(30 * time.Minute).Format(time.RFC3339))
	if byTime := s.diffOf("from=" + at); !slices.Equal(byTime.lines(), all.lines()) {
		t.Errorf("since %s: %v, want %v", at, byTime.lines(), all.lines())
	}
}

func TestDiffPageByPage(t *testing.T) {
	d := startAt(t, recordedAt)
	s := d.scene(t, contract{}, nil)
	from := s.node.Store.Head()
	s.tell(company()...)
	want := s.diffOf(fmt.Sprintf("from=%d&limit=1000", from))
	query, got := fmt.Sprintf("from=%d&limit=3", from), []string(nil)
	for pages := 0; ; pages++ {
		page := s.diffOf(query)
		got = append(got, page.lines()...)
		if page.Added != want.Added || page.HasMore != (page.NextCursor != nil) || len(page.Rows) > 3 {
			t.Fatalf("page %d: %+v", pages, page)
		}
		if !page.HasMore {
			break
		}
		s.tell(person(fmt.Sprint("later", pages), "Later", fmt.Sprint("later", pages, "@example.com"), 500, nil)) // it is not in the range
		query = "limit=3&cursor=" + *page.NextCursor
	}
	if !slices.Equal(got, want.lines()) || len(got) < 7 {
		t.Errorf("all pages: %d rows, want %d", len(got), len(want.Rows))
	}
}

func TestDiffThatIsRefused(t *testing.T) {
	d := startAt(t, recordedAt)
	s := d.scene(t, contract{}, nil)
	s.tell(company()...)
	limited := d.key(s.project, 0, "users:read").Text
	for _, tt := range []struct {
		name, query, key string
		status           int
		code             string
	}{
		{"no beginning", "", s.key, 400, "VALIDATION_ERROR"},
		{"a wrong beginning", "from=yesterday", s.key, 400, "VALIDATION_ERROR"},
		{"the future", "from=1&to=99999999", s.key, 400, "AS_OF_IN_FUTURE"},
		{"backwards", "from=5&to=2", s.key, 400, "VALIDATION_ERROR"},
		{"an unknown kind", "from=1&kind=clocks", s.key, 400, "VALIDATION_ERROR"},
		{"a wrong cursor", "cursor=abc", s.key, 400, "INVALID_CURSOR"},
		{"asOf", "from=1&asOf=2", s.key, 400, "AS_OF_NOT_SUPPORTED"},
		{"kinds without the right", "from=1", limited, 403, "FORBIDDEN"},
		{"kinds without the right, named", "from=1&kind=user,member", limited, 403, "FORBIDDEN"},
		{"kinds with the right", "from=1&kind=user,session", limited, 200, ""},
		{"nobody", "from=1", "", 401, "UNAUTHORIZED"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := s.serve("GET", "/v1/diff?"+tt.query, "", "X-Api-Key", tt.key)
			var body struct{ Code string }
			_ = json.Unmarshal(a.body, &body)
			if a.status != tt.status || body.Code != tt.code {
				t.Errorf("%d %s, want %d %s", a.status, a.body, tt.status, tt.code)
			}
		})
	}
}

// The rows that a node gives away are those of its image, and only its operator gets them.
func TestRowsOfTheImage(t *testing.T) {
	d := startAt(t, recordedAt)
	s := d.scene(t, contract{}, nil)
	s.tell(company()...)
	a := s.serve("GET", fmt.Sprintf("/v1/projections/dash/rows?after=%d", s.node.Store.Head()), "", "X-Api-Key", s.root)
	rows, err := projections.ReadImage(strings.NewReader(string(a.body)))
	if a.status != http.StatusOK || err != nil {
		t.Fatalf("%d, %v", a.status, err)
	}
	got, err := rows.Compare(s.node.Dash.Image())
	if err != nil || got.Differ > 0 || got.Rows == 0 || got.Seq != s.node.Store.Head() {
		t.Errorf("compared with the image: %+v, %v", got, err)
	}
	if a := s.do("GET", "/v1/projections/dash/rows", ""); a.status != http.StatusForbidden {
		t.Errorf("with the key of a project: %d", a.status)
	}
}
