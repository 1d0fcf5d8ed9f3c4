package outbound

import (
	"net/netip"
	"slices"
)

// deniedIPv4 are the networks of RFC 6890 and its successors that are not the
// public internet.
var deniedIPv4 = prefixes(
	"0.0.0.0/8",       // this host
	"10.0.0.0/8",      // private
	"100.64.0.0/10",   // carriers' NAT, and metadata services of some clouds
	"127.0.0.0/8",     // loopback
	"169.254.0.0/16",  // link-local, and metadata services of most clouds
	"172.16.0.0/12",   // private
	"192.0.0.0/24",    // protocol assignments
	"192.0.2.0/24",    // documentation
	"192.88.99.0/24",  // relays of 6to4
	"192.168.0.0/16",  // private
	"198.18.0.0/15",   // benchmarks
	"198.51.100.0/24", // documentation
	"203.0.113.0/24",  // documentation
	"224.0.0.0/4",     // multicast
	"240.0.0.0/4",     // reserved, and broadcast
)

// Of IPv6 only global unicast is let through, without these parts of it.
var (
	globalIPv6 = netip.MustParsePrefix("2000::/3")
	deniedIPv6 = prefixes(
		"2001::/23",     // protocol assignments, among them Teredo
		"2001:db8::/32", // documentation
		"3fff::/20",     // documentation
	)
	// The networks whose addresses hold one of IPv4, which decides.
	sixToFour = netip.MustParsePrefix("2002::/16")
	nat64     = netip.MustParsePrefix("64:ff9b::/96")
)

func prefixes(texts ...string) []netip.Prefix {
	list := make([]netip.Prefix, len(texts))
	for i, t := range texts {
		list[i] = netip.MustParsePrefix(t)
	}
	return list
}

// public reports whether an address is one of the public internet. An address with a
// zone never is.
func public(a netip.Addr) bool {
	a = a.Unmap()
	switch {
	case !a.IsValid() || a.Zone() != "":
		return false
	case a.Is4():
		return !within(deniedIPv4, a)
	case sixToFour.Contains(a):
		b := a.As16()
		return public(netip.AddrFrom4([4]byte(b[2:6])))
	case nat64.Contains(a):
		b := a.As16()
		return public(netip.AddrFrom4([4]byte(b[12:16])))
	}
	return globalIPv6.Contains(a) && !within(deniedIPv6, a)
}

func within(list []netip.Prefix, a netip.Addr) bool {
	return slices.ContainsFunc(list, func(p netip.Prefix) bool { return p.Contains(a) })
}
