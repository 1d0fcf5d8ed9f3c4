package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"dashd/eventlog"
	"dashd/internal/wire"
)

// filters are the flags that select events; each is the parameter of GET
// /v1/events with the same name, in lower camel case.
type filters struct{ values map[string]*string }

var filterFlags = []struct{ flag, param, usage string }{
	{"type", "type", "only these `types` (comma-separated; any vocabulary; user.* for a category)"},
	{"user", "userId", "only of this user `id`"},
	{"organization", "organizationId", "only of this organization `id`"},
	{"session", "sessionId", "only of this session `id`"},
	{"status", "status", "success or failed"},
	{"severity", "severity", "info, success, warning or failed (comma-separated)"},
	{"ip", "ip", "only from this `address`"},
	{"country", "country", "only from these `countries` (two letters, comma-separated)"},
	{"since", "since", "only from this `time` on (ISO 8601 or ms)"},
	{"until", "until", "only before this `time`"},
	{"search", "q", "only with this `text` in message, type, ids, name or e-mail"},
}

func (f *filters) addFlags(fs *pflag.FlagSet) {
	f.values = map[string]*string{}
	for _, d := range filterFlags {
		f.values[d.param] = fs.String(d.flag, "", d.usage)
	}
}

func (f *filters) query() url.Values {
	q := url.Values{}
	for param, v := range f.values {
		if *v != "" {
			q.Set(param, *v)
		}
	}
	return q
}

// complete offers the values of the filters that have few.
func (f *filters) complete(c *cobra.Command) {
	var types []string
	for _, t := range eventlog.Types() {
		types = append(types, string(t))
	}
	complete(c, "type", types...)
	complete(c, "status", "success", "failed")
	complete(c, "severity", "info", "success", "warning", "failed")
}

func newEvents() *cobra.Command {
	var t target
	var f filters
	var limit int
	var ascending, asJSON bool
	var countBy, asOf string
	c := &cobra.Command{
		Use:   "events",
		Short: "Query the events of a project, newest first",
		Example: `  dashd events --user dGOJ3 --limit 5
  dashd events --type login.failed --since 2026-11-01T00:00:00Z --json
  dashd events --user dGOJ3 --as-of 2026-11-01T00:00:00Z
  dashd events --type login.failed --count-by day`,
		Args: cobra.NoArgs,
		RunE: withClient(&t, func(c *cobra.Command, cl *client, _ []string) error {
			q := f.query()
			if asOf != "" {
				q.Set("asOf", asOf)
			}
			if countBy != "" {
				return printCounts(c.Context(), cl, c.OutOrStdout(), q, countBy, asJSON)
			}
			if ascending {
				q.Set("sort", "asc")
			}
			return printEvents(c.Context(), cl, c.OutOrStdout(), q, limit, asJSON)
		}),
	}
	t.addFlags(c.Flags())
	f.addFlags(c.Flags())
	f.complete(c)
	c.Flags().IntVar(&limit, "limit", 20, "how many")
	c.Flags().BoolVar(&ascending, "asc", false, "oldest first")
	c.Flags().StringVar(&asOf, "as-of", "", "answer as of this `moment`: an ISO 8601 time, or a seq")
	c.Flags().StringVar(&countBy, "count-by", "", "print how many there are in each hour, day or week (`unit`; UTC) instead")
	complete(c, "count-by", "hour", "day", "week")
	c.Flags().BoolVar(&asJSON, "json", false, "print one JSON object a line")
	return c
}

// printEvents prints up to limit events, page by page.
func printEvents(ctx context.Context, cl *client, w io.Writer, q url.Values, limit int, asJSON bool) error {
	const pageSize = 1000
	out := bufio.NewWriter(w)
	defer out.Flush()
	for limit > 0 {
		q.Set("limit", strconv.Itoa(min(limit, pageSize)))
		var page struct {
			Events     []json.RawMessage `json:"events"`
			NextCursor *string           `json:"nextCursor"`
		}
		if err := cl.call(ctx, "GET", "/v1/events", q, nil, &page); err != nil {
			return err
		}
		for _, e := range page.Events {
			if err := printEvent(out, e, asJSON); err != nil {
				return err
			}
		}
		limit -= len(page.Events)
		if page.NextCursor == nil || len(page.Events) == 0 {
			break
		}
		q.Set("after", *page.NextCursor)
	}
	return out.Flush()
}

// shownEvent is what the text form needs of an event of an answer.
type shownEvent struct {
	ID             string    `json:"id"`
	Seq            uint64    `json:"seq"`
	Type           string    `json:"type"`
	Timestamp      time.Time `json:"timestamp"`
	UserID         string    `json:"userId"`
	SessionID      string    `json:"sessionId"`
	OrganizationID string    `json:"organizationId"`
	ActorID        string    `json:"actorId"`
	IPAddress      string    `json:"ipAddress"`
	Erased         bool      `json:"erased"`
	Location       struct{ CountryCode string }
	Display        struct{ Message, Severity string }
}

// printEvent prints one event of an answer, as it came or as the line of text that
// replay prints too.
func printEvent(w io.Writer, e []byte, asJSON bool) error {
	if asJSON {
		_, err := w.Write(append(bytes.Clone(e), '\n'))
		return err
	}
	var s shownEvent
	if err := json.Unmarshal(e, &s); err != nil {
		return fmt.Errorf("an event of the answer: %w", err)
	}
	r := eventlog.Record{Seq: s.Seq, Event: eventlog.Event{
		ID: s.ID, Type: eventlog.Type(s.Type), Time: s.Timestamp.UnixMilli(), UserID: s.UserID, SessionID: s.SessionID,
		OrganizationID: s.OrganizationID, ActorID: s.ActorID, CountryCode: s.Location.CountryCode, Erased: s.Erased,
		Personal: eventlog.Personal{IPAddress: s.IPAddress},
	}}
	severity, _ := eventlog.ParseSeverity(s.Display.Severity) // unknown to an older command: none
	_, err := w.Write(wire.AppendText(nil, &r, s.Display.Message, severity))
	return err
}

// printable makes text from outside safe for a terminal: what would move the
// cursor or turn the writing direction is shown as an escape.
func printable(s string) string {
	s = strings.ToValidUTF8(s, "\ufffd")
	if strings.IndexFunc(s, func(r rune) bool { return !unicode.IsGraphic(r) }) < 0 {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		if unicode.IsGraphic(r) {
			b.WriteRune(r)
		} else {
			fmt.Fprintf(&b, "\\u%04x", r)
		}
	}
	return b.String()
}
