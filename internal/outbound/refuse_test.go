package outbound_test

import (
	"net/http"
	"strings"
	"testing"

	"dashd/internal/outbound"
)

// urls are targets that nobody may call: by their text, or by the address that their
// name leads to.
var urls = map[string][]string{
	"loopback": {
		"https://127.0.0.1/", "https://127.0.0.1:443/", "https://127.0.0.2/", "https://127.1.2.3/", "https://127.255.255.255/",
		"https://localhost/", "https://LOCALHOST/", "https://localhost./", "https://x.localhost/", "https://[::1]/", "https://[0:0:0:0:0:0:0:1]/", "https://[::0001]/",
	},
	"loopback as lenient parsers read it": {
		"https://2130706433/", "https://0x7f000001/", "https://0X7F000001/", "https://017700000001/", "https://0177.0.0.1/", "https://0177.0.0.01/",
		"https://0x7f.0.0.1/", "https://0x7f.0x0.0x0.0x1/", "https://0x7F.1/", "https://127.1/", "https://127.0.1/", "https://127.0.0.01/",
		"https://127.0.0.1./", "https://127.0.0.1../", "https://127.0.0.0x1/", "https://127.00.0.1/", "https://0127.0.0.1/", "https://127.0.0.1%00/",
		"https://127。0。0。1/", "https://127.0.0.1/", "https://①②⑦.⓪.⓪.①/", "https://127%2e0%2e0%2e1/", "https://127.0.0.1%20/",
		"https://4294967297/", "https://0x100000001/", "https://00000000177.1/", "https://127.256/", "https://.127.0.0.1/", "https://127..0.0.1/",
	},
	"nothing, and this host": {
		"https://0/", "https://0.0.0.0/", "https://0.0.0.0./", "https://0.1.2.3/", "https://00/", "https://0x0/", "https://[::]/", "https://[0::0]/",
	},
	"private": {
		"https://10.0.0.1/", "https://10.255.255.255/", "https://012.0.0.1/", "https://0xa.0.0.1/", "https://167772161/", "https://10.1/",
		"https://172.16.0.1/", "https://172.31.255.255/", "https://2886729729/", "https://192.168.0.1/", "https://192.168.1.1/",
		"https://3232235777/", "https://0xc0a80101/", "https://0300.0250.01.01/", "https://[fc00::1]/", "https://[fd00::1]/", "https://[fdff:ffff::1]/",
	},
	"metadata and link-local": {
		"https://169.254.169.254/latest/meta-data/", "https://169.254.0.1/", "https://2852039166/", "https://0xa9fea9fe/",
		"https://0251.0376.0251.0376/", "https://169.254.43518/", "https://[fe80::1]/", "https://[fe80::1%25eth0]/", "https://[fe80::1%25lo]/",
		"https://[febf::1]/", "https://[fd00:ec2::254]/", "https://[2606:4700::1%25eth0]/", "https://100.100.100.200/",
	},
	"special networks": {
		"https://100.64.0.1/", "https://100.127.255.255/", "https://192.0.0.1/", "https://192.0.0.255/", "https://192.0.2.1/", "https://192.88.99.1/",
		"https://198.18.0.1/", "https://198.19.255.255/", "https://198.51.100.1/", "https://203.0.113.1/", "https://224.0.0.1/", "https://239.255.255.255/",
		"https://240.0.0.1/", "https://255.255.255.255/", "https://[ff02::1]/", "https://[ff0e::1]/", "https://[fec0::1]/", "https://[2001:db8::1]/",
		"https://[2001::1]/", "https://[2001:10::1]/", "https://[3fff::1]/", "https://[100::1]/", "https://[5f00::1]/", "https://[4000::1]/",
	},
	"IPv4 within IPv6": {
		"https://[::ffff:127.0.0.1]/", "https://[::ffff:7f00:1]/", "https://[::FFFF:10.0.0.1]/", "https://[::ffff:169.254.169.254]/",
		"https://[0:0:0:0:0:ffff:c0a8:101]/", "https://[::127.0.0.1]/", "https://[::7f00:1]/", "https://[::ffff:0:127.0.0.1]/",
		"https://[2002:7f00:1::]/", "https://[2002:a00:1::1]/", "https://[2002:a9fe:a9fe::]/", "https://[2002:c0a8:101::1]/",
		"https://[64:ff9b::127.0.0.1]/", "https://[64:ff9b::7f00:1]/", "https://[64:ff9b::a9fe:a9fe]/", "https://[64:ff9b::10.0.0.1]/",
		"https://[64:ff9b:1::1]/", "https://[2001:0:7f00:1::]/", "https://[::ffff:127.0.0.1%25lo]/",
	},
	"brackets and colons": {
		"https://[127.0.0.1]/", "https://[::1/", "https://::1/", "https://[]/", "https://[::1]x/", "https://[::g]/", "https://[1::2::3]/",
	},
	"user information, schemes, ports": {
		"https://user@hook.example/", "https://user:pass@hook.example/", "https://hook.example@127.0.0.1/", "https://@hook.example/",
		"http://hook.example/", "http://hook.example:443/", "ftp://hook.example/", "file:///etc/passwd", "gopher://hook.example/", "unix:///run/x.sock",
		"//hook.example/", "hook.example", "https:hook.example", "https:///path", "", "https://", "javascript:alert(1)",
		"https://hook.example:80/", "https://hook.example:22/", "https://hook.example:8443/", "https://hook.example:0443/", "https://hook.example:0/",
		"https://hook.example:65536/", "https://hook.example:-1/", "https://hook.example:/", "https://hook.example:https/",
	},
	"not a host name": {
		"https://hook..example/", "https://-/", "https:// /", "https://hook example/", "https://hook.example\\@127.0.0.1/", "https://hook.example%0d%0a/",
		"https://" + strings.Repeat("a", 64) + ".example/", "https://" + strings.Repeat("a.", 127) + "example/", "https://xn--zz--/", "https://\u202ehook.example/",
	},
	"a name of a denied address": {
		"https://to-loopback.example/", "https://to-loopback.example./", "https://TO-LOOPBACK.example/", "https://to-private.example/",
		"https://to-metadata.example/", "https://to-loopback6.example/", "https://to-mapped.example/", "https://to-nat64.example/", "https://to-6to4.example/",
		"https://to-nothing.example/", "https://to-unique-local.example/", "https://to-carrier.example/", "https://to-broadcast.example/",
		"https://to-several.example/", "https://bücher.example/",
	},
}

func TestNoDeniedTargetIsReached(t *testing.T) {
	z := &zone{addrs: map[string][][]string{
		"to-loopback.example.": {{"127.0.0.1"}}, "to-private.example.": {{"192.168.1.1"}}, "to-metadata.example.": {{"169.254.169.254"}},
		"to-loopback6.example.": {{"::1"}}, "to-mapped.example.": {{"::ffff:127.0.0.1"}}, "to-nat64.example.": {{"64:ff9b::a00:1"}},
		"to-6to4.example.": {{"2002:a00:1::"}}, "to-nothing.example.": {{"0.0.0.0"}}, "to-unique-local.example.": {{"fd00::1"}},
		"to-carrier.example.": {{"100.64.1.1"}}, "to-broadcast.example.": {{"255.255.255.255"}},
		"to-several.example.": {{"10.0.0.1", "127.0.0.1", "::1"}}, "xn--bcher-kva.example.": {{"10.0.0.1"}},
	}}
	client := newClient(t, outbound.Options{Resolver: z.resolver(t)})
	n := 0
	for group, list := range urls {
		t.Run(group, func(t *testing.T) {
			for _, u := range list {
				n++
				_, err := client.Do(t.Context(), outbound.Request{Method: http.MethodPost, URL: u})
				if err == nil {
					t.Errorf("%q was answered", u)
				} else if c := outbound.ClassOf(err); c != outbound.Denied && c != outbound.InvalidURL {
					t.Errorf("%q: class %s (%v), want a refusal", u, c, err)
				} else if strings.ContainsAny(err.Error(), "0123456789") {
					t.Errorf("%q: a tenant would read %q", u, err)
				}
			}
		})
	}
	if n < 150 {
		t.Errorf("the table holds %d targets, want at least 150", n)
	}
}

// A name that was harmless a moment ago leads into the house when it is called.
func TestRebindingIsRefused(t *testing.T) {
	z := &zone{addrs: map[string][][]string{"rebind.example.": {{"93.184.215.14"}, {"127.0.0.1"}}}}
	resolver := z.resolver(t)
	client := newClient(t, outbound.Options{Resolver: resolver})
	seen, err := resolver.LookupHost(t.Context(), "rebind.example.")
	if err != nil || seen[0] != "93.184.215.14" {
		t.Fatalf("the first look-up gives %v, %v", seen, err)
	}
	_, err = client.Do(t.Context(), outbound.Request{Method: http.MethodGet, URL: "https://rebind.example/"})
	if got := outbound.ClassOf(err); got != outbound.Denied {
		t.Errorf("class %s (%v), want %s", got, err, outbound.Denied)
	}
}

func TestPublicTargetsPassTheChecks(t *testing.T) {
	client := newClient(t, outbound.Options{})
	for _, u := range []string{
		"https://hook.example/path?a=b", "https://HOOK.example./", "https://hook.example:443/", "https://8.8.8.8/", "https://[2606:4700::1111]/",
		"https://[2002:808:808::]/", "https://[64:ff9b::8.8.8.8]/", "https://[::ffff:8.8.8.8]/", "https://bücher.example/", "https://1.example/", "https://0xa.example/",
	} {
		if err := client.Check(u); err != nil {
			t.Errorf("%q: %v", u, err)
		}
	}
}

func TestEntriesOfTheAllowList(t *testing.T) {
	for _, tt := range []struct {
		entry, url string
		want       bool
	}{
		{"::1", "http://[::1]:8443/", true},
		{"[::1]:8443", "https://[0::1]:8443/", true},
		{"[::1]:8443", "https://[::1]/", false},
		{"fd00::/8", "https://[fd12::1]:9000/", true},
		{"10.0.0.0/8", "http://10.1.2.3/", true},
		{"10.0.0.0/8", "https://[::ffff:10.1.2.3]/", true},
		{"10.0.0.0/8", "https://167838211/", false}, // 10.1.2.3 to some
		{"hook.corp", "http://hook.corp/", true},
		{"hook.corp", "https://hook.corp:9000/", true},
		{"hook.corp", "https://user@hook.corp/", false},
		{"localhost", "http://localhost:3000/", true},
		{"b\u00fccher.corp", "https://xn--bcher-kva.corp:1/", true},
	} {
		client := newClient(t, outbound.Options{Allow: []string{tt.entry}})
		if err := client.Check(tt.url); (err == nil) != tt.want {
			t.Errorf("with %s, %s: %v", tt.entry, tt.url, err)
		}
	}
}
