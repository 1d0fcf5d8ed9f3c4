package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
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

func newEvents() *cobra.Command {
	var t target
	var f filters
	var limit int
	var ascending, asJSON bool
	c := &cobra.Command{
		Use:   "events",
		Short: "Query the events of a project, newest first",
		Example: `  dashd events --user dGOJ3 --limit 5
  dashd events --type login.failed --since 2026-11-01T00:00:00Z --json`,
		Args: cobra.NoArgs,
		RunE: withClient(&t, func(c *cobra.Command, cl *client, _ []string) error {
			q := f.query()
			if ascending {
				q.Set("sort", "asc")
			}
			return printEvents(c.Context(), cl, c.OutOrStdout(), q, limit, asJSON)
		}),
	}
	t.addFlags(c.Flags())
	f.addFlags(c.Flags())
	c.Flags().IntVar(&limit, "limit", 20, "how many")
	c.Flags().BoolVar(&ascending, "asc", false, "oldest first")
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

// shownEvent is what the text form shows of an event.
type shownEvent struct {
	Seq       uint64    `json:"seq"`
	Type      string    `json:"type"`
	Timestamp time.Time `json:"timestamp"`
	UserID    string    `json:"userId"`
	IPAddress string    `json:"ipAddress"`
	Display   struct{ Message, Severity string }
}

// printEvent prints one event of an answer, as it came or as a line of text.
func printEvent(w io.Writer, e []byte, asJSON bool) error {
	if asJSON {
		_, err := fmt.Fprintf(w, "%s\n", e)
		return err
	}
	var s shownEvent
	if err := json.Unmarshal(e, &s); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "%s  #%-8d %-7s  %-28s %s%s\n",
		s.Timestamp.UTC().Format("2006-01-02T15:04:05.000Z"), s.Seq, s.Display.Severity, s.Type,
		printable(s.Display.Message), suffix("  ip=", s.IPAddress))
	return err
}

func suffix(label, v string) string {
	if v == "" {
		return ""
	}
	return label + printable(v)
}

// printable makes text from outside safe for a terminal: what would move the
// cursor or turn the writing direction is shown as an escape.
func printable(s string) string {
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

func newTail() *cobra.Command {
	var t target
	var f filters
	var after uint64
	var asJSON bool
	c := &cobra.Command{
		Use:     "tail",
		Short:   "Print events as they arrive",
		Example: "  dashd tail --severity failed,warning",
		Args:    cobra.NoArgs,
		RunE: withClient(&t, func(c *cobra.Command, cl *client, _ []string) error {
			q := f.query()
			if c.Flags().Changed("after") {
				q.Set("after", strconv.FormatUint(after, 10))
			}
			return tail(c.Context(), cl, c.OutOrStdout(), c.ErrOrStderr(), q, asJSON)
		}),
	}
	t.addFlags(c.Flags())
	f.addFlags(c.Flags())
	c.Flags().Uint64Var(&after, "after", 0, "start behind this `seq` (0: at the beginning; default: at the end)")
	c.Flags().BoolVar(&asJSON, "json", false, "print one JSON object a line")
	return c
}

// tail prints the stream until ctx ends. A broken connection is taken up again
// behind the last event that was printed.
func tail(ctx context.Context, cl *client, w, note io.Writer, q url.Values, asJSON bool) error {
	last, connected := "", false
	for {
		header := http.Header{}
		if last != "" {
			header.Set("Last-Event-Id", last)
		}
		resp, err := cl.do(ctx, "GET", "/v1/events/stream", q, header, nil)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil && !connected:
			return err
		case err != nil:
			fmt.Fprintln(note, "dashd: connection lost, trying again:", err)
		default:
			connected = true
			err = printStream(resp.Body, w, &last, asJSON)
			resp.Body.Close()
			if err != nil && ctx.Err() == nil && !errors.Is(err, io.ErrUnexpectedEOF) {
				return err
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(time.Second):
		}
	}
}

// printStream prints server-sent events until the stream ends, and keeps the id
// of the last.
func printStream(r io.Reader, w io.Writer, last *string, asJSON bool) error {
	lines := bufio.NewReaderSize(r, 64<<10)
	var id string
	for {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			return io.ErrUnexpectedEOF
		}
		line = bytes.TrimRight(line, "\n")
		if v, ok := bytes.CutPrefix(line, []byte("id: ")); ok {
			id = string(v)
		}
		if data, ok := bytes.CutPrefix(line, []byte("data: ")); ok {
			if err := printEvent(w, data, asJSON); err != nil {
				return err
			}
			*last = id
		}
	}
}
