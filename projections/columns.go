package projections

// Columns are the columns of a table by their names in JSON.
type Columns struct{ list []columnName }

type columnName struct {
	name string
	kind columnKind
}

type columnKind uint8

const (
	textColumn columnKind = iota
	timeColumn
	flagColumn // 0 or 1
	countColumn
)

// The columns of the tables that can be filtered and sorted.
var (
	UserColumns         = namesOf(userColumns)
	SessionColumns      = namesOf(sessionColumns)
	OrganizationColumns = namesOf(organizationColumns)
)

// Has reports whether there is such a column.
func (c Columns) Has(name string) bool {
	_, ok := c.find(name)
	return ok
}

func (c Columns) find(name string) (at int, ok bool) {
	for i := range c.list {
		if c.list[i].name == name {
			return i, true
		}
	}
	return 0, false
}

// column is how a query reads one column of rows of type V, and what is in it.
//
// V is whatever a table has to say where a row is: it is passed around by value, a million
// times in a query.
type column[V any] struct {
	name string
	kind columnKind
	// text reads a textColumn; number reads any other, times in ms.
	text   func(V) string
	number func(V) int64
	// nullable says that "" is null. A time is null if it is 0.
	nullable bool
	// folded reads the text in lower case, if ready; else the text as it is, which is
	// ASCII alone. nil: there is nothing better than to look at the text.
	folded func(V) (text string, ready bool)
}

// textCol, nullableCol, timeCol and flagCol make columns.
func textCol[V any, S ~string](name string, read func(V) S) column[V] {
	return column[V]{name: name, text: func(v V) string { return string(read(v)) }}
}

func nullableCol[V any, S ~string](name string, read func(V) S) column[V] {
	c := textCol(name, read)
	c.nullable = true
	return c
}

func timeCol[V any](name string, read func(V) Time) column[V] {
	return column[V]{name: name, kind: timeColumn, number: func(v V) int64 { return int64(read(v)) }}
}

func flagCol[V any](name string, read func(V) bool) column[V] {
	return column[V]{name: name, kind: flagColumn, number: func(v V) int64 { return int64(bit(read(v), 1)) }}
}

func namesOf[V any](columns []column[V]) Columns {
	var c Columns
	for i := range columns {
		c.list = append(c.list, columnName{columns[i].name, columns[i].kind})
	}
	return c
}

// isNull reports whether v has nothing in the column.
func (c *column[V]) isNull(v V) bool {
	switch c.kind {
	case textColumn:
		return c.nullable && c.text(v) == ""
	case timeColumn:
		return c.number(v) == 0
	}
	return false
}

// foldedCol makes a column that knows its texts in lower case.
func foldedCol[V any](name string, read func(V) string, folded func(V) (string, bool)) column[V] {
	c := textCol(name, read)
	c.folded = folded
	return c
}
