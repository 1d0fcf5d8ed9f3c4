package httpapi_test

import (
	"context"
	"net/url"
	"testing"

	"dashd/eventlog"
	"dashd/internal/errs"
)

// FuzzQuery reads any query string as that of GET /v1/events. It is answered, or
// refused as the client's fault.
func FuzzQuery(f *testing.F) {
	d := start(f)
	d.five()
	for _, query := range []string{
		"", "limit=2&after=e3", "offset=1&limit=2", "sort=asc&order=seq", "type=user.*,user_sign_in_failed,no.such_type",
		"status=failed&type=user_sign_in_failed", "severity=info,warning&source=api&origin=dash", "since=2025-06-01T10:00:02Z&until=1748772003000",
		"ip=[::1]:80&country=de,fr&actorId=a&sessionId=s&organizationId=o&userId=u", "q=%00%ff&type=.*", "limit=18446744073709551616",
		"since=-9223372036854775808&until=9223372036854775807", "type=,&status=,", "after=%2e%2e",
	} {
		f.Add(query)
	}
	f.Fuzz(func(t *testing.T, query string) {
		values, err := url.ParseQuery(query)
		if err != nil {
			return
		}
		q, err := d.api.EventQuery(values, "default")
		if err != nil {
			if errs.KindOf(err) != errs.Invalid {
				t.Fatalf("%q: %v", query, err)
			}
			return
		}
		page, err := d.node.Index.Query(context.Background(), q)
		if err != nil {
			t.Fatalf("%q: %v", query, err)
		}
		selects := q.Selector()
		for i := range page.Records {
			if r := &page.Records[i]; r.Project != "default" || !selects(r) {
				t.Fatalf("%q answers with %+v", query, r)
			}
		}
		if uint64(len(page.Records)) > page.Total || len(page.Records) > q.Limit {
			t.Fatalf("%q: %d events of %d, limit %d", query, len(page.Records), page.Total, q.Limit)
		}
	})
}

// FuzzCursor goes on behind any text. It is the id of an event, or the client's
// fault.
func FuzzCursor(f *testing.F) {
	d := start(f)
	d.five()
	d.append(eventlog.Event{Project: "default", Type: "user.joined"})
	made := d.newest(d.root).ID
	for _, id := range []string{"e1", "e9", made, made[:35], made + "0", "", "nope", "\x00", "ffffffff-ffff-7fff-bfff-ffffffffffff", "00000000-0000-7000-8000-000000000000"} {
		f.Add(id)
	}
	known := map[string]bool{"e1": true, "e3": true, "e5": true, "e7": true, "e9": true, made: true, "": true}
	f.Fuzz(func(t *testing.T, id string) {
		q, err := d.api.EventQuery(url.Values{"after": {id}}, "default")
		switch {
		case known[id] && err != nil:
			t.Fatalf("%q: %v", id, err)
		case !known[id] && errs.CodeOf(err) != "INVALID_CURSOR":
			t.Fatalf("%q: %v, place %+v", id, err, q.After)
		case !known[id] && errs.KindOf(err) != errs.Invalid:
			t.Fatalf("%q: %v", id, err)
		}
	})
}
