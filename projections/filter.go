package projections

import (
	"encoding/json"
	"math"
	"strconv"
	"time"

	"dashd/internal/errs"
)

// Filter is a condition on the rows of one table, as §2.7 of the contract describes it:
// all clauses that are not Or must hold, and, if there are some that are, at least one of them.
// The zero Filter holds for all rows.
type Filter struct {
	param   string // the parameter of the request it was read from
	columns Columns
	clauses []Clause
}

// Clause is one condition of a Filter.
//
// Its value has to suit the column: text, or a number, for text; an instant as ISO 8601
// text or as milliseconds for a time; true, false, or these words, for a flag; nil for any; a
// list of these for the operators in and not_in, which take nothing else. What is compared to
// a column that is null, or to nil, is neither equal nor different, and greater or less
// neither: only eq nil and ne nil tell.
type Clause struct {
	Field       string
	Value       any    // string, float64, bool, nil, []any
	Operator    string // "": eq
	Or          bool
	Insensitive bool // compares texts without regard to case
}

// ParseFilter reads the JSON text of a where parameter. columns are those of the table:
// UserColumns, SessionColumns, OrganizationColumns. JSON that is not an array is no
// condition. The error is of kind Invalid, with the code VALIDATION_ERROR and the message
// "[query.<param>] …".
func ParseFilter(param, text string, columns Columns) (Filter, error) {
	f := Filter{param: param, columns: columns}
	if !json.Valid([]byte(text)) {
		return Filter{}, f.invalid("Invalid JSON")
	}
	var list []struct {
		Field     *string         `json:"field"`
		Value     json.RawMessage `json:"value"`
		Operator  *string         `json:"operator"`
		Connector *string         `json:"connector"`
		Mode      *string         `json:"mode"`
	}
	if start := firstByte(text); start != '[' {
		return f, nil
	}
	if json.Unmarshal([]byte(text), &list) != nil {
		return Filter{}, f.invalid("Invalid input: expected an array of conditions")
	}
	if len(list) > maxClauses {
		return Filter{}, f.invalid("Too big: expected array to have <=%d items", maxClauses)
	}
	for i, given := range list {
		c := Clause{Operator: deref(given.Operator)}
		switch {
		case given.Field == nil:
			return Filter{}, f.invalid("condition %d has no field", i)
		case given.Value == nil:
			return Filter{}, f.invalid("condition %d has no value", i)
		}
		c.Field = *given.Field
		_ = json.Unmarshal(given.Value, &c.Value) // it is valid
		switch deref(given.Connector) {
		case "", "AND":
		case "OR":
			c.Or = true
		default:
			return Filter{}, f.invalid(`Invalid option: expected one of "AND"|"OR"`)
		}
		switch deref(given.Mode) {
		case "", "sensitive":
		case "insensitive":
			c.Insensitive = true
		default:
			return Filter{}, f.invalid(`Invalid option: expected one of "sensitive"|"insensitive"`)
		}
		var err error
		if f, err = f.And(c); err != nil {
			return Filter{}, err
		}
	}
	return f, nil
}

// maxClauses bounds what a request can make a node do with every row.
const maxClauses = 100

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// firstByte is the first byte of a JSON text that is not white space.
func firstByte(text string) byte {
	for i := range len(text) {
		switch c := text[i]; c {
		case ' ', '\t', '\r', '\n':
		default:
			return c
		}
	}
	return 0
}

// And returns the condition with one clause more. A filter that ParseFilter made refuses
// a clause that does not fit its table; of one that it did not make, the list does.
func (f Filter) And(c Clause) (Filter, error) {
	if f.columns.list != nil {
		if _, err := f.condition(f.columns, c); err != nil {
			return Filter{}, err
		}
	}
	f.clauses = append(f.clauses[:len(f.clauses):len(f.clauses)], c)
	return f, nil
}

func (f Filter) invalid(format string, args ...any) error {
	param := f.param
	if param == "" {
		param = "where"
	}
	return errs.New(errs.Invalid, "VALIDATION_ERROR", "[query."+param+"] "+format, args...)
}

// operator is how a column is compared to a value.
type operator uint8

const (
	opEq operator = iota
	opNe
	opGt
	opGte
	opLt
	opLte
	opIn
	opNotIn
	opContains // from here on, of texts only
	opStartsWith
	opEndsWith
)

var operators = map[string]operator{
	"": opEq, "eq": opEq, "ne": opNe, "gt": opGt, "gte": opGte, "lt": opLt, "lte": opLte,
	"in": opIn, "not_in": opNotIn,
	"contains": opContains, "starts_with": opStartsWith, "ends_with": opEndsWith,
}

// condition is a clause with a value of its column's kind.
type condition struct {
	column  int // of Columns
	op      operator
	or      bool
	fold    bool // texts are in lower case
	null    bool // the value is nil
	texts   []string
	numbers []int64
}

// condition reads a clause.
func (f Filter) condition(columns Columns, c Clause) (condition, error) {
	at, ok := columns.find(c.Field)
	if !ok {
		return condition{}, f.invalid("there is no column %q", c.Field)
	}
	op, ok := operators[c.Operator]
	if !ok {
		return condition{}, f.invalid("there is no operator %q", c.Operator)
	}
	kind := columns.list[at].kind
	if op >= opContains && kind != textColumn {
		return condition{}, f.invalid("%s is no text: it cannot be searched with %s", c.Field, c.Operator)
	}
	k := condition{column: at, op: op, or: c.Or, fold: c.Insensitive && kind == textColumn}
	values, isList := c.Value.([]any)
	if isList != (op == opIn || op == opNotIn) {
		return condition{}, f.invalid("the operators in and not_in take a list, and no others do")
	}
	if !isList {
		if c.Value == nil {
			k.null = true
			return k, nil
		}
		values = []any{c.Value}
	}
	for _, v := range values {
		if v != nil && !k.add(kind, v) {
			return condition{}, f.invalid("%s cannot be compared to %v", c.Field, v)
		}
	}
	return k, nil
}

// add adds a value to be compared to, and reports whether it suits the column.
func (k *condition) add(kind columnKind, v any) bool {
	if kind == textColumn {
		text, ok := valueText(v)
		if k.fold {
			text = lower(text)
		}
		k.texts = append(k.texts, text)
		return ok
	}
	n, ok := valueNumber(kind, v)
	k.numbers = append(k.numbers, n)
	return ok
}

func valueText(v any) (string, bool) {
	switch v := v.(type) {
	case string:
		return v, true
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64), true
	}
	return "", false
}

// valueNumber is the number that a value stands for in a column that is no text.
func valueNumber(kind columnKind, v any) (int64, bool) {
	switch v := v.(type) {
	case float64:
		// A bool column of SQLite is 0 or 1.
		ok := math.Abs(v) <= maxTime && (kind != flagColumn || v == 0 || v == 1)
		return int64(v), ok
	case bool:
		return int64(bit(v, 1)), kind == flagColumn
	case string:
		switch kind {
		case flagColumn:
			return int64(bit(v == "true", 1)), v == "true" || v == "false"
		case timeColumn:
			return instant(v)
		}
	}
	return 0, false
}

// instant reads an instant: ISO 8601 with or without the time of day, or milliseconds.
func instant(text string) (ms int64, ok bool) {
	for _, layout := range [...]string{time.RFC3339, "2006-01-02T15:04:05", time.DateOnly} {
		if at, err := time.Parse(layout, text); err == nil {
			return at.UnixMilli(), true
		}
	}
	ms, err := strconv.ParseInt(text, 10, 64)
	return ms, err == nil
}
