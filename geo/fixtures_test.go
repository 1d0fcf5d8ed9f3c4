package geo_test

import (
	"bytes"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"testing"

	"github.com/maxmind/mmdbwriter"
	"github.com/maxmind/mmdbwriter/mmdbtype"

	"dashd/geo"
)

func locator(t testing.TB, o geo.Options) *geo.Locator {
	t.Helper()
	l, err := geo.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// embedded looks places up in the data dashd comes with.
func embedded(t testing.TB) *geo.Locator {
	t.Helper()
	if len(geo.Default) == 0 {
		t.Skip("NOT RUN: this binary was built with the tag no_geodata")
	}
	return locator(t, geo.Options{Precision: geo.City})
}

// record is one of a GeoLite2 or GeoIP2 database.
type record = mmdbtype.Map

func names(en string) record {
	return record{"names": record{"en": mmdbtype.String(en), "de": mmdbtype.String("anders")}}
}

// berlin is the record of a city database; its name tells fixtures apart.
func berlin(city string) record {
	subdivision := names("Land Berlin")
	subdivision["iso_code"] = mmdbtype.String("BE")
	country := names("Germany")
	country["iso_code"] = mmdbtype.String("DE")
	return record{
		"city": names(city), "country": country, "subdivisions": mmdbtype.Slice{subdivision},
		"location": record{"latitude": mmdbtype.Float64(52.5), "longitude": mmdbtype.Float64(13.4)},
	}
}

// fixture is a database of a type, with a record for a network.
func fixture(t testing.TB, databaseType, network string, r record) []byte {
	t.Helper()
	return fixtureOf(t, databaseType, map[string]record{network: r})
}

// fixtureOf is a database of a type, with records for networks.
func fixtureOf(t testing.TB, databaseType string, records map[string]record) []byte {
	t.Helper()
	tree, err := mmdbwriter.New(mmdbwriter.Options{DatabaseType: databaseType, BuildEpoch: 1_790_000_000, Languages: []string{"en", "de"}, Description: map[string]string{"en": "a test"}, IncludeReservedNetworks: true})
	if err != nil {
		t.Fatal(err)
	}
	for network, r := range records {
		_, net, err := net.ParseCIDR(network)
		if err != nil {
			t.Fatal(err)
		}
		if err := tree.Insert(net, r); err != nil {
			t.Fatal(err)
		}
	}
	var b bytes.Buffer
	if _, err := tree.WriteTo(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// city is a database that knows one city in 81.2.0.0/16.
func city(t testing.TB, name string) []byte {
	return fixture(t, "GeoLite2-City", "81.2.0.0/16", berlin(name))
}

// write puts data into a file, as an operator does who knows how: all at once.
func write(t testing.TB, path string, data []byte) {
	t.Helper()
	next := filepath.Join(filepath.Dir(path), "next")
	if err := os.WriteFile(next, data, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(next, path); err != nil {
		t.Fatal(err)
	}
}

func addresses(texts ...string) (all []netip.Addr) {
	for _, s := range texts {
		all = append(all, netip.MustParseAddr(s))
	}
	return all
}
