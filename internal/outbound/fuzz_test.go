package outbound_test

import (
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"dashd/internal/outbound"
)

// hexNumber is the form of a host that lenient parsers take for a number.
var hexNumber = regexp.MustCompile(`^(.*\.)?0x[0-9a-f]*$`)

// Whatever is let through by its text is https at port 443, without a user, and not an
// address of this machine or its networks in any spelling that is known here.
func FuzzCheck(f *testing.F) {
	for _, list := range urls {
		for _, u := range list {
			f.Add(u)
		}
	}
	f.Add("https://hook.example/path?a=b#c")
	client, err := outbound.New(outbound.Options{})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if client.Check(text) != nil {
			return
		}
		u, err := url.Parse(text)
		if err != nil || u.Scheme != "https" || u.User != nil || u.Port() != "" && u.Port() != "443" {
			t.Fatalf("%q was let through", text)
		}
		host := strings.ToLower(strings.Trim(u.Hostname(), "."))
		if a, err := netip.ParseAddr(host); err == nil {
			a = a.Unmap()
			if a.IsPrivate() || a.IsLoopback() || a.IsLinkLocalUnicast() || a.IsMulticast() || a.IsUnspecified() || a.Zone() != "" {
				t.Fatalf("%q was let through", text)
			}
		} else if host == "localhost" || strings.Trim(host, "0123456789.") == "" || hexNumber.MatchString(host) {
			t.Fatalf("%q was let through", text)
		}
	})
}
