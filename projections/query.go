package projections

// Query selects rows of a table, sorts them, and takes a page.
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

// Filter is a condition on the rows of one table, read from the JSON text of §2.7 of the contract.
type Filter struct{ filterSkeleton }

type filterSkeleton struct{}

// ParseFilter reads the text of a where parameter. columns are those of the table: UserColumns, SessionColumns,
// OrganizationColumns. The error is of kind Invalid, with the code VALIDATION_ERROR and the message "[query.<param>] …".
func ParseFilter(param, text string, columns Columns) (Filter, error) { panic("skeleton") }

// And returns the condition that holds where f and the clause do.
func (f Filter) And(c Clause) (Filter, error) { panic("skeleton") }

// Clause is one condition of a Filter.
type Clause struct {
	Field       string
	Value       any    // string, float64, bool, nil, []any
	Operator    string // "": eq
	Or          bool
	Insensitive bool
}

// Columns are the columns of a table by their names in JSON.
type Columns struct{ columnsSkeleton }

type columnsSkeleton struct{}

// The columns of the tables that can be filtered and sorted.
var UserColumns, SessionColumns, OrganizationColumns Columns

// Has reports whether there is such a column.
func (c Columns) Has(name string) bool { panic("skeleton") }
