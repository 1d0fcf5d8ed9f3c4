package idp_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"dashd/internal/idp"
)

func TestDomains(t *testing.T) {
	for _, tt := range []struct {
		name, list string
		want       []string // nil: refused
	}{
		{"one", "acme.example", []string{"acme.example"}},
		{"a list with spaces, capitals and a full stop", " Acme.Example. ,login.acme.example", []string{"acme.example", "login.acme.example"}},
		{"a domain that is there twice", "acme.example,ACME.example", []string{"acme.example"}},
		{"a name of another script", "bücher.example", []string{"xn--bcher-kva.example"}},
		{"below a public suffix", "acme.co.uk", []string{"acme.co.uk"}},
		{"below a suffix that people get names of", "acme.github.io", []string{"acme.github.io"}},
		{"a public suffix", "co.uk", nil},
		{"a suffix that people get names of", "github.io", nil},
		{"a top-level domain", "example", nil},
		{"no domain", "not a domain", nil},
		{"nothing", "", nil},
		{"an empty place in a list", "acme.example,,b.example", nil},
		{"one of a list that is none", "acme.example,com", nil},
		{"an IPv4 address", "10.0.0.1", nil},
		{"an IPv6 address", "::1", nil},
		{"a URL", "https://acme.example", nil},
		{"a wildcard", "*.acme.example", nil},
		{"a name with an empty label", "acme..example", nil},
		{"a label that is too long", strings.Repeat("a", 64) + ".example", nil},
		{"a name that is too long", strings.Repeat("a.", 130) + "example", nil},
		{"too many", strings.Join(numbered(21), ","), nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := idp.Domains(tt.list)
			if !slices.Equal(got, tt.want) || (tt.want == nil) != errors.Is(err, idp.ErrDomain) {
				t.Errorf("Domains(%q) = %q, %v; want %q", tt.list, got, err, tt.want)
			}
		})
	}
}

func numbered(n int) (names []string) {
	for i := range n {
		names = append(names, strings.Repeat("a", i+1)+".example")
	}
	return names
}
