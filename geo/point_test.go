package geo_test

import (
	"math"
	"testing"

	"github.com/maxmind/mmdbwriter/mmdbtype"
	"golang.org/x/text/language"

	"dashd/geo"
)

// Each country there is has a label, at a place of the earth.
func TestCountriesHaveLabels(t *testing.T) {
	n := 0
	for a := 'A'; a <= 'Z'; a++ {
		for b := 'A'; b <= 'Z'; b++ {
			code := string(a) + string(b)
			p, known := geo.CountryPoint(code)
			region, err := language.ParseRegion(code)
			official := err == nil && region.String() == code && region.Canonicalize() == region && region.IsCountry() && region.M49() != 0
			switch {
			case official && !known && !former[code]:
				t.Errorf("%s has no label", code)
			case known:
				n++
				if math.Abs(p.Latitude) > 90 || math.Abs(p.Longitude) > 180 || p == (geo.Point{}) {
					t.Errorf("%s is labeled at %+v", code, p)
				}
			}
		}
	}
	if n < 247 {
		t.Errorf("%d countries have a label", n)
	}
	for code, within := range map[string][4]float64{ // south, west, north, east
		"DE": {50, 8, 53, 12}, "US": {35, -105, 42, -90}, "FR": {45, 0, 49, 5}, "GB": {51, -3, 54, 1}, "JP": {34, 135, 39, 141}, "AU": {-30, 125, -20, 145},
		"FJ": {-19, 177, -17, 179}, "RU": {55, 80, 68, 120}, "BR": {-15, -60, -5, -45}, "NZ": {-46, 168, -38, 178}, "CL": {-30, -72, -20, -67}, "IS": {64, -20, 66, -17},
		"SG": {1, 103, 2, 104}, "AQ": {-90, -180, -70, 180}, "TV": {-9, 178, -7, 180},
	} {
		if p, known := geo.CountryPoint(code); !known || p.Latitude < within[0] || p.Longitude < within[1] || p.Latitude > within[2] || p.Longitude > within[3] {
			t.Errorf("the label of %s stands at %+v (%v), not in %v", code, p, known, within)
		}
	}
	if p, known := geo.CountryPoint("ZZ"); known {
		t.Errorf("ZZ is at %+v", p)
	}
}

// former are codes of countries that are no more.
var former = map[string]bool{"AN": true, "CS": true, "NT": true, "SU": true, "YU": true}

func TestEmbeddedDatabaseKnowsWhereCitiesAre(t *testing.T) {
	l := embedded(t)
	for _, tt := range []struct {
		code, city string
		lat, lon   float64
	}{{"DE", "Berlin", 52.5, 13.4}, {"FR", "Paris", 48.9, 2.4}, {"JP", "Takamatsu", 34.3, 134.1}, {"BR", "Sao Paulo", -23.6, -46.6}} {
		p, known := l.CityPoint(tt.code, tt.city)
		if !known || math.Abs(p.Latitude-tt.lat) > 0.5 || math.Abs(p.Longitude-tt.lon) > 0.5 {
			t.Errorf("%s in %s is at %+v (%v), want about %v, %v", tt.city, tt.code, p, known, tt.lat, tt.lon)
		}
	}
	for _, unknown := range [][2]string{{"DE", "Atlantis"}, {"FR", "Berlin"}, {"", "Berlin"}, {"D", "EBerlin"}, {"DEB", "erlin"}, {"DE", ""}} {
		if p, known := l.CityPoint(unknown[0], unknown[1]); known {
			t.Errorf("%s in %q is at %+v", unknown[1], unknown[0], p)
		}
	}
	if _, known := locator(t, geo.Options{}).CityPoint("DE", "Berlin"); known {
		t.Error("a city is known though nothing is looked up")
	}
}

func TestCityPoints(t *testing.T) {
	at := func(city, code string, lat, lon mmdbtype.Float64) record {
		return record{"city": names(city), "country": record{"iso_code": mmdbtype.String(code)}, "location": record{"latitude": lat, "longitude": lon}}
	}
	odd := at("Halle", "DE", 51.5, 12)
	odd["location"] = mmdbtype.String("in Sachsen-Anhalt")
	nowhere := at("Ulm", "DE", 0, 0)
	nowhere["location"] = record{"latitude": mmdbtype.Float64(48.4)}
	data := fixtureOf(t, "GeoLite2-City", map[string]record{
		"81.2.1.0/24": at("London", "GB", 51.4, -0.2), "81.2.2.0/24": at("London", "GB", 51.6, 0.1), "81.2.3.0/24": at("London", "CA", 43, -81.25),
		"81.2.4.0/24": at("Springfield", "US", 39.8, -89.6), "81.2.5.0/24": at("Springfield", "US", 42.1, -72.6),
		"81.2.6.0/24": odd, "81.2.7.0/24": nowhere, "81.2.8.0/24": at("Bonn", "DE", 50.7, 190), "81.2.9.0/24": at("Kiel", "de", 54.3, 10.1),
		"81.2.10.0/24": at("Nix", "ZZ", 1, 1), "81.2.11.0/24": at("Köln\x00", "DE", 50.94, 6.96), "81.2.12.0/24": at("Null", "GH", 0, 0),
	})
	points, err := geo.Cities(data)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]geo.Point{
		"GBLondon": {Latitude: 51.5, Longitude: -0.05}, "CALondon": {Latitude: 43, Longitude: -81.25}, "DEKiel": {Latitude: 54.3, Longitude: 10.1},
		"DEKöln\ufffd": {Latitude: 50.94, Longitude: 6.96}, "GHNull": {},
	}
	for name, p := range want {
		if got, known := points[name]; !known || got != p {
			t.Errorf("%s is at %+v (%v), want %+v", name, got, known, p)
		}
	}
	if len(points) != len(want) {
		t.Errorf("%v, want %v", points, want)
	}
}
