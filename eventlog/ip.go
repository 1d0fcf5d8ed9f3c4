package eventlog

import (
	"net/netip"
	"strings"
)

// CleanIP finds the address in what a producer sent as one, which may be the
// whole value of a proxy header: the first element of the comma-separated list
// that is an address, once a leading "for=", quotes, brackets, a port and a zone
// are taken off. An IPv4 address in IPv6 clothes becomes IPv4. addr is in
// canonical text.
func CleanIP(s string) (addr string, ok bool) {
	if isIPv4(s) {
		return s, true // most often
	}
	for s != "" {
		var element string
		element, s, _ = strings.Cut(s, ",")
		if a, text, ok := parseIP(element); ok {
			return canonicalIP(a, text), true
		}
	}
	return "", false
}

// isIPv4 reports whether s is an IPv4 address in canonical text.
func isIPv4(s string) bool {
	if len(s) > len("255.255.255.255") {
		return false
	}
	fields, digits, n := 1, 0, 0 // n: of the field so far
	for i := range len(s) {
		switch c := s[i]; {
		case c == '.' && digits > 0:
			fields, digits, n = fields+1, 0, 0
		case '0' <= c && c <= '9' && (digits == 0 || n > 0): // no zero leads
			digits, n = digits+1, n*10+int(c-'0')
			if n > 255 {
				return false
			}
		default:
			return false
		}
	}
	return fields == 4 && digits > 0
}

// parseIP reads one element. text is the part of it that was the address.
func parseIP(s string) (a netip.Addr, text string, ok bool) {
	s = strings.TrimSpace(s)
	if len(s) >= 4 && strings.EqualFold(s[:4], "for=") {
		s, _, _ = strings.Cut(s[4:], ";") // other parameters of the Forwarded header
	}
	s = strings.TrimSpace(strings.Trim(strings.TrimSpace(s), `"'`))
	if inner, ok := strings.CutPrefix(s, "["); ok {
		var after string
		if s, after, ok = strings.Cut(inner, "]"); !ok || (after != "" && !isPort(after)) {
			return netip.Addr{}, "", false
		}
	} else if i := strings.IndexByte(s, ':'); i >= 0 && isPort(s[i:]) {
		s = s[:i]
	}
	s, _, _ = strings.Cut(s, "%")
	a, err := netip.ParseAddr(s)
	return a.Unmap(), s, err == nil
}

// isPort reports whether s is a colon and a port number.
func isPort(s string) bool {
	if len(s) < 2 || len(s) > 6 || s[0] != ':' {
		return false
	}
	for i := 1; i < len(s); i++ {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

// canonicalIP is a.String(), without a copy in the common case that text, from
// which a was read, is that already.
func canonicalIP(a netip.Addr, text string) string {
	var buf [64]byte
	if canonical := a.AppendTo(buf[:0]); string(canonical) != text {
		return string(canonical)
	}
	return text
}
