package projections

import (
	"strings"
)

// organizationColumns are those of organizations. Their members can be sorted by, but
// are no column of a record.
var organizationColumns = []column[*organizationRow]{
	textCol("id", func(o *organizationRow) string { return o.ID }),
	textCol("name", func(o *organizationRow) string { return o.Name }),
	textCol("slug", func(o *organizationRow) string { return o.Slug }),
	nullableCol("logo", func(o *organizationRow) Text { return o.Logo }),
	nullableCol("metadata", func(o *organizationRow) Text { return o.Metadata }),
	timeCol(createdAt, func(o *organizationRow) Time { return o.CreatedAt }),
}

var memberColumn = column[*organizationRow]{
	name: "members", kind: countColumn,
	number: func(o *organizationRow) int64 { return int64(o.members) },
}

func (g *groups) organizationListing() listing[*organizationRow, Organization] {
	return listing[*organizationRow, Organization]{
		columns: organizationColumns,
		id:      func(o *organizationRow) string { return o.ID },
		row:     func(o *organizationRow) Organization { return o.Organization },
		count:   g.organizations.len(),
	}.only(g.organizations.all())
}

// ListOrganizations answers a query over organizations.
func (t *Tables) ListOrganizations(q OrganizationQuery) (Page[Organization], error) {
	l := t.organizationListing()
	if q.SortBy == memberColumn.name {
		l.columns = append(organizationColumns[:len(organizationColumns):len(organizationColumns)], memberColumn)
	}
	if in := memberCounts[q.Members]; in != nil {
		l = l.narrow(func(o *organizationRow) bool { return in(o.members) })
	}
	if q.Prefix != "" {
		prefix := lower(q.Prefix)
		l = l.narrow(func(o *organizationRow) bool {
			return strings.HasPrefix(lower(o.Name), prefix) || strings.HasPrefix(lower(o.Slug), prefix)
		})
	}
	if q.Since != 0 {
		l = l.narrow(func(o *organizationRow) bool { return o.CreatedAt >= q.Since })
	}
	if q.Until != 0 {
		l = l.narrow(func(o *organizationRow) bool { return o.CreatedAt <= q.Until })
	}
	return l.page(&q.Query)
}

// memberCounts are the values of OrganizationQuery.Members.
var memberCounts = map[string]func(n int32) bool{
	"abandoned": func(n int32) bool { return n == 0 },
	"eq1":       func(n int32) bool { return n == 1 },
	"gt1":       func(n int32) bool { return n > 1 },
	"gt5":       func(n int32) bool { return n > 5 },
	"gt10":      func(n int32) bool { return n > 10 },
}

// EachOrganization calls fn with the organizations of q's page, one by one, until it
// returns an error.
func (t *Tables) EachOrganization(q Query, fn func(Organization) error) error {
	l := t.organizationListing()
	return l.each(&q, fn)
}
