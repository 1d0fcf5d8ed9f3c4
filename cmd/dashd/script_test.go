package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"dashd": main})
}

// TestScripts runs the command as its users do. Beside the commands of testscript
// there are:
//
//	serve NAME [flags]        start a node, alone unless --cluster is given, and wait until it is
//	                          ready; sets $NAME_URL
//	shutdown NAME, crash NAME end it with SIGTERM, which must succeed, or SIGKILL
//	ended NAME N              wait until a node has ended by itself, with this exit code
//	code N dashd [args]       run the command, which must end with this exit code
//	lines N dashd [args]      run the command until it has printed n lines, then stop it
//	post KEY URL FILE         send a file as JSON; stdout is the status and the answer
//	cut FILE N                cut a file to n bytes
//	mode FILE OCTAL           the file must have this mode
//	address NAME              set $NAME to an address that nobody listens at
//	plant DIR OLD NEW         give a stopped node a checkpoint of a log with another text in it
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: false,
		Setup: func(env *testscript.Env) error {
			env.Values["nodes"] = map[string]*scriptNode{}
			data, err := filepath.Abs("../../geo/default.mmdb")
			env.Setenv("GEO_DATA", data) // a good geo database
			return err
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"serve":    scriptServe,
			"shutdown": func(ts *testscript.TestScript, neg bool, args []string) { scriptEnd(ts, args[0], syscall.SIGTERM) },
			"crash":    func(ts *testscript.TestScript, neg bool, args []string) { scriptEnd(ts, args[0], syscall.SIGKILL) },
			"code":     scriptCode,
			"lines":    scriptLines,
			"plant":    scriptPlant,
			"post":     scriptPost,
			"address":  scriptAddress,
			"ended":    scriptEnded,
			"cut": func(ts *testscript.TestScript, neg bool, args []string) {
				ts.Check(os.Truncate(ts.MkAbs(args[0]), int64(number(ts, args[1]))))
			},
			"mode": func(ts *testscript.TestScript, neg bool, args []string) {
				info, err := os.Stat(ts.MkAbs(args[0]))
				ts.Check(err)
				if got := fmt.Sprintf("%04o", info.Mode().Perm()); got != args[1] {
					ts.Fatalf("%s has mode %s, want %s", args[0], got, args[1])
				}
			},
		},
	})
}

// patience is how long a command may take for what takes milliseconds on an idle
// machine.
const patience = time.Minute

type scriptNode struct {
	cmd    *exec.Cmd
	ended  chan error
	stderr bytes.Buffer
}

func number(ts *testscript.TestScript, s string) int {
	n, err := strconv.Atoi(s)
	ts.Check(err)
	return n
}

// command prepares a command with the environment of the script.
func command(ts *testscript.TestScript, args ...string) *exec.Cmd {
	path, err := exec.LookPath(args[0])
	ts.Check(err)
	cmd := exec.Command(path, args[1:]...)
	cmd.Dir = ts.MkAbs(".")
	cmd.Env = []string{"PATH=" + ts.Getenv("PATH"), "WORK=" + ts.Getenv("WORK")}
	for _, name := range []string{bootstrapVariable, "DASHD_DATA_DIR"} {
		if v := ts.Getenv(name); v != "" {
			cmd.Env = append(cmd.Env, name+"="+v)
		}
	}
	return cmd
}

func scriptServe(ts *testscript.TestScript, neg bool, args []string) {
	n := &scriptNode{ended: make(chan error, 1)}
	flags := []string{"dashd", "serve", "--http", "127.0.0.1:0", "--ballast", "0"}
	if !slices.Contains(args, "--cluster") {
		flags = append(flags, "--cluster", "off") // scripts run side by side, and there is one default
	}
	n.cmd = command(ts, append(flags, args[1:]...)...)
	n.cmd.Stderr = &n.stderr
	out, err := n.cmd.StdoutPipe()
	ts.Check(err)
	ts.Check(n.cmd.Start())
	ready := make(chan string, 1)
	go func() { // ends with the node, for which the deferred function waits
		first, all := "", bufio.NewScanner(out)
		for all.Scan() {
			if first == "" {
				first = all.Text()
				ready <- first
			}
		}
		close(ready)
		n.ended <- n.cmd.Wait()
	}()
	ts.Defer(func() {
		_ = n.cmd.Process.Kill()
		<-n.ended
	})
	select {
	case line := <-ready:
		_, rest, ok := strings.Cut(line, "dashd is ready at ")
		if !ok {
			err := <-n.ended
			n.ended <- err
			ts.Fatalf("the node did not start: %v\n%s", err, n.stderr.Bytes())
		}
		url, _, _ := strings.Cut(rest, " ")
		ts.Setenv(args[0]+"_URL", url)
	case <-time.After(patience):
		ts.Fatalf("the node does not become ready")
	}
	ts.Value("nodes").(map[string]*scriptNode)[args[0]] = n
}

func scriptEnd(ts *testscript.TestScript, name string, sig syscall.Signal) {
	n := ts.Value("nodes").(map[string]*scriptNode)[name]
	ts.Check(n.cmd.Process.Signal(sig))
	select {
	case err := <-n.ended:
		n.ended <- err
		if sig == syscall.SIGTERM && err != nil {
			ts.Fatalf("the node ended with %v\n%s", err, n.stderr.Bytes())
		}
	case <-time.After(patience):
		ts.Fatalf("the node does not end")
	}
}

func scriptCode(ts *testscript.TestScript, neg bool, args []string) {
	cmd := command(ts, args[1:]...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		ts.Fatalf("%v", err)
	}
	fmt.Fprint(ts.Stdout(), stdout.String())
	fmt.Fprint(ts.Stderr(), stderr.String())
	if got := cmd.ProcessState.ExitCode(); got != number(ts, args[0]) {
		ts.Fatalf("exit code %d, want %s\n%s", got, args[0], stderr.Bytes())
	}
}

func scriptLines(ts *testscript.TestScript, neg bool, args []string) {
	cmd := command(ts, args[1:]...)
	out, err := cmd.StdoutPipe()
	ts.Check(err)
	ts.Check(cmd.Start())
	timeout := time.AfterFunc(patience, func() { _ = cmd.Process.Kill() })
	defer timeout.Stop()
	lines := bufio.NewScanner(out)
	for range number(ts, args[0]) {
		if !lines.Scan() {
			_ = cmd.Wait()
			ts.Fatalf("the command ended before it had printed %s lines", args[0])
		}
		fmt.Fprintln(ts.Stdout(), lines.Text())
	}
	ts.Check(cmd.Process.Signal(syscall.SIGTERM))
	_, _ = io.Copy(io.Discard, out)
	ts.Check(cmd.Wait())
}

func scriptPost(ts *testscript.TestScript, neg bool, args []string) {
	req, err := http.NewRequest(http.MethodPost, args[1], strings.NewReader(ts.ReadFile(args[2])))
	ts.Check(err)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-Api-Key", args[0])
	resp, err := http.DefaultClient.Do(req)
	ts.Check(err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	ts.Check(err)
	fmt.Fprintf(ts.Stdout(), "%d %s\n", resp.StatusCode, body)
}

// scriptAddress finds a free port of the loopback interface.
func scriptAddress(ts *testscript.TestScript, _ bool, args []string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	ts.Setenv(args[0], l.Addr().String())
	ts.Check(l.Close())
}

func scriptEnded(ts *testscript.TestScript, _ bool, args []string) {
	n := ts.Value("nodes").(map[string]*scriptNode)[args[0]]
	select {
	case err := <-n.ended:
		n.ended <- err
		if got := n.cmd.ProcessState.ExitCode(); got != number(ts, args[1]) {
			ts.Fatalf("the node has ended with %d, want %s\n%s", got, args[1], n.stderr.Bytes())
		}
	case <-time.After(patience):
		ts.Fatalf("the node goes on")
	}
}
