package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"dashd/internal/errs"
)

// ours calls fn for every command that is not cobra's own.
func ours(t *testing.T, fn func(t *testing.T, c *cobra.Command)) {
	t.Helper()
	var walk func(c *cobra.Command)
	walk = func(c *cobra.Command) {
		t.Run(c.CommandPath(), func(t *testing.T) { fn(t, c) })
		for _, sub := range c.Commands() {
			walk(sub)
		}
	}
	walk(newRoot())
}

func TestEveryCommandExplainsItself(t *testing.T) {
	ours(t, func(t *testing.T, c *cobra.Command) {
		if c.Short == "" || strings.HasSuffix(c.Short, ".") {
			t.Errorf("Short = %q: it must be a phrase", c.Short)
		}
		for line := range strings.Lines(c.Example) {
			if !strings.HasPrefix(line, "  ") {
				t.Errorf("a line of the example is not indented: %q", line)
			}
		}
		if !strings.Contains(c.Example, c.CommandPath()) {
			t.Errorf("Example = %q: it must show %s", c.Example, c.CommandPath())
		}
		args := append(strings.Fields(c.CommandPath())[1:], "--help")
		code, out, _ := execute(args...)
		if code != 0 || !strings.Contains(out, "Examples:\n"+c.Example) {
			t.Errorf("--help: exit code %d, and\n%s", code, out)
		}
	})
}

// The examples are commands that exist, with flags that exist.
func TestExamplesParse(t *testing.T) {
	ours(t, func(t *testing.T, c *cobra.Command) {
		for line := range strings.Lines(c.Example) {
			_, line, ok := strings.Cut(line, "dashd ")
			if !ok {
				continue
			}
			line, _, _ = strings.Cut(line, " > ")
			found, rest, err := newRoot().Find(strings.Fields(strings.ReplaceAll(line, `"Web shop"`, "shop")))
			if err != nil {
				t.Fatalf("dashd %s: %v", line, err)
			}
			if err := found.ParseFlags(rest); err != nil {
				t.Errorf("dashd %s: %v", line, err)
			}
			if err := found.ValidateArgs(found.Flags().Args()); err != nil {
				t.Errorf("dashd %s: %v", line, err)
			}
		}
	})
}

func TestCompletions(t *testing.T) {
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		if code, out, stderr := execute("completion", shell); code != 0 || !strings.Contains(out, "dashd") {
			t.Errorf("completion %s: exit code %d, %d bytes, %s", shell, code, len(out), stderr)
		}
	}
	for _, tt := range []struct{ flag, want string }{
		{"replay --format", "ndjson"},
		{"serve --log-level", "debug"},
		{"events --severity", "warning"},
		{"events --type", "user.banned"},
		{"key create --scope", "events:read"},
	} {
		args := append([]string{cobra.ShellCompNoDescRequestCmd}, strings.Fields(tt.flag)...)
		if _, out, _ := execute(append(args, "")...); !strings.Contains(out, tt.want+"\n") {
			t.Errorf("%s completes to %q, want %s among them", tt.flag, out, tt.want)
		}
	}
}

// execute runs the command in this process.
func execute(args ...string) (code int, stdout, stderr string) {
	var out, errOut bytes.Buffer
	code = run(args, strings.NewReader(""), &out, &errOut)
	return code, out.String(), errOut.String()
}

func TestRunEndsWithTheCodeOfTheError(t *testing.T) {
	code, _, stderr := execute("serve", "--log-format", "xml")
	if want := "dashd: log-format is \"xml\": it must be one of text, json\n"; code != errs.ExitIdentity || stderr != want {
		t.Errorf("exit code %d, %q; want %d, %q", code, stderr, errs.ExitIdentity, want)
	}
}

// A reader that has seen enough is no error, whether it left before the first byte
// or later.
func TestOutputThatNobodyReads(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	var stderr bytes.Buffer
	if code := run([]string{"version"}, strings.NewReader(""), w, &stderr); code != 0 || stderr.Len() > 0 {
		t.Errorf("exit code %d, stderr %q; want 0 and nothing", code, &stderr)
	}
}

func TestGuard(t *testing.T) {
	want := errors.New("no")
	for _, tt := range []struct {
		name string
		f    func() error
		code int
	}{
		{"an error passes", func() error { return want }, 1},
		{"a panic is a bug", func() error { panic("broken invariant") }, errs.ExitBug},
		{"so is one of the runtime", func() error { s := []int{}; i := len(s); s[i]++; return nil }, errs.ExitBug},
	} {
		if err := guard(tt.f)(); errs.ExitCode(err) != tt.code {
			t.Errorf("%s: %v, exit code %d, want %d", tt.name, err, errs.ExitCode(err), tt.code)
		}
	}
	if err := guard(func() error { return context.Canceled })(); !errors.Is(err, context.Canceled) {
		t.Errorf("guard = %v, want the error itself", err)
	}
}

func TestPrintable(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"Zoë 😀", "Zoë 😀"},
		{"a\x1b[31mb", `a\u001b[31mb`},
		{"a\u202eb\n", `a\u202eb\u000a`},
		{"\xff", "\ufffd"},
	} {
		if got := printable(tt.in); got != tt.want {
			t.Errorf("printable(%q) = %q, want %q", tt.in, got, tt.want)
		}
	}
}
