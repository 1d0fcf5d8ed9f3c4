package e2e_test

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"testing"
	"time"
)

// reader reads events over HTTP, either from dashd or through the application.
type reader struct {
	base   string
	header http.Header
	// anyTime says that events may have been stored in another order than they happened in.
	anyTime bool
}

// page is one answer to a question for events.
type page struct {
	Events []struct {
		Type        string         `json:"eventType"`
		Key         string         `json:"eventKey"`
		DisplayName string         `json:"eventDisplayName"`
		Data        map[string]any `json:"eventData"`
		ProjectID   string         `json:"projectId"`
		CreatedAt   string         `json:"createdAt"`
		UpdatedAt   string         `json:"updatedAt"`
		AgeMinutes  *int           `json:"ageInMinutes"`
		Location    place          `json:"location"` // the application's endpoints
		place                      // dashd's endpoints
	} `json:"events"`
	Total, Limit, Offset int
}

// page asks for one page.
func (r reader) page(t *testing.T, path string, query url.Values, limit, offset int) page {
	t.Helper()
	q := url.Values{"limit": {strconv.Itoa(limit)}, "offset": {strconv.Itoa(offset)}}
	for name, values := range query {
		q[name] = values
	}
	var p page
	decode(t, r.get(t, path+"?"+q.Encode(), http.StatusOK), &p)
	if p.Events == nil {
		t.Errorf("%s?%s: no array of events", path, q.Encode())
	}
	return p
}

// get returns the body of an answer that must have the status.
func (r reader) get(t *testing.T, path string, status int) []byte {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, r.base+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header = r.header.Clone()
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	if res.StatusCode != status {
		t.Fatalf("GET %s: %d %s, want %d", path, res.StatusCode, body, status)
	}
	return body
}

// events pages through everything that path and query select.
func (r reader) events(t *testing.T, path string, query url.Values) []event {
	t.Helper()
	const limit = 7 // small, so that there are pages to turn
	var events []event
	for {
		p := r.page(t, path, query, limit, len(events))
		if p.Limit != limit || p.Offset != len(events) {
			t.Errorf("%s %v: limit %d, offset %d in the answer, want %d, %d",
				path, query, p.Limit, p.Offset, limit, len(events))
		}
		page := p.list(t, r.anyTime)
		events = append(events, page...)
		if len(page) < limit || len(events) > p.Total {
			if p.Total != len(events) {
				t.Errorf("%s %v: total %d, but %d events", path, query, p.Total, len(events))
			}
			return events
		}
	}
}

// list returns the events of a page and checks what the server adds to them.
func (p page) list(t *testing.T, anyTime bool) []event {
	t.Helper()
	var events []event
	newer := time.Now()
	for _, e := range p.Events {
		if err := added(e.ProjectID, e.CreatedAt, e.UpdatedAt, e.AgeMinutes); err != nil {
			t.Errorf("%s of %s: %v", e.Type, e.Key, err)
		}
		created, _ := time.Parse(isoMillis, e.CreatedAt)
		if created.After(newer) && !anyTime {
			t.Errorf("%s of %s: created %s, later than the event above it", e.Type, e.Key, e.CreatedAt)
		}
		newer = created
		at := e.place
		if e.Location != (place{}) {
			at = e.Location
		}
		events = append(events, event{Type: e.Type, Key: e.Key, DisplayName: e.DisplayName, Data: e.Data, Place: at})
	}
	return events
}

const isoMillis = "2006-01-02T15:04:05.000Z"

func added(project, created, updated string, age *int) error {
	at, err := time.Parse(isoMillis, created)
	switch {
	case project == "":
		return fmt.Errorf("no projectId")
	case err != nil:
		return fmt.Errorf("createdAt: %w", err)
	case updated != created:
		return fmt.Errorf("updatedAt %q differs from createdAt %q", updated, created)
	case age == nil || *age < 0 || *age > int(time.Since(at).Minutes()):
		return fmt.Errorf("ageInMinutes is wrong for %s", created)
	}
	return nil
}
