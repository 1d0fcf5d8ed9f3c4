package e2e_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"dashd/internal/dashdtest"
)

// exampleDir returns the folder of the Better Auth application.
func exampleDir(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("../../examples/better-auth")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := exec.LookPath("node"); err != nil {
		t.Fatal("this test needs Node.js 20 or later (or run go test -short)")
	}
	if _, err := os.Stat(filepath.Join(dir, "node_modules")); err != nil {
		t.Fatal("the packages of examples/better-auth are not installed: run scripts/npm-ci (or go test -short)")
	}
	return dir
}

// app is the running Better Auth application.
type app struct {
	*dashdtest.Process
	url string
}

// startApp runs the application against the backend at dashdURL.
func startApp(t *testing.T, dashdURL string) *app {
	t.Helper()
	p := dashdtest.Start(t, "the application", []string{
		"DASHD_URL=" + dashdURL, "DASHD_API_KEY=" + apiKey, "PORT=0", "E2E=1", "NO_COLOR=1",
	}, exampleDir(t), "node", "server.mjs")
	url, ok := strings.CutPrefix(p.Line(t), "listening on ")
	if !ok {
		t.Fatalf("the application does not say where it listens but %q", url)
	}
	return &app{Process: p, url: url}
}

// cast is who and what exists when the play is over.
type cast struct {
	Users map[string]struct {
		ID     string `json:"id"`
		Cookie string `json:"cookie"`
	} `json:"users"`
	Organizations map[string]string `json:"organizations"`
}

// play lets drive.mjs play the users of the application, one step at a time,
// and returns all events in the order in which the plugin sent them. Each step
// must have caused exactly the events that drive.mjs says it causes. After it,
// and before the next one, between is called.
func play(t *testing.T, a *app, proxy *recorder, between func(step string, events []sent)) ([]sent, cast) {
	t.Helper()
	driver := dashdtest.Start(t, "drive.mjs", []string{"APP_URL=" + a.url}, exampleDir(t), "node", "drive.mjs", "--lockstep")
	var events []sent
	for {
		var said struct {
			Step   string   `json:"step"`
			Events []string `json:"events"`
			cast            // in the last line, which is no step
		}
		decode(t, []byte(driver.Line(t)), &said)
		if said.Step == "" {
			return events, said.cast
		}
		all := parseSent(t, proxy.tracked(t, len(events)+len(said.Events)), proxy.mayGo)
		slices.Sort(said.Events)
		if got := types(all[len(events):]); !slices.Equal(got, said.Events) {
			t.Fatalf("%s: the plugin sent %v, expected %v", said.Step, got, said.Events)
		}
		events = all
		between(said.Step, events)
		if _, err := driver.Stdin.Write([]byte("\n")); err != nil {
			t.Fatal(err)
		}
	}
}
