package projections

// Query selects rows of a table, sorts them, and takes a page. Rows that are equal in
// the column they are sorted by come in the order of their ids, ascending.
type Query struct {
	Where      Filter  // zero: all rows
	Count      *Filter // what Total counts; nil: Where
	SortBy     string  // a column; "": createdAt
	Descending bool
	Offset     int
	Limit      int  // negative: all
	Now        Time // the reader's present: a ban that is over by then counts as lifted
}

// SessionQuery is a Query over sessions.
type SessionQuery struct {
	Query
	UserID         string // "": of all users
	OrganizationID string // the active one; "": any
	ActiveOnly     bool   // those that have not expired by Now
}

// OrganizationQuery is a Query over organizations. SortBy may also be "members".
type OrganizationQuery struct {
	Query
	Members      string // abandoned, eq1, gt1, gt5, gt10, or ""
	Prefix       string // of the name or the slug, ignoring case
	Since, Until Time   // of createdAt, both included; zero: open
}

// Page is what a query answers.
type Page[R any] struct {
	Rows  []R
	Total int
}

// createdAt is the column by which rows are sorted if nobody says otherwise. All tables
// have it.
const createdAt = "createdAt"
