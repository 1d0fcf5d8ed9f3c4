package geo_test

import (
	"crypto/sha256"
	"encoding/hex"
	"math/rand/v2"
	"net/netip"
	"os"
	"strings"
	"testing"

	"dashd/eventlog"
	"dashd/geo"
)

// The embedded file is the one that was made for it, and small enough to carry about.
func TestEmbeddedDatabaseIsWhole(t *testing.T) {
	l := embedded(t)
	said, err := os.ReadFile("default.mmdb.sha256")
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(geo.Default)
	if got := hex.EncodeToString(sum[:]) + "  default.mmdb\n"; got != string(said) {
		t.Errorf("default.mmdb has the checksum %q, default.mmdb.sha256 says %q", got, said)
	}
	if most := 12 << 20; len(geo.Default) > most {
		t.Errorf("default.mmdb has %d bytes, and may have %d", len(geo.Default), most)
	}
	if _, err := geo.Trial(geo.Default); err != nil {
		t.Error(err)
	}
	s := l.Status()
	if s.Source != "embedded" || s.Database.Type != "DBIP-City-Lite" || s.Database.Built.Format("2006-01") != "2026-06" || s.Database.SHA256 != hex.EncodeToString(sum[:]) ||
		s.Attribution.Text != "IP Geolocation by DB-IP" || s.Attribution.URL != "https://db-ip.com" || !strings.Contains(s.Attribution.Notice, "CC BY 4.0") {
		t.Errorf("status %+v", s)
	}
	if notice := strings.Join(strings.Fields(geo.Notice), " "); !strings.Contains(notice, s.Attribution.Notice) {
		t.Errorf("NOTICE does not hold %q", s.Attribution.Notice)
	}
}

func TestPublicAddresses(t *testing.T) {
	for _, tt := range []struct {
		name, addresses string
		public          bool
	}{
		{"of the internet", "1.1.1.1 8.8.8.8 99.255.255.255 100.128.0.0 172.15.0.1 172.32.0.1 192.0.1.1 192.167.0.1 198.17.255.255 198.20.0.0 223.255.255.255 2001:200::1 2606:4700::1111 2a00:1450::1 3ffe::1", true},
		{"private", "10.0.0.1 172.16.0.1 172.31.255.255 192.168.255.1 fc00::1 fd12::1", false},
		{"of this machine or link", "127.0.0.1 127.255.0.1 ::1 169.254.169.254 fe80::1 0.0.0.0 0.1.2.3 ::", false},
		{"behind a carrier's NAT", "100.64.0.1 100.127.255.255", false},
		{"of documentation", "192.0.2.1 198.51.100.1 203.0.113.7 2001:db8::1 3fff::1", false},
		{"of protocols and benchmarks", "192.0.0.1 192.88.99.1 198.18.0.1 198.19.255.255 2001::1 2001:10::1 64:ff9b::808:808 2002:808:808::1", false},
		{"for many, or reserved", "224.0.0.1 239.255.255.255 240.0.0.1 255.255.255.255 ff02::1 4000::1 100::1", false},
	} {
		for a := range strings.FieldsSeq(tt.addresses) {
			if got := geo.Public(netip.MustParseAddr(a)); got != tt.public {
				t.Errorf("%s: %s is public: %v", tt.name, a, got)
			}
		}
	}
}

// Addresses whose country is no secret; which of its cities is the database's affair.
func TestEmbeddedDatabaseKnowsCountries(t *testing.T) {
	l := embedded(t)
	for address, want := range map[string][2]string{
		"8.8.8.8":            {"US", "United States"},
		"91.12.3.4":          {"DE", "Germany"},        // Deutsche Telekom
		"81.2.69.142":        {"GB", "United Kingdom"}, // Andrews & Arnold
		"133.11.0.1":         {"JP", "Japan"},          // University of Tokyo
		"200.147.3.157":      {"BR", "Brazil"},         // UOL
		"2001:200:0:8002::1": {"JP", "Japan"},          // WIDE
		"::ffff:91.12.3.4":   {"DE", "Germany"},
	} {
		if p := l.Lookup(address); p.CountryCode != want[0] || p.Country != want[1] || p.City == "" {
			t.Errorf("%s is in %+v, want a city of %s", address, p, want[1])
		}
	}
	for _, address := range []string{"", "nowhere", "1.1.1", "1.1.1.1, 8.8.8.8", "10.0.0.1", "::ffff:10.0.0.1", "2002:5b0c:304::1", "fe80::1%eth0"} {
		if p := l.Lookup(address); p != (geo.Place{}) {
			t.Errorf("%s is in %+v, want nowhere", address, p)
		}
	}
}

// Of 10,000 addresses of all kinds, nearly each public one has a place, each other one has
// none, and each place is fit for an event.
func TestTenThousandAddresses(t *testing.T) {
	l := embedded(t)
	rnd := rand.New(rand.NewPCG(3, 3))
	public, located, countries := 0, 0, map[string]bool{}
	for i := range 10_000 {
		a := geo.SomeAddress(rnd, i%10 != 0)
		if i%20 == 7 {
			a = netip.AddrFrom4([4]byte{10, byte(i >> 8), byte(i), 1})
		}
		p := l.Lookup(a.String())
		if again := l.Lookup(a.String()); again != p {
			t.Fatalf("%s is in %+v, and then in %+v", a, p, again)
		}
		if geo.Public(a) && a.Is4() { // most of IPv6 is given to nobody
			public++
			if p != (geo.Place{}) {
				located++
			}
		}
		if p == (geo.Place{}) {
			continue
		}
		countries[p.CountryCode] = true
		ev := eventlog.Event{Type: "a.b", CountryCode: p.CountryCode, Personal: eventlog.Personal{City: p.City, Country: p.Country, Region: p.Region}}
		if err := ev.Check(0); err != nil || ev.City != p.City || ev.CountryCode != p.CountryCode || ev.Country != p.Country || p.Country == "" {
			t.Errorf("%s is in %+v, of which an event keeps %+v, %v", a, p, ev, err)
		}
		if !geo.Public(a) {
			t.Errorf("%s is in %+v", a, p)
		}
	}
	if share := float64(located) / float64(public); share < 0.95 {
		t.Errorf("%d of %d public addresses have a place", located, public)
	}
	if len(countries) < 60 {
		t.Errorf("the addresses are in %d countries", len(countries))
	}
}

func TestLocate(t *testing.T) {
	l := embedded(t)
	found := l.Lookup("91.12.3.4")
	for _, tt := range []struct {
		name       string
		give, want eventlog.Event
	}{
		{
			"an address of which nothing is said",
			eventlog.Event{Personal: eventlog.Personal{IPAddress: "91.12.3.4"}},
			eventlog.Event{CountryCode: "DE", Personal: eventlog.Personal{IPAddress: "91.12.3.4", City: found.City, Country: "Germany"}},
		},
		{"the producer names a country", eventlog.Event{CountryCode: "FR", Personal: eventlog.Personal{IPAddress: "91.12.3.4"}}, eventlog.Event{CountryCode: "FR", Personal: eventlog.Personal{IPAddress: "91.12.3.4"}}},
		{"… a country by its name", eventlog.Event{Personal: eventlog.Personal{IPAddress: "91.12.3.4", Country: "France"}}, eventlog.Event{Personal: eventlog.Personal{IPAddress: "91.12.3.4", Country: "France"}}},
		{"… a region", eventlog.Event{Personal: eventlog.Personal{IPAddress: "91.12.3.4", Region: "Elsass"}}, eventlog.Event{Personal: eventlog.Personal{IPAddress: "91.12.3.4", Region: "Elsass"}}},
		{"… a city", eventlog.Event{Personal: eventlog.Personal{IPAddress: "91.12.3.4", City: "Ulm"}}, eventlog.Event{Personal: eventlog.Personal{IPAddress: "91.12.3.4", City: "Ulm"}}},
		{"a private address", eventlog.Event{Personal: eventlog.Personal{IPAddress: "10.1.2.3"}}, eventlog.Event{Personal: eventlog.Personal{IPAddress: "10.1.2.3"}}},
		{"no address", eventlog.Event{}, eventlog.Event{}},
	} {
		got := tt.give
		l.Locate(&got)
		if got.CountryCode != tt.want.CountryCode || got.City != tt.want.City || got.Region != tt.want.Region || got.Country != tt.want.Country || got.IPAddress != tt.want.IPAddress {
			t.Errorf("%s: %+v, want %+v", tt.name, got, tt.want)
		}
	}
}

// A lookup of what has been looked up takes no memory.
func TestLookupTakesNoMemory(t *testing.T) {
	l := embedded(t)
	ev := eventlog.Event{Personal: eventlog.Personal{IPAddress: "91.12.3.4"}}
	if n := testing.AllocsPerRun(100, func() { again := ev; l.Locate(&again) }); n > 0 {
		t.Errorf("Locate allocates %.1f times", n)
	}
}

// FuzzLookup: whatever stands for an address, its place can be kept by an event.
func FuzzLookup(f *testing.F) {
	for _, s := range []string{"8.8.8.8", "::ffff:1.2.3.4", "2606:4700::1111", "fe80::1%x", "1.2.3.4, 5.6.7.8", "", "\x00"} {
		f.Add(s)
	}
	l := embedded(f)
	f.Fuzz(func(t *testing.T, s string) {
		p := l.Lookup(s)
		if p == (geo.Place{}) {
			return
		}
		a, err := netip.ParseAddr(s)
		if err != nil || !geo.Public(a.Unmap().WithZone("")) || len(p.CountryCode) != 2 || p.Country == "" {
			t.Errorf("%q is in %+v", s, p)
		}
	})
}
