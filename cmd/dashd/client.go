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
	"path/filepath"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// socketName is the local admin socket in a node's data directory.
const socketName = "admin.sock"

// target says which node a command talks to.
type target struct {
	dataDir, server, key, project string
}

func (t *target) addFlags(fs *pflag.FlagSet) {
	fs.StringVar(&t.dataDir, "data-dir", envOr("DASHD_DATA_DIR", "dashd-data"), "data `directory` of a node on this machine (its admin socket is used)")
	fs.StringVar(&t.server, "server", os.Getenv("DASHD_SERVER"), "`URL` of a node elsewhere, instead of --data-dir")
	fs.StringVar(&t.key, "key", os.Getenv("DASHD_KEY"), "API `key` for --server (better: DASHD_KEY)")
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
		if t.key == "" {
			return nil, errors.New("--server needs a key: set DASHD_KEY")
		}
		return &client{http: http.DefaultClient, base: strings.TrimSuffix(t.server, "/"), key: t.key, project: t.project}, nil
	}
	socket := filepath.Join(t.dataDir, socketName)
	if _, err := os.Stat(socket); err != nil {
		return nil, fmt.Errorf("no node is running with --data-dir %s (no %s there); start one with \"dashd serve\", or name one with --server", t.dataDir, socketName)
	}
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "unix", socket)
	}}
	project := t.project
	if project == "" {
		project = "default"
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

// refusal is the error that an answer other than 2xx tells of.
func refusal(resp *http.Response) error {
	text, _ := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	var e struct{ Message, Code string }
	if json.Unmarshal(text, &e) == nil && e.Message != "" {
		return fmt.Errorf("%s (%s, HTTP %d)", e.Message, e.Code, resp.StatusCode)
	}
	return fmt.Errorf("HTTP %d: %s", resp.StatusCode, bytes.TrimSpace(text))
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

// printTable prints rows for people; the first is the heading.
func printTable(w io.Writer, rows [][]string) error {
	tw := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	for _, r := range rows {
		fmt.Fprintln(tw, strings.Join(r, "\t"))
	}
	return tw.Flush()
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
