package httpapi

import (
	"math"
	"net/url"
	"strconv"
	"strings"

	"dashd/internal/errs"
)

// lenient reads a number as the plugin sends it: its caller's text, unparsed. So
// anything that is not a finite number means def, fractions are cut, and the
// result is held between low and high (both exact as float64): never an error.
func lenient(q url.Values, name string, def, low, high int) int {
	// A plus sign that was not escaped has become a space: 1e+23.
	text := strings.ReplaceAll(strings.TrimSpace(q.Get(name)), " ", "+")
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsInf(f, 0) || math.IsNaN(f) || strings.ContainsAny(text, "xX_") {
		return def
	}
	return int(min(max(math.Trunc(f), float64(low)), float64(high)))
}

// strict reads a whole number >= low; more than high is held there. Absent is
// def; anything else is an error.
func strict(q url.Values, name string, def, low, high int) (int, error) {
	text, given := first(q, name)
	if !given {
		return def, nil
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil && !isRange(err) || n < uint64(low) {
		return 0, invalid(name, "expected a whole number of at least %d", low)
	}
	return int(min(n, uint64(high))), nil
}

// isRange reports whether a number was refused only for its size.
func isRange(err error) bool {
	ne, ok := err.(*strconv.NumError) //nolint:errorlint // strconv documents this type
	return ok && ne.Err == strconv.ErrRange
}

// first returns the first value of a parameter, and whether there is one.
func first(q url.Values, name string) (string, bool) {
	if v := q[name]; len(v) > 0 && v[0] != "" {
		return v[0], true
	}
	return "", false
}

// list returns the comma-separated, non-empty elements of a parameter, which may
// also be repeated.
func list(q url.Values, name string) []string {
	var all []string
	for _, v := range q[name] {
		for e := range strings.SplitSeq(v, ",") {
			if e = strings.TrimSpace(e); e != "" {
				all = append(all, e)
			}
		}
	}
	return all
}

// invalid is the error of a query parameter.
func invalid(name, format string, args ...any) error {
	return errs.New(errs.Invalid, "VALIDATION_ERROR", "[query."+name+"] "+format, args...)
}

// required is the error of a missing query parameter.
func required(name string) error {
	return invalid(name, "Invalid input: expected string, received undefined")
}
