package outbound

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"golang.org/x/net/idna"
)

// target is a URL that has passed the checks of its text.
type target struct {
	url  *url.URL   // with the host as it will be looked up
	host string     // ASCII, lower case, no trailing dot; or an IP address
	port uint16     // never 0
	addr netip.Addr // if host is an IP address
}

// parseTarget reads a URL and brings its host into the one form in which it is compared,
// looked up and sent.
func parseTarget(text string) (target, error) {
	u, err := url.Parse(text)
	if err != nil {
		return target{}, errors.New("not a URL") // err would repeat the URL, and what is secret in it
	}
	switch {
	case u.Scheme != "https" && u.Scheme != "http":
		return target{}, fmt.Errorf("scheme %q", u.Scheme)
	case u.User != nil:
		return target{}, errors.New("user information")
	case u.Opaque != "" || u.Host == "":
		return target{}, errors.New("no host")
	}
	t := target{url: u}
	if t.port, err = portOf(u); err != nil {
		return target{}, err
	}
	if t.host, err = normalHost(u.Hostname()); err != nil {
		return target{}, err
	}
	if strings.HasPrefix(u.Host, "[") && !strings.Contains(t.host, ":") {
		return target{}, errors.New("brackets are for IPv6 addresses")
	}
	t.addr, _ = netip.ParseAddr(t.host)
	u.Host = t.host
	if t.addr.Is6() {
		u.Host = "[" + t.host + "]"
	}
	if u.Port() != "" || t.port != standardPort(u.Scheme) {
		u.Host = net.JoinHostPort(t.host, strconv.Itoa(int(t.port)))
	}
	u.Fragment, u.RawFragment = "", ""
	return t, nil
}

func standardPort(scheme string) uint16 {
	if scheme == "https" {
		return 443
	}
	return 80
}

func portOf(u *url.URL) (uint16, error) {
	text := u.Port()
	if text == "" {
		if strings.HasSuffix(u.Host, ":") {
			return 0, errors.New("an empty port")
		}
		return standardPort(u.Scheme), nil
	}
	port, err := strconv.ParseUint(text, 10, 16)
	if err != nil || port == 0 || strconv.FormatUint(port, 10) != text {
		return 0, fmt.Errorf("port %q", text)
	}
	return uint16(port), nil
}

// normalHost returns the one spelling of a host. It refuses what is an IP address to
// some parsers only: numbers without dots, octal and hexadecimal parts, fewer than four
// parts, zones.
func normalHost(host string) (string, error) {
	if strings.Contains(host, ":") {
		a, err := netip.ParseAddr(host)
		if err != nil || a.Zone() != "" {
			return "", errors.New("not an IPv6 address")
		}
		return a.String(), nil
	}
	ascii, err := idna.Lookup.ToASCII(strings.TrimSuffix(host, "."))
	if err != nil {
		return "", errors.New("not a host name")
	}
	ascii = strings.TrimSuffix(strings.ToLower(ascii), ".") // full stops of other scripts have become dots
	if ascii == "" || len(ascii) > 253 {
		return "", errors.New("not a host name")
	}
	if a, err := netip.ParseAddr(ascii); err == nil && ascii == host {
		return a.String(), nil
	}
	for label := range strings.SplitSeq(ascii, ".") {
		if label == "" || len(label) > 63 {
			return "", errors.New("not a host name")
		}
	}
	if last := ascii[strings.LastIndexByte(ascii, '.')+1:]; isNumber(last) {
		return "", errors.New("a number at the end of the host")
	}
	return ascii, nil
}

// isNumber reports whether a lenient parser takes a label for a part of an IPv4
// address. No top-level domain is one.
func isNumber(label string) bool {
	if digits, ok := strings.CutPrefix(label, "0x"); ok {
		return strings.Trim(digits, "0123456789abcdef") == ""
	}
	return strings.Trim(label, "0123456789") == ""
}
