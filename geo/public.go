package geo

import "net/netip"

// nowhere are the networks whose addresses are in no place, or in many: of RFC 6890
// and the registries it began, beside those that netip knows. Addresses that
// contain another one (6to4, Teredo) are not where that one is.
var nowhere = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"),       // this network
	netip.MustParsePrefix("100.64.0.0/10"),   // carriers' NAT
	netip.MustParsePrefix("192.0.0.0/24"),    // protocol assignments
	netip.MustParsePrefix("192.0.2.0/24"),    // documentation
	netip.MustParsePrefix("192.88.99.0/24"),  // 6to4 relays
	netip.MustParsePrefix("198.18.0.0/15"),   // benchmarks
	netip.MustParsePrefix("198.51.100.0/24"), // documentation
	netip.MustParsePrefix("203.0.113.0/24"),  // documentation
	netip.MustParsePrefix("240.0.0.0/4"),     // reserved, and broadcast
	netip.MustParsePrefix("2001::/23"),       // protocol assignments, Teredo
	netip.MustParsePrefix("2001:db8::/32"),   // documentation
	netip.MustParsePrefix("2002::/16"),       // 6to4
	netip.MustParsePrefix("3fff::/20"),       // documentation
}

// global is what has been given out of IPv6.
var global = netip.MustParsePrefix("2000::/3")

// public reports whether a is an address of the internet, which may be in a place.
func public(a netip.Addr) bool {
	if !a.IsGlobalUnicast() || a.IsPrivate() || !a.Is4() && !global.Contains(a) {
		return false
	}
	for _, net := range nowhere {
		if net.Contains(a) {
			return false
		}
	}
	return true
}
