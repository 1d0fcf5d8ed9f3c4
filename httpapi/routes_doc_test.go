package httpapi_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"dashd/httpapi"
)

var update = flag.Bool("update", false, "write the documents that are made from the code")

// docs/routes.md is the route table, for people.
func TestRoutesDocument(t *testing.T) {
	const file = "../docs/routes.md"
	got := []byte(routesDocument())
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is not the route table; go test ./httpapi -run TestRoutesDocument -update", file)
	}
}

func routesDocument() string {
	var b strings.Builder
	b.WriteString(`# Routes

Everything dashd answers, from the route table (` + "`httpapi/routes*.go`; `go test ./httpapi -run TestRoutesDocument -update`" + ` writes this file).
*Scope* is what an API key needs, *public* none, *any* any good key; *users too*: an application's user may ask as well, with a signed token; *now*: a
read that does not take ` + "`asOf`" + `. *Events* are what a
request may append. *Section* is that of the endpoint contract. A path of the column *Also at* answers the same, and so does every path under
` + "`/dash/` and `/events/` with `/api/auth`" + ` in front.

`)
	groups := []struct{ title, prefix string }{
		{"Users and sessions", "/dash/user /dash/session /dash/check /dash/export-users /dash/send /dash/unlink /dash/complete /dash/ban /dash/delete"},
		{"Organizations", "/dash/organization /dash/export-organizations"},
		{"The dashboard itself, and analytics", "/dash/"},
		{"Events", "/events/ /ingest/ /v1/events /api/events"},
		{"The node", "/"},
	}
	rows := httpapi.Routes()
	written := make([]bool, len(rows))
	for _, g := range groups {
		fmt.Fprintf(&b, "## %s\n\n| Method | Path | Also at | Scope | Command | Events | Section |\n|---|---|---|---|---|---|---|\n", g.title)
		for i, rt := range rows {
			if !written[i] && hasPrefix(rt.Pattern, strings.Fields(g.prefix)) {
				written[i] = true
				b.WriteString(documented(rt))
			}
		}
		b.WriteString("\n")
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// documented is a row of the route table as a row of the document.
func documented(rt httpapi.Route) string {
	var events []string
	for _, t := range rt.Events {
		events = append(events, string(t))
	}
	scope := rt.Scope
	if rt.EndUsers {
		scope += ", users too"
	}
	if rt.Present != "" {
		scope += "; now"
	}
	return fmt.Sprintf("| %s | %s | %s | %s | %s | %s | %s |\n",
		rt.Method, rt.Pattern, strings.Join(rt.Aliases, "<br>"), scope, rt.Command, strings.Join(events, "<br>"), rt.Section)
}

func hasPrefix(text string, prefixes []string) bool {
	for _, p := range prefixes {
		if strings.HasPrefix(text, p) {
			return true
		}
	}
	return false
}
