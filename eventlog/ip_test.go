package eventlog_test

import (
	"net/netip"
	"testing"

	"dashd/eventlog"
)

func TestCleanIP(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"an address", "203.0.113.7", "203.0.113.7"},
		{"the first of a list", "203.0.113.7, 10.0.0.1", "203.0.113.7"},
		{"the first that is one", "unknown, 198.51.100.4:443", "198.51.100.4"},
		{"a port", "1.2.3.4:5", "1.2.3.4"},
		{"brackets and a port", "[::1]:5", "::1"},
		{"brackets alone", "[2001:db8::1]", "2001:db8::1"},
		{"a zone", "fe80::1%eth0", "fe80::1"},
		{"a zone in brackets", "[fe80::1%25eth0]:80", "fe80::1"},
		{"IPv4 in IPv6", "::ffff:192.0.2.1", "192.0.2.1"},
		{"IPv4 in IPv6 in hexadecimal", "[::FFFF:c000:201]:80", "192.0.2.1"},
		{"capitals and zeros", "2001:0DB8:0:0::0001", "2001:db8::1"},
		{"the Forwarded header", `for=192.0.2.60;proto=http, for=10.0.0.1`, "192.0.2.60"},
		{"its quoted form", `For="[2001:db8:cafe::17]:4711"`, "2001:db8:cafe::17"},
		{"quotes and spaces", ` "203.0.113.7" `, "203.0.113.7"},
		{"empty elements", ", ,203.0.113.7", "203.0.113.7"},
		{"not an address", "localhost", ""},
		{"a number out of range", "256.1.1.1", ""},
		{"leading zeros are ambiguous", "010.1.1.1", ""},
		{"a port that is none", "1.2.3.4:http", ""},
		{"an open bracket", "[::1", ""},
		{"something behind the bracket", "[::1]x", ""},
		{"nothing", "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, ok := eventlog.CleanIP(tt.in)
			if got != tt.want || ok != (tt.want != "") {
				t.Errorf("CleanIP(%q) = %q, %v; want %q", tt.in, got, ok, tt.want)
			}
		})
	}
}

func FuzzCleanIP(f *testing.F) {
	f.Add("unknown, [fe80::1%25eth0]:80")
	f.Add(`for="1.2.3.4:80";by=x`)
	for _, s := range []string{"0.0.0.0", "255.255.255.255", "1.2.3.256", "01.2.3.4", "1.2.3.00", "1.2.3", "1.2.3.4.5", "1.2.3.", ".1.2.3", "1..2.3", "1.2.3.4 "} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, ok := eventlog.CleanIP(s)
		if !ok {
			if got != "" {
				t.Errorf("CleanIP(%q) = %q, false", s, got)
			}
			if a, err := netip.ParseAddr(s); err == nil {
				t.Errorf("CleanIP does not find %v in %q", a, s)
			}
			return
		}
		a, err := netip.ParseAddr(got)
		if err != nil || a.String() != got || a.Zone() != "" || a.Is4In6() {
			t.Errorf("CleanIP(%q) = %q, which is not canonical", s, got)
		}
		if slow, _ := eventlog.CleanIP(" " + s); slow != got {
			t.Errorf("CleanIP(%q) = %q, behind a blank %q", s, got, slow)
		}
		if again, ok := eventlog.CleanIP(got); !ok || again != got {
			t.Errorf("CleanIP(%q) = %q, %v", got, again, ok)
		}
	})
}
