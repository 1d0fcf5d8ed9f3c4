package geo_test

import (
	"testing"

	"dashd/geo"
)

func locator(t testing.TB, o geo.Options) *geo.Locator {
	t.Helper()
	l, err := geo.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	return l
}
