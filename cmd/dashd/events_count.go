package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// barLength is how long the bar of the largest count is.
const barLength = 40

// printCounts prints how many events there are per unit of time, as a table with bars or as
// the answer of the API.
func printCounts(ctx context.Context, cl *client, w io.Writer, q url.Values, unit string, asJSON bool) error {
	q.Set("unit", unit)
	var answer json.RawMessage
	if err := cl.call(ctx, "GET", "/v1/analytics/timeseries", q, nil, &answer); err != nil {
		return err
	}
	if asJSON {
		return printJSON(w, answer)
	}
	var series struct {
		Total uint64
		Data  []struct {
			Start time.Time
			Count uint64
		}
	}
	if err := json.Unmarshal(answer, &series); err != nil {
		return fmt.Errorf("the answer: %w", err)
	}
	most, digits := uint64(1), len(strconv.FormatUint(series.Total, 10))
	for _, p := range series.Data {
		most = max(most, p.Count)
	}
	layout := "2006-01-02 15:04"
	if unit != "hour" {
		layout = time.DateOnly
	}
	rows := [][]string{{"START", strings.Repeat(" ", max(digits-5, 0)) + "COUNT", ""}}
	for _, p := range series.Data {
		count := strconv.FormatUint(p.Count, 10)
		bar := strings.Repeat("█", int((p.Count*barLength+most-1)/most))
		rows = append(rows, []string{p.Start.UTC().Format(layout), strings.Repeat(" ", max(digits, len("COUNT"))-len(count)) + count, bar})
	}
	rows = append(rows, []string{"total", strings.Repeat(" ", max(5-digits, 0)) + strconv.FormatUint(series.Total, 10), ""})
	return printTable(w, rows)
}
