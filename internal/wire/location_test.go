package wire_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"dashd/eventlog"
	"dashd/internal/wire"
)

func TestLocation(t *testing.T) {
	type place struct{ city, region, country, code string }
	for _, tt := range []struct {
		name, location string
		want           place
		problem        string
	}{
		{"all of it", `{"city":"Berlin","region":"BE","country":"Germany","countryCode":"DE"}`, place{"Berlin", "BE", "Germany", "DE"}, ""},
		{"some of it", `{"countryCode":"fr","x":[1]}`, place{"", "", "", "FR"}, ""},
		{"a code that is none", `{"city":"Berlin","countryCode":"GER"}`, place{"Berlin", "", "", ""}, ""},
		{"nothing of it", `{}`, place{}, ""},
		{"null", `null`, place{}, ""},
		{"members that say nothing", `{"city":null,"region":"","country":null,"countryCode":""}`, place{}, ""},
		{"what no event may hold", `{"city":"Ber\u0000lin"}`, place{"Ber\ufffdlin", "", "", ""}, ""},
		{"a text", `"Berlin"`, place{}, "location is not an object"},
		{"a number in it", `{"city":7}`, place{}, "location.city is not text"},
		{"an object in it", `{"countryCode":{}}`, place{}, "location.countryCode is not text"},
		{"a name twice", `{"city":"a","city":"b"}`, place{}, "an object has a name twice"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			body := `{"type":"user.joined","city":"Ulm","location":` + tt.location + `,"metadata":{"location":{"city":"Bonn"}}}`
			var got place
			err := wire.ReadEvents(strings.NewReader(body), wire.Options{}, now, func(_ int, ev eventlog.Event, problem error) error {
				got = place{ev.City, ev.Region, ev.Country, ev.CountryCode}
				return problem
			})
			var p *eventlog.Problem
			switch {
			case tt.problem == "" && err != nil:
				t.Error(err)
			case tt.problem != "" && (!errors.As(err, &p) || p.Message != tt.problem):
				t.Errorf("problem %v, want %q", err, tt.problem)
			}
			if got != tt.want {
				t.Errorf("got %+v, want %+v", got, tt.want)
			}
		})
	}
}

// The studio's events have no location: what is called so means something else there.
func TestStudioHasNoLocation(t *testing.T) {
	for _, location := range []string{`{"city":"Berlin"}`, `"Berlin"`} {
		ev := one(t, wire.ReadStudio, `{"type":"user.joined","location":`+location+`}`, wire.Options{})
		if ev.City != "" {
			t.Errorf("%s was read as %+v", location, ev)
		}
	}
}

// An event that dashd gives out with a place comes back with it.
func TestPlacesRoundTrip(t *testing.T) {
	ev := one(t, wire.ReadEvents, strings.Replace(sample, `"source"`, `"location":{"city":"Köln","region":"NRW","country":"Germany","countryCode":"DE"},"source"`, 1), wire.Options{})
	r := eventlog.Record{Seq: 1, ReceivedAt: now, Event: ev}
	again := one(t, wire.ReadEvents, string(wire.AppendEvent(nil, &r, ev.Message, ev.Shown)), wire.Options{})
	if !reflect.DeepEqual(again, ev) || ev.City != "Köln" || ev.CountryCode != "DE" {
		t.Errorf("\n got %+v\nwant %+v", again, ev)
	}
}
