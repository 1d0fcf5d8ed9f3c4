package projections_test

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"dashd/eventlog"
	"dashd/internal/errs"
	"dashd/projections"
)

// folded is an image of events of one project, each with metadata.
func folded(t testing.TB, recs ...eventlog.Record) *projections.Tables {
	t.Helper()
	d := projections.NewDash()
	for i := range recs {
		recs[i].Seq, recs[i].Project = uint64(i+1), "shop"
		d.Apply(&recs[i])
	}
	d.Publish(uint64(len(recs)))
	return d.Image().Tables("shop")
}

// happened is an event about a user. data is JSON-encoded.
func happened(kind eventlog.Type, at int64, user string, data map[string]any) eventlog.Record {
	text, err := json.Marshal(data)
	if err != nil {
		panic(err)
	}
	return eventlog.Record{ReceivedAt: at, Event: eventlog.Event{
		Type: kind, Time: at, UserID: user,
		Personal: eventlog.Personal{Metadata: text, Origin: eventlog.Origin{Vocabulary: eventlog.VocabularyAPI}},
	}}
}

type columnsOf map[string]any

func person(id string, at int64, set columnsOf) eventlog.Record {
	return happened(eventlog.UserJoined, at, id, map[string]any{"email": id + "@example.com", "set": set})
}

// Rules of §2.7 of the contract.
func TestWhere(t *testing.T) {
	iso := func(ms int64) string { return time.UnixMilli(ms).UTC().Format(time.RFC3339) }
	tables := folded(t,
		person("ada", noon, columnsOf{"name": "Ada 100%_x", "role": "admin", "emailVerified": true}),
		person("bob", noon+1000, columnsOf{"name": "bob", "image": "http://x/b.png"}),
		person("cyd", noon+2000, columnsOf{"name": "Çyd Éa", "banned": true, "banReason": "spam", "banExpires": iso(noon + 60_000)}),
		person("dan", noon+3000, columnsOf{"name": "Dan 100", "banned": true, "lastActiveAt": iso(noon + 9000)}),
	)
	for _, tt := range []struct{ name, where, want string }{
		{"no condition", `[]`, "ada bob cyd dan"},
		{"an object is no filter", ` {"field":"nope"}`, "ada bob cyd dan"},
		{"text is no filter", `"x"`, "ada bob cyd dan"},
		{"equality is the default", `[{"field":"name","value":"bob"}]`, "bob"},
		{"case counts by default", `[{"field":"name","value":"BOB"}]`, ""},
		{"case does not count if told so", `[{"field":"name","value":"BOB","mode":"insensitive"}]`, "bob"},
		{"contains", `[{"field":"email","operator":"contains","value":"n@"}]`, "dan"},
		{"contains, ignoring case", `[{"field":"email","operator":"contains","value":"N@","mode":"insensitive"}]`, "dan"},
		{"letters beyond ASCII have a case too", `[{"field":"name","operator":"contains","value":"çYD é","mode":"insensitive"}]`, "cyd"},
		{"begins, ignoring case", `[{"field":"name","operator":"starts_with","value":"DAN","mode":"insensitive"}]`, "dan"},
		{"ends, ignoring case", `[{"field":"name","operator":"ends_with","value":"éA","mode":"insensitive"}]`, "cyd"},
		{"begins", `[{"field":"name","operator":"starts_with","value":"Dan"}]`, "dan"},
		{"ends", `[{"field":"name","operator":"ends_with","value":"100"}]`, "dan"},
		{"a percent sign is itself", `[{"field":"name","operator":"contains","value":"0%"}]`, "ada"},
		{"an underscore is itself", `[{"field":"name","operator":"contains","value":"_x"}]`, "ada"},
		{"everything contains nothing", `[{"field":"name","operator":"contains","value":""}]`, "ada bob cyd dan"},
		{"a list", `[{"field":"id","operator":"in","value":["bob","dan","eve"]}]`, "bob dan"},
		{"a list, ignoring case", `[{"field":"id","operator":"in","value":["BOB"],"mode":"insensitive"}]`, "bob"},
		{"not in a list", `[{"field":"id","operator":"not_in","value":["bob","dan"]}]`, "ada cyd"},
		{"in an empty list", `[{"field":"id","operator":"in","value":[]}]`, ""},
		{"not in an empty list", `[{"field":"id","operator":"not_in","value":[]}]`, "ada bob cyd dan"},
		{"null is null", `[{"field":"image","value":null}]`, "ada cyd dan"},
		{"what is there is not null", `[{"field":"image","operator":"ne","value":null}]`, "bob"},
		{"null is not different from a value", `[{"field":"image","operator":"ne","value":"x"}]`, "bob"},
		{"null is in no complement", `[{"field":"role","operator":"not_in","value":["user"]}]`, "ada"},
		{"nothing is greater than null", `[{"field":"name","operator":"gt","value":null}]`, ""},
		{"null is not less than a time", `[{"field":"lastActiveAt","operator":"lt","value":"2100-01-01T00:00:00Z"}]`, "dan"},
		{"texts have an order", `[{"field":"id","operator":"gte","value":"cyd"}]`, "cyd dan"},
		{"a time as ISO text", `[{"field":"createdAt","operator":"lte","value":"` + iso(noon+1000) + `"}]`, "ada bob"},
		{"a time with another offset", `[{"field":"createdAt","operator":"lt","value":"` +
			time.UnixMilli(noon+1000).In(time.FixedZone("", 7200)).Format(time.RFC3339) + `"}]`, "ada"},
		{"a time in milliseconds", fmt.Sprintf(`[{"field":"createdAt","value":%d}]`, noon+2000), "cyd"},
		{"a day", `[{"field":"createdAt","operator":"gt","value":"2026-01-01"}]`, ""},
		{"a flag", `[{"field":"emailVerified","value":true}]`, "ada"},
		{"a flag that is not set", `[{"field":"emailVerified","operator":"ne","value":true}]`, "bob cyd dan"},
		{"all must hold", `[{"field":"banned","value":true},{"field":"name","operator":"contains","value":"D"}]`, "dan"},
		{
			"one of those with OR must hold",
			`[{"field":"id","value":"ada","connector":"OR"},{"field":"id","value":"dan","connector":"OR"}]`, "ada dan",
		},
		{
			"those without must hold as well, in any order",
			`[{"field":"id","value":"ada","connector":"OR"},{"field":"banned","value":true},{"field":"id","value":"dan","connector":"OR"}]`, "dan",
		},
		{"a single one with OR must hold", `[{"field":"banned","value":false},{"field":"id","value":"bob","connector":"OR"}]`, "bob"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f, err := projections.ParseFilter("where", tt.where, projections.UserColumns)
			if err != nil {
				t.Fatal(err)
			}
			page, err := tables.ListUsers(projections.Query{Where: f, SortBy: "id", Limit: 10})
			if err != nil {
				t.Fatal(err)
			}
			var ids []string
			for _, u := range page.Rows {
				ids = append(ids, u.ID)
			}
			if got := strings.Join(ids, " "); got != tt.want || page.Total != len(ids) {
				t.Errorf("found %q of %d, want %q", got, page.Total, tt.want)
			}
		})
	}
}

func TestABanThatIsOverIsNoneForAQuery(t *testing.T) {
	tables := folded(t,
		person("ada", noon, columnsOf{"banned": true, "banReason": "spam", "banExpires": noon + 60_000}),
		person("bob", noon, columnsOf{"banned": true, "banReason": "spam"}),
	)
	for at, want := range map[int64]int{noon: 2, noon + 60_000: 1} {
		now := projections.Time(at)
		for _, where := range []string{`[{"field":"banned","value":true}]`, `[{"field":"banReason","value":"spam"}]`} {
			f, err := projections.ParseFilter("where", where, projections.UserColumns)
			if err != nil {
				t.Fatal(err)
			}
			page, err := tables.ListUsers(projections.Query{Where: f, Limit: 10, Now: now})
			if err != nil || page.Total != want {
				t.Errorf("%s at noon+%d: %d users, %v; want %d", where, at-noon, page.Total, err, want)
			}
		}
		all, err := tables.ListUsers(projections.Query{Limit: 10, Now: now, SortBy: "id"})
		if err != nil || all.Rows[0].Banned != (want == 2) || (all.Rows[0].BanReason != "") != (want == 2) {
			t.Errorf("at noon+%d the row is %+v, %v", at-noon, all.Rows, err)
		}
	}
}

func TestWhereIsRefused(t *testing.T) {
	for _, tt := range []struct{ name, where string }{
		{"what is no JSON", `[{"field":"name"`},
		{"an empty text", ``},
		{"a list of something else", `[1]`},
		{"no field", `[{"value":"x"}]`},
		{"a field that is no name", `[{"field":7,"value":"x"}]`},
		{"an unknown field", `[{"field":"password","value":"x"}]`},
		{"no value", `[{"field":"name"}]`},
		{"an unknown operator", `[{"field":"name","value":"x","operator":"like"}]`},
		{"an unknown connector", `[{"field":"name","value":"x","connector":"XOR"}]`},
		{"an unknown mode", `[{"field":"name","value":"x","mode":"smart"}]`},
		{"a list where a value is due", `[{"field":"name","value":["x"]}]`},
		{"a value where a list is due", `[{"field":"name","value":"x","operator":"in"}]`},
		{"a flag for a text", `[{"field":"name","value":true}]`},
		{"an object", `[{"field":"name","value":{}}]`},
		{"a text for a flag", `[{"field":"banned","value":"perhaps"}]`},
		{"a number for a flag", `[{"field":"banned","value":2}]`},
		{"a text for a time", `[{"field":"createdAt","value":"yesterday"}]`},
		{"a flag for a time", `[{"field":"createdAt","value":false}]`},
		{"an instant that is none", `[{"field":"createdAt","value":1e300}]`},
		{"a search in a time", `[{"field":"createdAt","value":"2026","operator":"contains"}]`},
		{"more conditions than anybody needs", "[" + strings.Repeat(`{"field":"id","value":"x"},`, 100) + `{"field":"id","value":"x"}]`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := projections.ParseFilter("countWhere", tt.where, projections.UserColumns)
			wantInvalid(t, err, "[query.countWhere] ")
		})
	}
	t.Run("an unknown column to sort by", func(t *testing.T) {
		_, err := folded(t).ListUsers(projections.Query{SortBy: "password"})
		wantInvalid(t, err, "[query.sortBy] ")
	})
	t.Run("a clause without a table", func(t *testing.T) {
		f, err := projections.Filter{}.And(projections.Clause{Field: "password", Value: "x"})
		if err != nil {
			t.Fatal(err)
		}
		_, err = folded(t).ListUsers(projections.Query{Where: f})
		wantInvalid(t, err, "[query.where] ")
	})
}

func wantInvalid(t *testing.T, err error, prefix string) {
	t.Helper()
	if errs.KindOf(err) != errs.Invalid || errs.CodeOf(err) != "VALIDATION_ERROR" || !strings.HasPrefix(errs.Message(err), prefix) {
		t.Errorf("error = %v; want an invalid request whose message begins with %q", err, prefix)
	}
}

// twinRow is a row as JSON shows it: what queries are about.
type twinRow map[string]any

// twinRows are rows as JSON shows them.
func twinRows[R any](t *testing.T, rows []R) []twinRow {
	t.Helper()
	text, err := json.Marshal(rows)
	var list []twinRow
	if err = errors.Join(err, json.Unmarshal(text, &list)); err != nil {
		t.Fatal(err)
	}
	return list
}

// twinFits is the condition of a clause on a row, as the contract says it.
func twinFits(c projections.Clause, row twinRow) bool {
	have := row[c.Field]
	fold := func(v any) any {
		if s, ok := v.(string); ok && c.Insensitive {
			return strings.ToLower(s)
		}
		return v
	}
	have = fold(have)
	order := func(v any) (int, bool) {
		switch have := have.(type) {
		case string:
			return strings.Compare(have, fold(v).(string)), true
		case bool:
			return btoi(have) - btoi(v.(bool)), true
		case float64:
			return cmp.Compare(have, v.(float64)), true
		}
		return 0, false
	}
	switch op := cmp.Or(c.Operator, "eq"); op {
	case "in", "not_in":
		found := slices.ContainsFunc(c.Value.([]any), func(v any) bool { n, ok := order(v); return ok && n == 0 })
		return have != nil && found == (op == "in")
	case "eq", "ne":
		if c.Value == nil {
			return (have == nil) == (op == "eq")
		}
		n, ok := order(c.Value)
		return ok && (n == 0) == (op == "eq")
	case "contains", "starts_with", "ends_with":
		s, ok := have.(string)
		test := map[string]func(string, string) bool{
			"contains": strings.Contains, "starts_with": strings.HasPrefix, "ends_with": strings.HasSuffix,
		}[op]
		return ok && test(s, fold(c.Value).(string))
	default:
		if c.Value == nil {
			return false
		}
		n, ok := order(c.Value)
		return ok && map[string]bool{"gt": n > 0, "gte": n >= 0, "lt": n < 0, "lte": n <= 0}[op]
	}
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

func twinWhere(clauses []projections.Clause, row twinRow) bool {
	some, one := false, false
	for _, c := range clauses {
		fits := twinFits(c, row)
		if !c.Or && !fits {
			return false
		}
		some, one = some || c.Or, one || c.Or && fits
	}
	return one || !some
}

// twinList answers a query in the obvious way.
func twinList(rows []twinRow, where, count []projections.Clause, q projections.Query) (ids []string, total int) {
	var fit []twinRow
	for _, row := range rows {
		if twinWhere(where, row) {
			fit = append(fit, row)
		}
		if twinWhere(count, row) {
			total++
		}
	}
	by := cmp.Or(q.SortBy, "createdAt")
	slices.SortFunc(fit, func(a, b twinRow) int {
		n := twinOrder(a[by], b[by])
		if q.Descending {
			n = -n
		}
		return cmp.Or(n, strings.Compare(a["id"].(string), b["id"].(string)))
	})
	for i, row := range fit {
		if i >= q.Offset && (q.Limit < 0 || i < q.Offset+q.Limit) {
			ids = append(ids, row["id"].(string))
		}
	}
	return ids, total
}

// twinOrder compares what JSON shows; null comes first, and times are texts that sort.
func twinOrder(a, b any) int {
	if a == nil || b == nil {
		return btoi(a != nil) - btoi(b != nil)
	}
	if a, ok := a.(bool); ok {
		return btoi(a) - btoi(b.(bool))
	}
	return strings.Compare(a.(string), b.(string))
}

// twinClause makes up a clause about a table with these rows.
func twinClause(r *rand.Rand, rows []twinRow) projections.Clause {
	value := func(field string) any { return rows[r.IntN(len(rows))][field] }
	var fields []string
	for name := range rows[0] {
		fields = append(fields, name)
	}
	slices.Sort(fields)
	c := projections.Clause{Field: fields[r.IntN(len(fields))], Or: r.IntN(3) == 0, Insensitive: r.IntN(2) == 0}
	c.Value = value(c.Field)
	sample := c.Value
	for _, row := range rows {
		if sample == nil {
			sample = row[c.Field]
		}
	}
	_, isText := sample.(string)
	isText = isText && !strings.HasSuffix(c.Field, "At") && c.Field != "banExpires"
	if r.IntN(4) == 0 {
		c.Operator = []string{"in", "not_in"}[r.IntN(2)]
		var list []any
		for range r.IntN(4) {
			if v := value(c.Field); v != nil {
				list = append(list, v)
			}
		}
		c.Value = append([]any{}, list...)
		return c
	}
	c.Operator = []string{"", "eq", "ne", "gt", "gte", "lt", "lte"}[r.IntN(7)]
	if s, ok := c.Value.(string); ok && isText && r.IntN(2) == 0 {
		runes := []rune(s)
		from := r.IntN(len(runes) + 1)
		s = string(runes[from : from+r.IntN(len(runes)-from+1)])
		if r.IntN(2) == 0 {
			s = strings.ToUpper(s)
		}
		c.Operator, c.Value = []string{"contains", "starts_with", "ends_with"}[r.IntN(3)], s
	}
	if !isText {
		c.Insensitive = false
	}
	return c
}

// twinQuery makes up a query with what it selects and counts.
func twinQuery(t *testing.T, r *rand.Rand, rows []twinRow) (q projections.Query, where, count []projections.Clause) {
	t.Helper()
	var fields []string
	for name := range rows[0] {
		fields = append(fields, name)
	}
	slices.Sort(fields)
	q = projections.Query{Descending: r.IntN(2) == 0, Offset: r.IntN(6), Limit: r.IntN(12) - 1}
	if r.IntN(10) == 0 {
		q.Offset = r.IntN(5000) // so deep that all is sorted
	}
	if r.IntN(2) == 0 {
		q.SortBy = fields[r.IntN(len(fields))]
	}
	add := func(f *projections.Filter) (clauses []projections.Clause) {
		for range r.IntN(4) {
			c := twinClause(r, rows)
			next, err := f.And(c)
			if err != nil {
				t.Fatalf("%+v: %v", c, err)
			}
			*f, clauses = next, append(clauses, c)
		}
		return clauses
	}
	where = add(&q.Where)
	count = where
	if r.IntN(4) == 0 {
		q.Count = &projections.Filter{}
		count = add(q.Count)
	}
	return q, where, count
}

// crowded is a project with people whose columns have few different values.
func crowded(t *testing.T, r *rand.Rand) *projections.Tables {
	t.Helper()
	one := func(values ...any) any { return values[r.IntN(len(values))] }
	when := func() any { return one(nil, noon, noon+1000, noon-5_000_000_000, -1000) }
	var recs []eventlog.Record
	for i := range 1 + r.IntN(60) {
		id := fmt.Sprintf("u%02d", i)
		recs = append(recs, person(id, noon+int64(r.IntN(4))*1000, columnsOf{
			"name": one("Ada", "ada", "Bob", "ÄÖ", "äö", "İstanbul", ""), "emailVerified": one(true, false),
			"image": one(nil, "x", "Y"), "role": one(nil, "admin", "user"), "updatedAt": when(),
			"banned": one(true, false), "banReason": one(nil, "spam"), "banExpires": one(nil, noon+1, noon+2),
			"twoFactorEnabled": one(true, false), "lastActiveAt": when(),
		}))
		for s := range r.IntN(3) {
			e := happened(eventlog.SessionCreated, noon+int64(r.IntN(4))*1000, id, map[string]any{
				"loginMethod": one("email", "github"),
				"set": columnsOf{
					"activeOrganizationId": one(nil, "o1", "o2"), "activeTeamId": one(nil, "t1", "o1"),
					"expiresAt": one(noon+1000, noon+2000, noon+3000), "impersonatedBy": one(nil, "u00"),
				},
			})
			e.SessionID = fmt.Sprintf("s%02d%d", i, s)
			e.UserAgent, e.IPAddress = one("", "A/1", "a/1").(string), one("", "203.0.113.7", "2001:db8::1").(string)
			e.City, e.Country, e.CountryCode = one("", "Köln").(string), one("", "Germany").(string), one("", "DE", "FR").(string)
			recs = append(recs, e)
			if r.IntN(6) == 0 {
				e.Type = eventlog.SessionRevoked
				recs = append(recs, e)
			}
		}
	}
	for i := range r.IntN(30) {
		id := fmt.Sprintf("o%d", i)
		e := happened(eventlog.OrganizationCreated, noon+int64(r.IntN(4))*1000, "u00", map[string]any{
			"organizationName": one("Acme", "acme", "Öl"), "organizationSlug": one("acme", "oel", "x"), "set": columnsOf{"logo": one(nil, "l")},
		})
		e.OrganizationID = id
		recs = append(recs, e)
		for m := range r.IntN(4) * 4 {
			e := happened(eventlog.MemberAdded, noon, fmt.Sprintf("u%02d", m), map[string]any{"memberId": fmt.Sprint(id, "m", m)})
			e.OrganizationID = id
			recs = append(recs, e)
		}
	}
	return folded(t, recs...)
}

// Lists of all tables are those that a plain look at the rows as JSON shows them gives.
func TestListsEqualASearchThroughJSON(t *testing.T) {
	for seed := range uint64(150) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 11))
			tables := crowded(t, r)
			var users []projections.User
			if err := tables.EachUser(projections.Query{Limit: -1, Now: projections.Time(noon)}, func(u projections.User) error {
				users = append(users, u)
				return nil
			}); err != nil {
				t.Fatal(err)
			}
			checkUsers(t, r, tables, users)
			checkSessions(t, r, tables, users)
			checkOrganizations(t, r, tables)
		})
	}
}

func checkUsers(t *testing.T, r *rand.Rand, tables *projections.Tables, users []projections.User) {
	t.Helper()
	if len(users) != tables.UserCount() {
		t.Fatalf("%d users, want %d", len(users), tables.UserCount())
	}
	rows := twinRows(t, users)
	for range 20 {
		q, where, count := twinQuery(t, r, rows)
		q.Now = projections.Time(noon)
		want, total := twinList(rows, where, count, q)
		page, err := projections.ListUsersInParts(tables, q, 1+r.IntN(4))
		if err != nil {
			t.Fatal(err)
		}
		var got, streamed []string
		for _, u := range page.Rows {
			got = append(got, u.ID)
		}
		err = tables.EachUser(q, func(u projections.User) error {
			streamed = append(streamed, u.ID)
			return nil
		})
		if !slices.Equal(got, want) || page.Total != total {
			t.Fatalf("where %+v\ncount %+v\nquery %+v\ngot  %v of %d\nwant %v of %d", where, count, q, got, page.Total, want, total)
		}
		if err != nil || !slices.Equal(streamed, want) {
			t.Fatalf("EachUser gave %v, %v; want %v", streamed, err, want)
		}
	}
}

func checkSessions(t *testing.T, r *rand.Rand, tables *projections.Tables, users []projections.User) {
	t.Helper()
	var sessions []projections.Session
	for _, u := range users {
		sessions = append(sessions, tables.Sessions(u.ID)...)
	}
	if len(sessions) == 0 {
		return
	}
	all := twinRows(t, sessions)
	for range 20 {
		q, where, count := twinQuery(t, r, all)
		sq := projections.SessionQuery{Query: q}
		sq.Now = projections.Time(noon + 1000)
		if r.IntN(3) == 0 {
			sq.UserID = fmt.Sprintf("u%02d", r.IntN(30))
		}
		if r.IntN(3) == 0 {
			sq.OrganizationID = fmt.Sprint("o", r.IntN(3))
		}
		sq.ActiveOnly = r.IntN(3) == 0
		var rows []twinRow
		for i, s := range sessions {
			if (sq.UserID == "" || s.UserID == sq.UserID) && (!sq.ActiveOnly || s.ExpiresAt > sq.Now) &&
				(sq.OrganizationID == "" || string(s.ActiveOrganizationID) == sq.OrganizationID) {
				rows = append(rows, all[i])
			}
		}
		want, total := twinList(rows, where, count, q)
		page, err := tables.ListSessions(sq)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, s := range page.Rows {
			got = append(got, s.ID)
			if one, ok := tables.Session(s.ID); !ok || one != s {
				t.Fatalf("the session is %+v in the list and %+v, %v alone", s, one, ok)
			}
		}
		if !slices.Equal(got, want) || page.Total != total {
			t.Fatalf("where %+v\nquery %+v\ngot  %v of %d\nwant %v of %d", where, sq, got, page.Total, want, total)
		}
	}
}

func checkOrganizations(t *testing.T, r *rand.Rand, tables *projections.Tables) {
	t.Helper()
	var organizations []projections.Organization
	if err := tables.EachOrganization(projections.Query{Limit: -1}, func(o projections.Organization) error {
		organizations = append(organizations, o)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if len(organizations) == 0 {
		return
	}
	all := twinRows(t, organizations)
	for range 20 {
		q, where, count := twinQuery(t, r, all)
		oq := projections.OrganizationQuery{Query: q}
		least := map[string]int{"": -1, "gt1": 1, "gt5": 5, "gt10": 10}
		oq.Members = []string{"", "abandoned", "eq1", "gt1", "gt5", "gt10"}[r.IntN(6)]
		oq.Prefix = []string{"", "", "AC", "öL"}[r.IntN(4)]
		oq.Since, oq.Until = projections.Time(r.Int64N(2)*(noon+1000)), projections.Time(r.Int64N(2)*(noon+2000))
		var rows []twinRow
		for i, o := range organizations {
			n := tables.MemberCount(o.ID)
			more, ok := least[oq.Members]
			fits := ok && n > more || oq.Members == "abandoned" && n == 0 || oq.Members == "eq1" && n == 1
			begins := strings.HasPrefix(strings.ToLower(o.Name), strings.ToLower(oq.Prefix)) || strings.HasPrefix(o.Slug, strings.ToLower(oq.Prefix))
			if fits && begins && o.CreatedAt >= oq.Since && (oq.Until == 0 || o.CreatedAt <= oq.Until) {
				row := twinRow{"members": fmt.Sprintf("%09d", n)}
				for k, v := range all[i] {
					row[k] = v
				}
				rows = append(rows, row)
			}
		}
		if r.IntN(4) == 0 {
			oq.SortBy, q.SortBy = "members", "members"
		}
		want, total := twinList(rows, where, count, q)
		page, err := tables.ListOrganizations(oq)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, o := range page.Rows {
			got = append(got, o.ID)
		}
		if !slices.Equal(got, want) || page.Total != total {
			t.Fatalf("where %+v\nquery %+v\ngot  %v of %d\nwant %v of %d", where, oq, got, page.Total, want, total)
		}
	}
}

// A page far from the beginning is the same as in the list of all.
func TestDeepPages(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 12))
	var recs []eventlog.Record
	for i := range 6000 {
		recs = append(recs, person(fmt.Sprintf("u%04d", i), noon, columnsOf{"name": fmt.Sprint("name ", r.IntN(1000))}))
	}
	tables := folded(t, recs...)
	for _, by := range []string{"name", "id", "createdAt", "banned"} {
		q := projections.Query{SortBy: by, Descending: by == "name", Limit: -1}
		all, err := tables.ListUsers(q)
		if err != nil || len(all.Rows) != 6000 {
			t.Fatalf("%d users, %v", len(all.Rows), err)
		}
		for _, at := range []int{0, 4086, 4087, 5000, 5995, 6000, 7000} {
			q.Offset, q.Limit = at, 10
			page, err := projections.ListUsersInParts(tables, q, 3)
			want := all.Rows[min(at, 6000):min(at+10, 6000)]
			if err != nil || !slices.Equal(page.Rows, want) || page.Total != 6000 {
				t.Errorf("by %s, the page at %d is %v of %d, %v; want %v", by, at, page.Rows, page.Total, err, want)
			}
		}
	}
}

func TestEachUserEndsWithAnError(t *testing.T) {
	tables := folded(t, person("ada", noon, nil), person("bob", noon, nil))
	full := errors.New("the reader is gone")
	for _, by := range []string{"createdAt", "name"} {
		n := 0
		err := tables.EachUser(projections.Query{SortBy: by, Limit: -1}, func(projections.User) error { n++; return full })
		if !errors.Is(err, full) || n != 1 {
			t.Errorf("by %s: %d calls, then %v", by, n, err)
		}
	}
}

// FuzzParseFilter: whatever is asked for is refused or answered.
func FuzzParseFilter(f *testing.F) {
	f.Add(`[{"field":"name","operator":"contains","value":"ä","mode":"insensitive","connector":"OR"}]`)
	f.Add(`[{"field":"createdAt","operator":"in","value":["2026-01-01",5,null]},{"field":"banned","value":"true"}]`)
	tables := folded(f, person("ada", noon, columnsOf{"name": "Ada"}), person("bob", noon, columnsOf{"name": "ÄÖ"}))
	f.Fuzz(func(t *testing.T, where string) {
		filter, err := projections.ParseFilter("where", where, projections.UserColumns)
		if err != nil {
			wantInvalid(t, err, "[query.where] ")
			return
		}
		page, err := tables.ListUsers(projections.Query{Where: filter, Limit: -1})
		if err != nil || page.Total != len(page.Rows) {
			t.Errorf("%d rows of %d, %v", len(page.Rows), page.Total, err)
		}
		again, err := projections.ParseFilter("where", where, projections.UserColumns)
		if err != nil || !reflect.DeepEqual(again, filter) {
			t.Errorf("read again, it is %+v, %v; was %+v", again, err, filter)
		}
	})
}
