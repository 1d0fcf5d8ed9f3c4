package projections

import (
	"slices"
	"strings"
)

// compile makes the function that says whether a row fits a filter: nil if all do.
func compile[V any](f *Filter, columns []column[V]) (func(V) bool, error) {
	names := namesOf(columns)
	var all, some []func(V) bool
	for _, c := range f.clauses {
		k, err := f.condition(names, c)
		if err != nil {
			return nil, err
		}
		is := matcher(&k, &columns[k.column])
		if k.or {
			some = append(some, is)
		} else {
			all = append(all, is)
		}
	}
	if len(some) > 0 {
		all = append(all, func(v V) bool {
			for _, is := range some {
				if is(v) {
					return true
				}
			}
			return false
		})
	}
	switch len(all) {
	case 0:
		return nil, nil
	case 1:
		return all[0], nil
	}
	return func(v V) bool {
		for _, is := range all {
			if !is(v) {
				return false
			}
		}
		return true
	}, nil
}

func matcher[V any](k *condition, c *column[V]) func(V) bool {
	switch {
	case k.null && k.op == opEq:
		return c.isNull
	case k.null && k.op == opNe:
		return func(v V) bool { return !c.isNull(v) }
	case k.null:
		return func(V) bool { return false }
	case c.kind != textColumn:
		return numberMatcher(k, c)
	case k.fold:
		return foldMatcher(k, c)
	}
	fits := textTest(k)
	return func(v V) bool {
		text := c.text(v)
		return !(c.nullable && text == "") && fits(text)
	}
}

// numberMatcher compares what is no text.
func numberMatcher[V any](k *condition, c *column[V]) func(V) bool {
	fits := func(n int64) bool { return inOrder(k.op, compareNumbers(n, k.numbers[0])) }
	switch k.op {
	case opIn:
		fits = func(n int64) bool { return slices.Contains(k.numbers, n) }
	case opNotIn:
		fits = func(n int64) bool { return !slices.Contains(k.numbers, n) }
	}
	nullable := c.kind == timeColumn
	return func(v V) bool {
		n := c.number(v)
		return !(nullable && n == 0) && fits(n)
	}
}

func compareNumbers(a, b int64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// inOrder says what a comparison means for an operator.
func inOrder(op operator, order int) bool {
	switch op {
	case opEq:
		return order == 0
	case opNe:
		return order != 0
	case opGt:
		return order > 0
	case opGte:
		return order >= 0
	case opLt:
		return order < 0
	case opLte:
		return order <= 0
	}
	return false
}

// textTest is the test of a text, in lower case if k.fold.
func textTest(k *condition) func(string) bool {
	switch k.op {
	case opIn:
		return func(s string) bool { return slices.Contains(k.texts, s) }
	case opNotIn:
		return func(s string) bool { return !slices.Contains(k.texts, s) }
	}
	value := k.texts[0]
	switch k.op {
	case opContains:
		return func(s string) bool { return strings.Contains(s, value) }
	case opStartsWith:
		return func(s string) bool { return strings.HasPrefix(s, value) }
	case opEndsWith:
		return func(s string) bool { return strings.HasSuffix(s, value) }
	}
	return func(s string) bool { return inOrder(k.op, strings.Compare(s, value)) }
}

// foldMatcher compares texts without regard to case.
func foldMatcher[V any](k *condition, c *column[V]) func(V) bool {
	fits := textTest(k)
	ascii := asciiTest(k)
	return func(v V) bool {
		var text string
		ready := false
		if c.folded != nil {
			text, ready = c.folded(v)
		} else {
			text = c.text(v)
			if !isASCII(text) {
				text, ready = lower(text), true
			}
		}
		switch {
		case text == "" && c.nullable:
			return false
		case ready:
			return fits(text)
		}
		return ascii(text)
	}
}

// asciiTest is textTest of a text in ASCII, in any case.
func asciiTest(k *condition) func(string) bool {
	switch k.op {
	case opEq, opNe, opContains, opStartsWith, opEndsWith:
	default: // rare enough
		fits := textTest(k)
		return func(s string) bool { return fits(lower(s)) }
	}
	value := k.texts[0]
	n := len(value)
	switch k.op {
	case opEq:
		return func(s string) bool { return len(s) == n && hasFolded(s, value) }
	case opNe:
		return func(s string) bool { return len(s) != n || !hasFolded(s, value) }
	case opStartsWith:
		return func(s string) bool { return len(s) >= n && hasFolded(s, value) }
	case opEndsWith:
		return func(s string) bool { return len(s) >= n && hasFolded(s[len(s)-n:], value) }
	}
	return func(s string) bool { return containsFolded(s, value) }
}

// hasFolded reports whether s, which is at least as long, begins with a value in lower
// case.
func hasFolded(s, value string) bool {
	for i := range len(value) {
		if c := s[i]; c != value[i] && ('A' > c || c > 'Z' || c+('a'-'A') != value[i]) {
			return false
		}
	}
	return true
}

// containsFolded reports whether a value in lower case is in s.
func containsFolded(s, value string) bool {
	if value == "" {
		return true
	}
	first := value[0]
	upper := first
	if 'a' <= first && first <= 'z' {
		upper -= 'a' - 'A'
	}
	for i := 0; i+len(value) <= len(s); i++ {
		if c := s[i]; (c == first || c == upper) && hasFolded(s[i:], value) {
			return true
		}
	}
	return false
}
