package idp

import (
	"errors"
	"slices"
	"strings"

	"golang.org/x/net/idna"
	"golang.org/x/net/publicsuffix"
)

// maxDomains is how many domains a list may hold: each costs a look-up.
const maxDomains = 20

// ErrDomain says that a list of domains holds something that nobody can prove to own.
var ErrDomain = errors.New("not a list of domains")

// Domains reads a comma-separated list of domains, and returns them in the form in which
// they are looked up, each once. A domain is a name that somebody can have
// registered, or one below: not a public suffix such as "co.uk".
func Domains(list string) ([]string, error) {
	var names []string
	for name := range strings.SplitSeq(list, ",") {
		name, err := idna.Lookup.ToASCII(strings.TrimSuffix(strings.TrimSpace(name), "."))
		if err != nil || !isName(name) {
			return nil, ErrDomain
		}
		if _, err := publicsuffix.EffectiveTLDPlusOne(name); err != nil {
			return nil, ErrDomain
		}
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	if len(names) > maxDomains {
		return nil, ErrDomain
	}
	return names, nil
}

// isName reports whether a text is a host name that is not an IP address: one whose last
// label is not a number.
func isName(text string) bool {
	if len(text) > 253 {
		return false
	}
	for label := range strings.SplitSeq(text, ".") {
		if label == "" || len(label) > 63 {
			return false
		}
	}
	last := text[strings.LastIndexByte(text, '.')+1:]
	return strings.Trim(last, "0123456789") != ""
}
