package e2e_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
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
	*process
	url string
}

// startApp runs the application against the backend at dashdURL.
func startApp(t *testing.T, dashdURL string) *app {
	t.Helper()
	p := start(t, "the application", []string{
		"DASHD_URL=" + dashdURL, "DASHD_API_KEY=" + apiKey, "PORT=0", "E2E=1", "NO_COLOR=1",
	}, exampleDir(t), "node", "server.mjs")
	url, ok := strings.CutPrefix(p.line(t), "listening on ")
	if !ok {
		t.Fatalf("the application does not say where it listens but %q", url)
	}
	return &app{process: p, url: url}
}

// driver plays the users of the application, one step at a time.
type driver struct {
	*process
}

// step is what the driver has just done and the events that it causes.
type step struct {
	Name   string   `json:"step"`
	Events []string `json:"events"`
}

// cast is who and what exists after the last step.
type cast struct {
	Users map[string]struct {
		ID     string `json:"id"`
		Cookie string `json:"cookie"`
	} `json:"users"`
	Organizations map[string]string `json:"organizations"`
}

func startDriver(t *testing.T, a *app) *driver {
	t.Helper()
	env := []string{"APP_URL=" + a.url}
	return &driver{start(t, "drive.mjs", env, exampleDir(t), "node", "drive.mjs", "--lockstep")}
}

// next waits until the driver has done its next step. After the last one it
// returns the cast and false.
func (d *driver) next(t *testing.T) (s step, c cast, more bool) {
	t.Helper()
	line := d.line(t)
	if err := json.Unmarshal([]byte(line), &s); err != nil {
		t.Fatalf("drive.mjs printed %q", line)
	}
	if s.Name != "" {
		return s, c, true
	}
	decode(t, []byte(line), &c)
	return s, c, false
}

// goOn lets the driver begin its next step.
func (d *driver) goOn(t *testing.T) {
	t.Helper()
	if _, err := d.stdin.Write([]byte("\n")); err != nil {
		t.Fatal(err)
	}
}
