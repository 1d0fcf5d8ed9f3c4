package outbound

import (
	"fmt"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// allowList is what the operator has allowed beyond the public internet.
type allowList struct {
	hosts map[string]bool // "host" for all its ports, or "host port"
	nets  []netip.Prefix
}

// parseAllow reads entries of three forms: a host (name or address), a host with
// a port, a CIDR.
func parseAllow(entries []string) (allowList, error) {
	list := allowList{hosts: map[string]bool{}}
	for _, e := range entries {
		e = strings.TrimSpace(e)
		if p, err := netip.ParsePrefix(e); err == nil {
			if p.Addr().Is4In6() {
				return allowList{}, fmt.Errorf("%q: write a network of IPv4 as one", e)
			}
			list.nets = append(list.nets, p.Masked())
			continue
		}
		host, port := e, ""
		if a, err := netip.ParseAddr(e); err != nil || !a.Is6() {
			u, err := url.Parse("https://" + e)
			if err != nil || u.Host != e || e == "" {
				return allowList{}, fmt.Errorf("%q is not a host, a host with a port, or a network like 10.0.0.0/8", e)
			}
			host, port = u.Hostname(), u.Port()
			if port != "" {
				if _, err := portOf(u); err != nil {
					return allowList{}, fmt.Errorf("%q: %w", e, err)
				}
			}
		}
		name, err := normalHost(host)
		if err != nil {
			return allowList{}, fmt.Errorf("%q: %w", e, err)
		}
		if port != "" {
			name += " " + port
		}
		list.hosts[name] = true
	}
	return list, nil
}

// names reports whether a target is allowed by its name: with any scheme, at any
// address.
func (l allowList) names(host, port string) bool { return l.hosts[host] || l.hosts[host+" "+port] }

// holds reports whether an address is allowed.
func (l allowList) holds(a netip.Addr) bool { return within(l.nets, a.Unmap()) && a.Zone() == "" }

// allows reports whether a target is allowed as a whole, by its name or as a literal
// address.
func (l allowList) allows(t target) bool {
	return l.names(t.host, strconv.Itoa(int(t.port))) || t.addr.IsValid() && l.holds(t.addr)
}
