package httpapi

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"dashd/eventlog/index"
	"dashd/internal/errs"
)

const (
	hourMillis = int64(time.Hour / time.Millisecond)
	dayMillis  = 24 * hourMillis

	// firstMonday is the first one since 1970, which began with a Thursday.
	firstMonday = 4 * dayMillis

	// What RFC 3339 can write: the years 0000 to 9999.
	minInstant = -62167219200000
	maxInstant = 253402300799999

	maxPoints = 10_000
	maxSeries = 100
)

// seriesUnit is a length of time whose pieces follow one another in UTC, where a day
// always has 24 hours.
type seriesUnit struct {
	name   string
	length int64 // ms
	origin int64 // where one piece begins
	points int   // that are shown if nobody says since when
}

var seriesUnits = []seriesUnit{
	{"hour", hourMillis, 0, 48},
	{"day", dayMillis, 0, 30},
	{"week", 7 * dayMillis, firstMonday, 26},
}

// begin is where the piece begins that holds an instant.
func (u *seriesUnit) begin(at int64) int64 {
	past := (at - u.origin) % u.length
	if past < 0 {
		past += u.length
	}
	return at - past
}

// instantText is an instant that is written as ISO 8601 in UTC with milliseconds.
type instantText int64

func (i instantText) MarshalJSON() ([]byte, error) {
	return time.UnixMilli(int64(i)).UTC().AppendFormat(make([]byte, 0, 26), `"2006-01-02T15:04:05.000Z"`), nil
}

// timeSeries is the answer of GET /v1/analytics/timeseries.
type timeSeries struct {
	Unit   string        `json:"unit"`
	Since  instantText   `json:"since"`
	Until  instantText   `json:"until"`
	Total  uint64        `json:"total"`
	By     string        `json:"by,omitempty"`
	Series []seriesTotal `json:"series,omitzero"`
	Other  *othersTotal  `json:"other,omitempty"`
	Data   []seriesPoint `json:"data"`
}

type seriesTotal struct {
	Name  string `json:"name"`
	Total uint64 `json:"total"`
}

// othersTotal is the sum of the values that have no series of their own.
type othersTotal struct {
	Values int    `json:"values"`
	Total  uint64 `json:"total"`
}

type seriesPoint struct {
	Start  instantText `json:"start"`
	Count  uint64      `json:"count"`
	Counts []uint64    `json:"counts,omitzero"` // in the order of the series
	Other  *uint64     `json:"other,omitempty"`
}

// timeseries serves GET /v1/analytics/timeseries: how many events there are in each hour,
// day or week, and of which kind.
func (s *Server) timeseries(w http.ResponseWriter, r *request) error {
	q, err := eventFilters(r.query, r.principal.Project)
	if err != nil {
		return err
	}
	asked, err := seriesOf(r.query, &q, int64(s.now(r)))
	if err != nil {
		return err
	}
	if err := r.bound(&q); err != nil {
		return err
	}
	h, err := s.histogram(r, q, asked)
	if err != nil {
		return err
	}
	setSeq(w, h.Seq)
	return writeJSON(w, http.StatusOK, asked.answer(&h))
}

// askedSeries is what a time series is asked for besides the filters.
type askedSeries struct {
	unit         *seriesUnit
	since, until int64
	by           string
	dimension    index.Dimension
	most         int
}

// seriesOf reads the parameters of a time series, and gives q the range of time.
func seriesOf(params url.Values, q *index.Query, now int64) (*askedSeries, error) {
	a := &askedSeries{unit: &seriesUnits[1]}
	if name, given := first(params, "unit"); given {
		if a.unit = unitOf(name); a.unit == nil {
			return nil, invalid("unit", `Invalid option: expected one of "hour"|"day"|"week"`)
		}
	}
	var known bool
	if a.by, _ = first(params, "by"); a.by != "" {
		if a.dimension, known = dimensions[a.by]; !known {
			return nil, invalid("by", `Invalid option: expected one of "type"|"category"|"status"|"severity"|"source"`)
		}
	}
	var err error
	if a.most, err = strict(params, "top", 10, 1, maxSeries); err != nil {
		return nil, err
	}
	return a, a.setRange(q, now)
}

func unitOf(name string) *seriesUnit {
	for i := range seriesUnits {
		if seriesUnits[i].name == name {
			return &seriesUnits[i]
		}
	}
	return nil
}

var dimensions = map[string]index.Dimension{
	"type": index.ByType, "category": index.ByCategory, "status": index.ByStatus, "severity": index.BySeverity, "source": index.BySource,
}

// setRange says from when and until when, in both a and q.
func (a *askedSeries) setRange(q *index.Query, now int64) error {
	if q.Until == nil {
		q.Until = &now
	}
	if a.until = *q.Until; a.until < minInstant || a.until > maxInstant {
		return invalid("until", "expected a time of the years 0000 to 9999")
	}
	if q.Since == nil {
		since := max(a.unit.begin(a.until-1)-int64(a.unit.points-1)*a.unit.length, minInstant)
		q.Since = &since
	}
	if a.since = *q.Since; a.since < minInstant || a.since > maxInstant {
		return invalid("since", "expected a time of the years 0000 to 9999")
	}
	if a.since >= a.until {
		return invalid("since", "expected a time before until")
	}
	if n := a.buckets().N; n > maxPoints {
		return errs.New(errs.Invalid, "TOO_MANY_POINTS", "%d points of a %s; there may be %d: take a longer unit or a shorter time", n, a.unit.name, maxPoints)
	}
	return nil
}

// buckets are the units that have a part in the range.
func (a *askedSeries) buckets() index.Buckets {
	start := a.unit.begin(a.since)
	return index.Buckets{Start: start, Width: a.unit.length, N: int((a.unit.begin(a.until-1)-start)/a.unit.length) + 1}
}

// histogram asks the index, for as long as a query may take.
func (s *Server) histogram(r *request, q index.Query, a *askedSeries) (index.Histogram, error) {
	ctx, cancel := context.WithTimeout(r.Context(), s.patience.query)
	defer cancel()
	return s.Index.Histogram(ctx, q, a.buckets(), a.dimension, a.most)
}

func (a *askedSeries) answer(h *index.Histogram) timeSeries {
	b := a.buckets()
	t := timeSeries{
		Unit: a.unit.name, Since: instantText(a.since), Until: instantText(a.until), Total: h.Total, By: a.by,
		Data: make([]seriesPoint, b.N),
	}
	var counts []uint64 // of all points, one after the other
	if a.by != "" {
		t.Series, counts = make([]seriesTotal, 0, len(h.Series)), make([]uint64, b.N*len(h.Series))
	}
	for i, s := range h.Series {
		t.Series = append(t.Series, seriesTotal{s.Value, s.Total})
		for point, n := range s.Counts {
			counts[point*len(h.Series)+i] = n
		}
	}
	if h.Others != nil {
		t.Other = &othersTotal{h.Values - len(h.Series), h.Others.Total}
	}
	for i := range t.Data {
		p := &t.Data[i]
		p.Start = instantText(max(b.Start+int64(i)*b.Width, a.since))
		p.Count = h.Counts[i]
		p.Counts = counts[i*len(h.Series) : (i+1)*len(h.Series)]
		if h.Others != nil {
			p.Other = &h.Others.Counts[i]
		}
	}
	return t
}
