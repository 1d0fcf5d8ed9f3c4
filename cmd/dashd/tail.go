package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/spf13/cobra"
)

func newTail() *cobra.Command {
	var t target
	var f filters
	var after uint64
	var asJSON bool
	c := &cobra.Command{
		Use:   "tail",
		Short: "Print events as they arrive",
		Long: `tail prints the events of a project in the order of the log, as they arrive. When
the connection is lost it is taken up again behind the last event: no event is left
out and none is printed twice.`,
		Example: `  dashd tail
  dashd tail --severity failed,warning --json`,
		Args: cobra.NoArgs,
		RunE: withClient(&t, func(c *cobra.Command, cl *client, _ []string) error {
			tl := tailer{client: cl, query: f.query(), asJSON: asJSON, out: c.OutOrStdout(), note: c.ErrOrStderr(), pause: time.Second}
			if c.Flags().Changed("after") {
				tl.last = strconv.FormatUint(after, 10)
			}
			return tl.run(c.Context())
		}),
	}
	t.addFlags(c.Flags())
	f.addFlags(c.Flags())
	f.complete(c)
	c.Flags().Uint64Var(&after, "after", 0, "start behind this `seq` (0: at the beginning; default: at the end)")
	c.Flags().BoolVar(&asJSON, "json", false, "print one JSON object a line")
	return c
}

// tailer prints the stream of events.
type tailer struct {
	client    *client
	query     url.Values
	asJSON    bool
	out, note io.Writer
	last      string        // seq behind which the stream goes on; "" until it is known
	pause     time.Duration // before it connects again
}

// run prints events until ctx ends, the output cannot be written, or the node
// refuses.
func (t *tailer) run(ctx context.Context) error {
	connected, lost := false, false
	for {
		err := t.connect(ctx, func() { connected, lost = true, false })
		var answer *apiError
		switch {
		case ctx.Err() != nil:
			return nil
		case !connected, errors.As(err, &answer) && answer.final():
			return err
		case !errors.Is(err, errLost) && answer == nil:
			return err
		case !lost:
			lost = true
			fmt.Fprintln(t.note, "dashd: the connection is lost; trying to go on behind seq", t.last)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(t.pause):
		}
	}
}

// errLost says that the node is gone, for now.
var errLost = errors.New("the connection to the node is lost")

// connect prints the stream until it breaks, which is errLost. It calls up when the
// node has answered.
func (t *tailer) connect(ctx context.Context, up func()) error {
	if t.last == "" {
		if err := t.begin(ctx); err != nil {
			return err
		}
	}
	resp, err := t.client.do(ctx, http.MethodGet, "/v1/events/stream", t.query, http.Header{"Last-Event-Id": {t.last}}, nil)
	if err != nil {
		return lostOr(err)
	}
	defer resp.Body.Close()
	up()
	return t.print(resp.Body)
}

// begin finds the end of the log. A stream that begins "now" would begin later when
// it is taken up again.
func (t *tailer) begin(ctx context.Context) error {
	resp, err := t.client.do(ctx, http.MethodGet, "/v1/events", url.Values{"limit": {"1"}}, nil, nil)
	if err != nil {
		return lostOr(err)
	}
	defer resp.Body.Close()
	if t.last = resp.Header.Get("Dashd-Seq"); t.last == "" {
		return errors.New("the answer does not say where the log ends: is this dashd?")
	}
	return nil
}

// lostOr is err if the node said it, and errLost if it said nothing.
func lostOr(err error) error {
	var answer *apiError
	if errors.As(err, &answer) {
		return err
	}
	return fmt.Errorf("%w: %w", errLost, err)
}

// print prints server-sent events until the stream ends.
func (t *tailer) print(r io.Reader) error {
	lines := bufio.NewReaderSize(r, 64<<10)
	var id string
	for {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			return fmt.Errorf("%w: %w", errLost, err)
		}
		line = bytes.TrimRight(line, "\n")
		if v, ok := bytes.CutPrefix(line, []byte("id: ")); ok {
			id = string(v)
		}
		if data, ok := bytes.CutPrefix(line, []byte("data: ")); ok {
			if err := printEvent(t.out, data, t.asJSON); err != nil {
				return err
			}
			t.last = id
		}
	}
}
