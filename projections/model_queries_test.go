package projections_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"dashd/projections"
)

// A query over rows, worked out from their JSON in the most obvious way.

type modelRow map[string]any

// rowsOf are rows as JSON shows them. Times are numbers of ms.
func rowsOf[R any](t *testing.T, rows []R) []modelRow {
	t.Helper()
	var list []modelRow
	for _, r := range rows {
		text, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		var row modelRow
		if err := json.Unmarshal(text, &row); err != nil {
			t.Fatal(err)
		}
		for key, v := range row {
			if text, ok := v.(string); ok && isTimeColumn(key) {
				row[key] = modelTime(text)
			}
		}
		list = append(list, row)
	}
	return list
}

func isTimeColumn(key string) bool {
	return strings.HasSuffix(key, "At") || strings.HasSuffix(key, "Expires")
}

func modelTime(text string) float64 {
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		panic(err)
	}
	return float64(at.UnixMilli())
}

// clause is a condition as a request writes it.
type clause struct {
	Field     string `json:"field"`
	Value     any    `json:"value"`
	Operator  string `json:"operator,omitempty"`
	Connector string `json:"connector,omitempty"`
	Mode      string `json:"mode,omitempty"`
}

// fits reports whether a row fits all clauses and, if there are OR clauses, one of these.
func (row modelRow) fits(clauses []clause) bool {
	someOr, orHolds := false, false
	for _, c := range clauses {
		holds := row.holds(c)
		if c.Connector == "OR" {
			someOr, orHolds = true, orHolds || holds
		} else if !holds {
			return false
		}
	}
	return !someOr || orHolds
}

func (row modelRow) holds(c clause) bool {
	have := row[c.Field]
	if c.Value == nil {
		return (have == nil) == (c.Operator == "eq" || c.Operator == "") && (c.Operator == "eq" || c.Operator == "" || c.Operator == "ne")
	}
	if have == nil {
		return false
	}
	switch c.Operator {
	case "in", "not_in":
		among := slices.ContainsFunc(c.Value.([]any), func(v any) bool { return v != nil && c.compare(have, v) == 0 })
		return among == (c.Operator == "in")
	case "contains":
		return strings.Contains(c.folded(have), c.folded(c.Value))
	case "starts_with":
		return strings.HasPrefix(c.folded(have), c.folded(c.Value))
	case "ends_with":
		return strings.HasSuffix(c.folded(have), c.folded(c.Value))
	case "ne":
		return c.compare(have, c.Value) != 0
	case "gt":
		return c.compare(have, c.Value) > 0
	case "gte":
		return c.compare(have, c.Value) >= 0
	case "lt":
		return c.compare(have, c.Value) < 0
	case "lte":
		return c.compare(have, c.Value) <= 0
	}
	return c.compare(have, c.Value) == 0
}

func (c clause) folded(v any) string {
	if c.Mode == "insensitive" {
		return strings.ToLower(fmt.Sprint(v))
	}
	return fmt.Sprint(v)
}

// compare compares what a row has with what is asked for, which is made to suit it.
func (c clause) compare(have, asked any) int {
	switch have := have.(type) {
	case bool:
		flags := map[bool]int{true: 1}
		switch asked := asked.(type) {
		case bool:
			return flags[have] - flags[asked]
		case string:
			return flags[have] - flags[asked == "true"]
		case float64:
			return flags[have] - int(asked)
		}
	case float64: // a time
		if text, ok := asked.(string); ok {
			asked = modelTime(text)
		}
		return cmp.Compare(have, asked.(float64))
	}
	return strings.Compare(c.folded(have), c.folded(asked))
}

// before orders rows by a column: null first, ties by id.
func before(column string, descending bool) func(a, b modelRow) int {
	return func(a, b modelRow) int {
		x, y := a[column], b[column]
		order := 0
		switch {
		case x == nil || y == nil:
			order = cmp.Compare(boolNumber(x != nil), boolNumber(y != nil))
		default:
			switch x := x.(type) {
			case string:
				order = strings.Compare(x, y.(string))
			case float64:
				order = cmp.Compare(x, y.(float64))
			case bool:
				order = cmp.Compare(boolNumber(x), boolNumber(y.(bool)))
			}
		}
		if descending {
			order = -order
		}
		return cmp.Or(order, strings.Compare(a["id"].(string), b["id"].(string)))
	}
}

func boolNumber(b bool) int { return map[bool]int{true: 1}[b] }

// paged is the page of the rows that fit, and the number of those that count.
func paged(rows []modelRow, q projections.Query, where, count []clause) (page []modelRow, total int) {
	for _, r := range rows {
		if r.fits(where) {
			page = append(page, r)
		}
		if r.fits(count) {
			total++
		}
	}
	slices.SortFunc(page, before(cmp.Or(q.SortBy, "createdAt"), q.Descending))
	page = page[min(q.Offset, len(page)):]
	if q.Limit >= 0 {
		page = page[:min(q.Limit, len(page))]
	}
	return page, total
}

var (
	userTexts         = []string{"id", "name", "email", "image", "role", "banReason"}
	userOthers        = []string{"emailVerified", "createdAt", "updatedAt", "banned", "banExpires", "twoFactorEnabled", "lastActiveAt"}
	sessionTexts      = []string{"id", "userId", "ipAddress", "userAgent", "impersonatedBy", "activeOrganizationId", "activeTeamId", "country", "city", "countryCode", "loginMethod"}
	sessionOthers     = []string{"expiresAt", "createdAt", "updatedAt"}
	organizationTexts = []string{"id", "name", "slug", "logo", "metadata"}
	organizationOther = []string{"createdAt"}
)

// clauses makes up conditions on the given columns.
func (g *generator) clauses(texts, others []string) (list []clause) {
	for range g.IntN(4) {
		c := clause{
			Connector: pick(g, "", "AND", "OR", "OR"),
			Operator:  pick(g, "", "eq", "ne", "gt", "gte", "lt", "lte", "in", "not_in"),
		}
		if g.IntN(3) > 0 {
			c.Field = pick(g, texts...)
			c.Operator = pick(g, c.Operator, "contains", "starts_with", "ends_with")
			c.Mode = pick(g, "", "sensitive", "insensitive", "insensitive")
			c.Value = g.asked(c.Operator, func() any {
				return pick[any](g, g.user(), "u", "User", "ÜNÏ", "ünï", "example", "Example.com", "org O1", "admin", "Browser/1.0", "DE", "a", "", "é", 1.0)
			})
		} else {
			c.Field = pick(g, others...)
			value := func() any { return pick[any](g, true, false, "true", 1.0, 0.0) }
			if isTimeColumn(c.Field) {
				value = func() any {
					at := time.UnixMilli(g.now - int64(g.IntN(50_000_000))).UTC()
					return pick[any](g, at.Format(time.RFC3339), at.Format("2006-01-02T15:04:05.000Z"), float64(at.UnixMilli()))
				}
			}
			c.Value = g.asked(c.Operator, value)
		}
		list = append(list, c)
	}
	return list
}

// asked is a value, or a list of some for the operators that take one.
func (g *generator) asked(operator string, value func() any) any {
	if operator != "in" && operator != "not_in" {
		if g.IntN(8) == 0 {
			return nil
		}
		return value()
	}
	list := []any{}
	for range g.IntN(3) {
		list = append(list, pick(g, value(), value(), nil))
	}
	return list
}

func parse(t *testing.T, clauses []clause, columns projections.Columns) projections.Filter {
	t.Helper()
	text, err := json.Marshal(clauses)
	if err != nil {
		t.Fatal(err)
	}
	f, err := projections.ParseFilter("where", string(text), columns)
	if err != nil {
		t.Fatalf("ParseFilter(%s): %v", text, err)
	}
	return f
}

// query makes up a query, and what it selects and counts.
func (g *generator) query(t *testing.T, columns projections.Columns, texts, others []string) (q projections.Query, where, count []clause) {
	t.Helper()
	where = g.clauses(texts, others)
	count = where
	q = projections.Query{
		Where:      parse(t, where, columns),
		SortBy:     pick(g, "", "createdAt", pick(g, texts...), pick(g, others...)),
		Descending: g.IntN(2) == 0,
		Offset:     pick(g, 0, 0, 1, 5, 100),
		Limit:      pick(g, -1, 0, 1, 3, 10),
		Now:        projections.Time(g.now + int64(g.IntN(2_000_000)) - 1_000_000),
	}
	if g.IntN(4) == 0 {
		count = g.clauses(texts, others)
		counted := parse(t, count, columns)
		q.Count = &counted
	}
	return q, where, count
}

// checkQueries compares the answers to a few random queries.
func checkQueries(t *testing.T, g *generator, tables *projections.Tables, m *model) {
	t.Helper()
	users(t, g, tables, m)
	sessions(t, g, tables, m)
	organizations(t, g, tables, m)
}

func users(t *testing.T, g *generator, tables *projections.Tables, m *model) {
	t.Helper()
	q, where, count := g.query(t, projections.UserColumns, userTexts, userOthers)
	all := slices.Clone(m.users)
	for i := range all {
		if u := &all[i]; u.Banned && u.BanExpires != 0 && u.BanExpires <= q.Now {
			u.Banned, u.BanReason, u.BanExpires = false, "", 0
		}
	}
	rows, total := paged(rowsOf(t, all), q, where, count)
	got, err := tables.ListUsers(q)
	samePage(t, q, where, count, rowsOf(t, got.Rows), rows, got.Total, total, err)
	var each []projections.User
	err = tables.EachUser(q, func(u projections.User) error { each = append(each, u); return nil })
	samePage(t, q, where, count, rowsOf(t, each), rows, total, total, err)
}

func sessions(t *testing.T, g *generator, tables *projections.Tables, m *model) {
	t.Helper()
	q, where, count := g.query(t, projections.SessionColumns, sessionTexts, sessionOthers)
	sq := projections.SessionQuery{
		Query: q, UserID: pick(g, "", "", g.user()), OrganizationID: pick(g, "", "", g.organization()), ActiveOnly: g.IntN(2) == 0,
	}
	all := m.visible(func(s projections.Session) bool {
		return (sq.UserID == "" || s.UserID == sq.UserID) &&
			(sq.OrganizationID == "" || string(s.ActiveOrganizationID) == sq.OrganizationID) &&
			(!sq.ActiveOnly || s.ExpiresAt > q.Now)
	})
	rows, total := paged(rowsOf(t, all), q, where, count)
	got, err := tables.ListSessions(sq)
	samePage(t, sq, where, count, rowsOf(t, got.Rows), rows, got.Total, total, err)
}

func organizations(t *testing.T, g *generator, tables *projections.Tables, m *model) {
	t.Helper()
	q, where, count := g.query(t, projections.OrganizationColumns, organizationTexts, organizationOther)
	each := q
	oq := projections.OrganizationQuery{
		Query:   q,
		Members: pick(g, "", "", "abandoned", "eq1", "gt1", "gt5", "gt10"),
		Prefix:  pick(g, "", "", "ORG", "ørg", "Ørg o1", "slug-", "Set"),
		Since:   pick(g, 0, 0, projections.Time(g.now)-20_000_000),
		Until:   pick(g, 0, 0, projections.Time(g.now)-10_000_000),
	}
	if g.IntN(3) == 0 {
		oq.SortBy = "members"
	}
	var all []modelRow
	counts := map[string]int{}
	for i, row := range rowsOf(t, m.organizations) {
		o := m.organizations[i]
		row["members"] = float64(len(whereMembers(m, o.ID)))
		counts[o.ID] = int(row["members"].(float64))
		prefix := strings.ToLower(oq.Prefix)
		if !strings.HasPrefix(strings.ToLower(o.Name), prefix) && !strings.HasPrefix(strings.ToLower(o.Slug), prefix) ||
			oq.Since != 0 && o.CreatedAt < oq.Since || oq.Until != 0 && o.CreatedAt > oq.Until {
			continue
		}
		n := counts[o.ID]
		if (map[string]bool{"": true, "abandoned": n == 0, "eq1": n == 1, "gt1": n > 1, "gt5": n > 5, "gt10": n > 10})[oq.Members] {
			all = append(all, row)
		}
	}
	rows, total := paged(all, oq.Query, where, count)
	got, err := tables.ListOrganizations(oq)
	page := rowsOf(t, got.Rows)
	for _, row := range page {
		row["members"] = float64(tables.MemberCount(row["id"].(string)))
	}
	samePage(t, oq, where, count, page, rows, got.Total, total, err)

	rows, total = paged(rowsOf(t, m.organizations), each, where, count)
	var list []projections.Organization
	err = tables.EachOrganization(each, func(o projections.Organization) error { list = append(list, o); return nil })
	samePage(t, each, where, count, rowsOf(t, list), rows, total, total, err)
}

func whereMembers(m *model, organization string) []projections.Member {
	return where(m.members, func(v projections.Member) bool { return v.OrganizationID == organization })
}

func samePage(t *testing.T, q any, where, count []clause, got, want []modelRow, gotTotal, wantTotal int, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("%+v: %v", q, err)
	}
	a, b := fmt.Sprint(got), fmt.Sprint(want)
	if a != b || gotTotal != wantTotal {
		t.Fatalf("query %+v\nwhere %+v\ncount %+v\n got %d: %s\nwant %d: %s", q, where, count, gotTotal, a, wantTotal, b)
	}
}
