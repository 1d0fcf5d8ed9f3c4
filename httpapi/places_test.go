package httpapi_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"dashd/geo"
	"dashd/httpapi"
	"dashd/projections"
)

// located is a node that looks places up in the data dashd comes with.
func located(t *testing.T) (*daemon, *geo.Locator) {
	l, err := geo.Open(geo.Options{Precision: geo.City})
	if err != nil {
		t.Fatal(err)
	}
	return start(t, func(o *httpapi.Options, _ *http.Server) { o.Places = l }), l
}

type placedEvent struct {
	UserID   string
	Location *geo.Place
}

// Events get the place of their address on each way in, unless their producer said one.
func TestEventsGetTheirPlace(t *testing.T) {
	d, l := located(t)
	found := l.Lookup("91.12.3.4")
	if found.CountryCode != "DE" || found.City == "" {
		t.Fatalf("found %+v", found)
	}
	for _, in := range []struct{ path, body string }{
		{"/events/track", `{"eventType":"user_signed_in","eventKey":"dash","eventData":{"userId":"dash"},"ipAddress":"91.12.3.4"}`},
		{"/events/track", `{"eventType":"user_signed_in","eventKey":"dash-said","eventData":{"userId":"dash-said"},"ipAddress":"91.12.3.4","city":"Paris","countryCode":"FR"}`},
		{"/ingest/studio", `{"type":"user.logged_in","userId":"studio","ipAddress":"91.12.3.4, 10.0.0.1"}`},
		{"/ingest/events", `[{"type":"user.logged_in","userId":"native","ipAddress":"91.12.3.4"},{"type":"user.logged_in","userId":"native-said","ipAddress":"91.12.3.4","location":{"region":"Elsass"}},
			{"type":"user.logged_in","userId":"private","ipAddress":"192.168.1.1"},{"type":"user.logged_in","userId":"nowhere"}]`},
	} {
		if a := d.call("POST", in.path, d.root, in.body); a.status != http.StatusOK {
			t.Fatalf("%s: %d %s", in.path, a.status, a.body)
		}
	}
	want := map[string]*geo.Place{
		"dash": &found, "studio": &found, "native": &found, "private": nil, "nowhere": nil,
		"dash-said": {City: "Paris", CountryCode: "FR"}, "native-said": {Region: "Elsass"},
	}
	events := get[struct{ Events []placedEvent }](d, "/v1/events", d.root).Events
	if len(events) != len(want) {
		t.Fatalf("%d events, want %d", len(events), len(want))
	}
	for _, ev := range events {
		if w := want[ev.UserID]; (ev.Location == nil) != (w == nil) || w != nil && *ev.Location != *w {
			t.Errorf("%s is in %+v, want %+v", ev.UserID, ev.Location, w)
		}
	}
}

// What one project has exported, another imports whole: each event is where it was, whatever
// is known of its address by then.
func TestExportedEventsAreImportedWhole(t *testing.T) {
	d, _ := located(t)
	to := d.key("default", 0, "*").Text
	other := d.project("other")
	const sent = `{"id":"a1","type":"user.logged_in","timestamp":"2025-11-22T01:11:53.717Z","userId":"u","metadata":{"n":1},"ipAddress":"91.12.3.4","location":{"city":"Straßburg","region":"Elsass","country":"France","countryCode":"FR"}}`
	if a := d.call("POST", "/ingest/events", to, sent); a.status != http.StatusOK {
		t.Fatalf("%d %s", a.status, a.body)
	}
	type page struct{ Events []map[string]json.RawMessage }
	first := get[page](d, "/v1/events", to).Events[0]
	if a := d.call("POST", "/ingest/events", other, first); a.status != http.StatusOK {
		t.Fatalf("%d %s", a.status, a.body)
	}
	second := get[page](d, "/v1/events", other).Events[0]
	for _, own := range []string{"seq", "receivedAt"} {
		delete(first, own)
		delete(second, own)
	}
	a, errA := json.Marshal(first)
	b, errB := json.Marshal(second)
	if errA != nil || errB != nil || !sameJSON(t, a, b) || !strings.Contains(string(b), "Elsass") {
		t.Errorf("imported %s\nexported %s", b, a)
	}
	if repeat := decode[ingestAnswer](t, d.call("POST", "/ingest/events", to, first), http.StatusOK); repeat.Duplicates != 1 {
		t.Errorf("imported where it is from: %+v", repeat)
	}
}

// noNetwork fails the test if anything looks a name up, or connects by the standard library's
// own client.
func noNetwork(t *testing.T) {
	t.Helper()
	resolver, transport := net.DefaultResolver, http.DefaultTransport
	t.Cleanup(func() { net.DefaultResolver, http.DefaultTransport = resolver, transport })
	dial := func(_ context.Context, network, address string) (net.Conn, error) {
		t.Errorf("somebody connects to %s (%s)", address, network)
		return nil, errors.New("there is no network")
	}
	net.DefaultResolver = &net.Resolver{PreferGo: true, Dial: dial}
	http.DefaultTransport = &http.Transport{DialContext: dial}
}

// someAddress draws an address of one of the kinds that applications see.
func someAddress(rnd *rand.Rand, kind int) netip.Addr {
	var b [16]byte
	for k := range b {
		b[k] = byte(rnd.Uint32())
	}
	v4 := netip.AddrFrom4([4]byte(b[:4]))
	switch kind {
	case 0, 1: // of IPv6, where most networks of Europe and of America are
		b[0], b[1] = []byte{0x2a, 0x26}[kind], b[1]&0x0f
		return netip.AddrFrom16(b)
	case 2:
		return netip.AddrFrom16(v4.As16()) // mapped
	case 3:
		return netip.AddrFrom4([4]byte{[]byte{10, 127, 0, 240}[b[4]&3], b[1], b[2], b[3]}) // private and reserved
	case 4:
		return netip.AddrFrom4([4]byte{192, 168, b[2], b[3]})
	case 5:
		b[0] = []byte{0xfd, 0xfe, 0xff}[b[1]%3] // local ones of IPv6
		return netip.AddrFrom16(b)
	}
	return v4
}

// The map of 10,000 sessions from addresses of all kinds is the one that lookups give, says
// whose data it is drawn from and where its places are, and needs no network. (That nothing of
// package geo could use one is tested with the layers.)
func TestMapOfTenThousandAddresses(t *testing.T) {
	noNetwork(t)
	d, l := located(t)
	rnd := rand.New(rand.NewPCG(4, 4))
	countries, total := map[string]int{}, 0
	var body strings.Builder
	for i := range 10_000 {
		a := someAddress(rnd, i%16)
		fmt.Fprintf(&body, "{\"type\":\"session.created\",\"userId\":\"u%d\",\"sessionId\":\"s%d\",\"ipAddress\":%q}\n", i, i, a)
		if p := l.Lookup(a.String()); p.CountryCode != "" {
			countries[p.CountryCode]++
			total++
		}
	}
	in := d.call("POST", "/ingest/events", d.root, body.String(), "Content-Type", "application/x-ndjson")
	if got := decode[ingestAnswer](t, in, http.StatusOK); got.Accepted != 10_000 {
		t.Fatalf("%d of 10,000 events accepted", got.Accepted)
	}
	if err := d.node.Dash.Wait(t.Context(), d.node.Store.Head()); err != nil {
		t.Fatal(err)
	}
	got := get[struct {
		projections.WorldMap
		Attribution geo.Attribution
	}](d, "/dash/map?limit=1000", d.root)
	wantPoints(t, d, l)
	if got.Total != total || got.Users != total || total < 5_000 || len(got.Countries) != len(countries) || len(got.Cities) < 500 {
		t.Errorf("%d users in %d countries and %d cities, want %d in %d", got.Total, len(got.Countries), len(got.Cities), total, len(countries))
	}
	for _, c := range got.Countries {
		if c.Users != countries[c.Code] || c.Name == "" {
			t.Errorf("%+v, want %d users", c, countries[c.Code])
		}
	}
	if got.Attribution != *l.Attribution() || got.Attribution.Text != "IP Geolocation by DB-IP" {
		t.Errorf("attribution %+v", got.Attribution)
	}
}

// wantPoints fails if a country of the map has no point, or a city another one than the data have.
func wantPoints(t *testing.T, d *daemon, l *geo.Locator) {
	t.Helper()
	type point struct{ Latitude, Longitude *float64 }
	got := get[struct {
		Countries []struct {
			point
			Code string `json:"country_code"`
		}
		Cities []struct {
			point
			City string
			Code string `json:"country_code"`
		}
	}](d, "/dash/map?limit=1000", d.root)
	with := 0
	for _, c := range got.Countries {
		if at, known := geo.CountryPoint(c.Code); !known || c.Latitude == nil || *c.Latitude != at.Latitude || *c.Longitude != at.Longitude {
			t.Errorf("the label of %s stands at %+v, want %+v (%v)", c.Code, c.point, at, known)
		}
	}
	for _, c := range got.Cities {
		at, known := l.CityPoint(c.Code, c.City)
		if known != (c.Latitude != nil) || known && (*c.Latitude != at.Latitude || *c.Longitude != at.Longitude) {
			t.Errorf("%s in %s is at %+v, want %+v (%v)", c.City, c.Code, c.point, at, known)
		}
		if known {
			with++
		}
	}
	if with < len(got.Cities)*9/10 {
		t.Errorf("%d of %d cities have a point", with, len(got.Cities))
	}
}
