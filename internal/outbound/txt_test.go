package outbound_test

import (
	"context"
	"errors"
	"net"
	"slices"
	"strings"
	"testing"

	"dashd/internal/outbound"
)

func TestLookupTXT(t *testing.T) {
	many := slices.Repeat([]string{"x"}, 150)
	z := &zone{texts: map[string][]string{
		"_token.acme.example.": {"one", "two"},
		"long.example.":        {strings.Repeat("a", 300), strings.Repeat("b", 5000)},
		"many.example.":        many,
		"none.example.":        {},
	}}
	dns := outbound.NewDNS(z.resolver(t))
	for _, tt := range []struct {
		name, of string
		want     []string
		err      error
	}{
		{"records", "_token.acme.example", []string{"one", "two"}, nil},
		{"a name that is written in full", "_token.acme.example.", []string{"one", "two"}, nil},
		{"a record of several strings, and one that is too long", "long.example", []string{strings.Repeat("a", 300)}, nil},
		{"too many records", "many.example", many[:100], nil},
		{"a name without such records", "none.example", nil, outbound.ErrNotFound},
		{"no such name", "missing.example", nil, outbound.ErrNotFound},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := dns.LookupTXT(t.Context(), tt.of)
			if !slices.Equal(got, tt.want) || !errors.Is(err, tt.err) {
				t.Errorf("got %d texts %.40q, %v; want %.40q, %v", len(got), got, err, tt.want, tt.err)
			}
		})
	}
}

// That no server answers says nothing about the records.
func TestLookupTXTWithoutAServer(t *testing.T) {
	dns := outbound.NewDNS(&net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		return nil, errors.New("no network")
	}})
	_, err := dns.LookupTXT(t.Context(), "acme.example")
	if err == nil || errors.Is(err, outbound.ErrNotFound) || err.Error() != "the host name could not be resolved" {
		t.Errorf("got %v", err)
	}
}
