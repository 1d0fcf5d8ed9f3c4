package e2e_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// process is a program under test. Its output goes to the test's log if the
// test fails.
type process struct {
	cmd   *exec.Cmd
	stdin io.WriteCloser
	lines chan string   // of stdout; closed when the program has closed it
	done  chan struct{} // closed when the program has ended
	err   error         // how it ended; read after done
}

// start runs a program until the test's end at the latest.
func start(t *testing.T, name string, env []string, dir string, argv ...string) *process {
	t.Helper()
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Dir, cmd.Env = dir, append(environ(), env...)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var output lockedBuffer
	cmd.Stderr = &output
	if err := cmd.Start(); err != nil {
		t.Fatalf("start %s: %v", name, err)
	}

	p := &process{cmd: cmd, stdin: stdin, lines: make(chan string, 1024), done: make(chan struct{})}
	go func() { // ends with the program, for which the cleanup below waits
		defer close(p.done)
		scanner := bufio.NewScanner(stdout)
		scanner.Buffer(nil, 1<<20)
		for scanner.Scan() {
			fmt.Fprintln(&output, scanner.Text())
			select {
			case p.lines <- scanner.Text():
			default: // nobody reads the lines of a program this talkative
			}
		}
		close(p.lines)
		p.err = cmd.Wait()
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-p.done
		if t.Failed() {
			t.Logf("output of %s (%v):\n%s", name, p.err, output.String())
		}
	})
	return p
}

// environ is the test's own environment without the settings of dashd, which
// would reach the node under test.
func environ() []string {
	return slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "DASHD_") })
}

// signal sends sig and waits until the program has ended.
func (p *process) signal(t *testing.T, sig os.Signal) {
	t.Helper()
	if err := p.cmd.Process.Signal(sig); err != nil {
		t.Fatalf("%s to %s: %v", sig, p.cmd.Path, err)
	}
	select {
	case <-p.done:
	case <-time.After(patience):
		t.Fatalf("%s does not end after %s", p.cmd.Path, sig)
	}
}

// line returns the next line of the program's standard output.
func (p *process) line(t *testing.T) string {
	t.Helper()
	select {
	case line, ok := <-p.lines:
		if !ok {
			<-p.done
			t.Fatalf("%s ended too early: %v", p.cmd.Path, p.err)
		}
		return line
	case <-time.After(patience):
		t.Fatalf("%s prints nothing", p.cmd.Path)
	}
	panic("unreachable")
}

// lockedBuffer is a bytes.Buffer for several writers.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
