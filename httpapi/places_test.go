package httpapi_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
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

// The map of 10,000 sessions from addresses of all kinds is the one that lookups give, and
// says whose data it is drawn from.
func TestMapOfTenThousandAddresses(t *testing.T) {
	d, l := located(t)
	rnd := rand.New(rand.NewPCG(4, 4))
	countries, total := map[string]int{}, 0
	var body strings.Builder
	for i := range 10_000 {
		var b [16]byte
		for k := range b {
			b[k] = byte(rnd.Uint32())
		}
		a := netip.AddrFrom4([4]byte(b[:4]))
		switch i % 10 {
		case 0:
			b[0], b[1] = 0x2a, b[1]&0x0f
			a = netip.AddrFrom16(b)
		case 1:
			a = netip.AddrFrom4([4]byte{192, 168, b[2], b[3]})
		}
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
