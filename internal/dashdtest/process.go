package dashdtest

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Patience is how long a program may take for what takes milliseconds on an idle
// machine.
const Patience = 60 * time.Second

// Process is a program under test.
type Process struct {
	Stdin io.WriteCloser
	Done  chan struct{} // closed when the program has ended

	name   string
	cmd    *exec.Cmd
	lines  chan string // of stdout; closed when the program has closed it
	output lockedBuffer
	err    error // how it ended; read after Done
	stuck  bool  // it has been asked where it is; only the test's goroutine
}

// Start runs a program until the test's end at the latest. env is added to the
// test's own environment, from which the settings of dashd are taken away.
func Start(t testing.TB, name string, env []string, dir string, argv ...string) *Process {
	t.Helper()
	p := &Process{
		name:  name,
		cmd:   exec.Command(argv[0], argv[1:]...),
		lines: make(chan string, 1024),
		Done:  make(chan struct{}),
	}
	p.cmd.Dir, p.cmd.Env = dir, append(environ(), env...)
	stdin, err := p.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.Stdin = stdin
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.cmd.Stderr = &p.output
	if err := p.cmd.Start(); err != nil {
		t.Fatalf("start %s: %v", name, err)
	}
	go p.read(stdout) // ends with the program, for which the cleanup below waits
	t.Cleanup(func() {
		p.end()
		if t.Failed() {
			t.Logf("output of %s (%v):\n%s", name, p.err, Tail(p.Output(), 64<<10))
		}
	})
	return p
}

// end kills the program, unless it is about to end with its stacks printed.
func (p *Process) end() {
	if p.stuck {
		select {
		case <-p.Done:
		case <-time.After(Patience):
		}
	}
	_ = p.cmd.Process.Kill()
	<-p.Done
}

func (p *Process) read(stdout io.Reader) {
	defer close(p.Done)
	scanner := bufio.NewScanner(stdout)
	scanner.Buffer(nil, 1<<20)
	for scanner.Scan() {
		fmt.Fprintln(&p.output, scanner.Text())
		select {
		case p.lines <- scanner.Text():
		default: // nobody reads the lines of a program this talkative
		}
	}
	close(p.lines)
	p.err = p.cmd.Wait()
}

// environ is the test's own environment without the settings of dashd, which
// would reach the node under test.
func environ() []string {
	return slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "DASHD_") })
}

// PID is the process id.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Output is what the program has printed so far, standard output and error.
func (p *Process) Output() string { return p.output.String() }

// Signal sends sig and waits until the program has ended.
func (p *Process) Signal(t testing.TB, sig os.Signal) {
	t.Helper()
	if err := p.Send(sig); err != nil {
		t.Fatalf("%s to %s: %v", sig, p.name, err)
	}
	p.Wait(t)
}

// Send sends sig, to a program that may have ended already.
func (p *Process) Send(sig os.Signal) error {
	if err := p.cmd.Process.Signal(sig); !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	return nil
}

// Wait waits until the program has ended and returns its exit code, -1 if a
// signal ended it.
func (p *Process) Wait(t testing.TB) int {
	t.Helper()
	select {
	case <-p.Done:
		return p.cmd.ProcessState.ExitCode()
	case <-time.After(Patience):
		t.Fatalf("%s does not end", p.name)
	}
	panic("unreachable")
}

// Err is how the program ended: nil for exit code 0. It may be called once Done
// is closed.
func (p *Process) Err() error { return p.err }

// Line returns the next line of the program's standard output.
func (p *Process) Line(t testing.TB) string {
	t.Helper()
	line, ok := p.next(t)
	if !ok {
		t.Fatalf("%s ended too early: %v", p.name, p.err)
	}
	return line
}

// next returns the next line, or false once the program has ended.
func (p *Process) next(t testing.TB) (line string, ok bool) {
	t.Helper()
	select {
	case line, ok := <-p.lines:
		if !ok {
			<-p.Done
		}
		return line, ok
	case <-time.After(Patience):
		p.stuck = true
		_ = p.Send(syscall.SIGQUIT) // a Go program says where it is
		t.Fatalf("%s prints nothing", p.name)
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

// Tail returns the last n bytes of a program's output.
func Tail(output string, n int) string {
	if len(output) <= n {
		return output
	}
	return "...\n" + output[len(output)-n:]
}
