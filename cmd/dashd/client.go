package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"dashd/projections"
)

// target says which node a command talks to.
type target struct {
	dataDir, server, key, project string
}

func (t *target) addFlags(fs *pflag.FlagSet) {
	fs.StringVar(&t.dataDir, "data-dir", envOr("DASHD_DATA_DIR", "dashd-data"), "data `directory` of a node on this machine (its admin socket is used)")
	fs.StringVar(&t.server, "server", os.Getenv(serverVariable), "`URL` of a node elsewhere, instead of --data-dir")
	fs.StringVar(&t.key, "key", "", "API `key` for --server (better: "+keyVariable+")")
	fs.StringVar(&t.project, "project", "", "project to ask about (default: that of the key; default over the admin socket: default)")
}

func envOr(name, def string) string {
	if v := os.Getenv(name); v != "" {
		return v
	}
	return def
}

// client talks to a running node.
type client struct {
	http    *http.Client
	base    string
	key     string
	project string
}

// open returns a client for t.
func (t *target) open() (*client, error) {
	if t.server != "" {
		key := t.key
		if key == "" {
			key = os.Getenv(keyVariable) // no default of the flag, which --help would print
		}
		if key == "" {
			return nil, errors.New("--server needs a key: set " + keyVariable)
		}
		return &client{http: http.DefaultClient, base: strings.TrimSuffix(t.server, "/"), key: key, project: t.project}, nil
	}
	running, err := runs(t.dataDir)
	if err != nil {
		return nil, err
	}
	if !running {
		return nil, fmt.Errorf("no node is running with --data-dir %s; start one with \"dashd serve\", or name one elsewhere with --server", t.dataDir)
	}
	transport := &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) { return dialAdmin(t.dataDir) }}
	project := t.project
	if project == "" {
		project = projections.DefaultProject
	}
	return &client{http: &http.Client{Transport: transport}, base: "http://dashd", project: project}, nil
}

// do sends a request and returns the answer, which the caller closes, if it is a
// 2xx, and the answer's message as an error if not.
func (c *client) do(ctx context.Context, method, path string, query url.Values, header http.Header, body io.Reader) (*http.Response, error) {
	resp, err := c.send(ctx, method, path, query, header, body)
	if err != nil || resp.StatusCode/100 == 2 {
		return resp, err
	}
	defer resp.Body.Close()
	return nil, refusal(resp)
}

// apiError is an answer other than 2xx.
type apiError struct {
	status        int
	code, message string
}

func (e *apiError) Error() string {
	if e.code == "" {
		return fmt.Sprintf("HTTP %d: %s", e.status, e.message)
	}
	return fmt.Sprintf("%s (%s, HTTP %d)", e.message, e.code, e.status)
}

// final reports whether asking again would be answered the same.
func (e *apiError) final() bool {
	return e.status/100 == 4 && e.status != http.StatusTooManyRequests && e.status != http.StatusRequestTimeout
}

// refusal is the error that an answer other than 2xx tells of.
func refusal(resp *http.Response) error {
	text, _ := io.ReadAll(io.LimitReader(resp.Body, 64<<10)) // what there is of it
	var e struct{ Message, Code string }
	if json.Unmarshal(text, &e) == nil && e.Message != "" {
		return &apiError{resp.StatusCode, e.Code, printable(e.Message)}
	}
	return &apiError{resp.StatusCode, "", printable(string(bytes.TrimSpace(text)))}
}

// send sends a request and returns the answer, whatever it is.
func (c *client) send(ctx context.Context, method, path string, query url.Values, header http.Header, body io.Reader) (*http.Response, error) {
	if query == nil {
		query = url.Values{}
	}
	if c.project != "" {
		query.Set("project", c.project)
	}
	req, err := http.NewRequestWithContext(ctx, method, c.base+path+"?"+query.Encode(), body)
	if err != nil {
		return nil, err
	}
	for k, v := range header {
		req.Header[k] = v
	}
	if c.key != "" {
		req.Header.Set("X-Api-Key", c.key)
	}
	if body != nil && req.Header.Get("Content-Type") == "" {
		req.Header.Set("Content-Type", "application/json")
	}
	return c.http.Do(req)
}

// call sends in as JSON, if it is not nil, and reads the answer into out.
func (c *client) call(ctx context.Context, method, path string, query url.Values, in, out any) error {
	var body io.Reader
	if in != nil {
		text, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(text)
	}
	resp, err := c.do(ctx, method, path, query, nil, body)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	return json.NewDecoder(resp.Body).Decode(out)
}

// printJSON prints v for machines.
func printJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// moment prints a time for people.
func moment(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// printTable prints rows for people; the first is the heading.
func printTable(w io.Writer, rows [][]string) error {
	tw := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	for _, r := range rows {
		for i, cell := range r {
			if i > 0 {
				fmt.Fprint(tw, "\t") // its errors come from Flush
			}
			fmt.Fprint(tw, printable(cell))
		}
		fmt.Fprintln(tw)
	}
	return tw.Flush()
}

// complete offers values for a flag to the completion of a shell.
func complete(c *cobra.Command, flag string, values ...string) {
	if err := c.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp)); err != nil {
		panic(err) // the flag is not declared
	}
}

// withClient is the body of most commands: it opens the node and calls fn.
func withClient(t *target, fn func(c *cobra.Command, cl *client, args []string) error) func(*cobra.Command, []string) error {
	return func(c *cobra.Command, args []string) error {
		cl, err := t.open()
		if err != nil {
			return err
		}
		return fn(c, cl, args)
	}
}
