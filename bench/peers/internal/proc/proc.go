// Package proc runs the servers of peers as processes of their own, and ends them for certain.
//
// Start reading at [Start].
package proc

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// Server is a process that was started. Its methods may be called from any goroutine.
type Server struct {
	name  string
	cmd   *exec.Cmd
	log   string // the file that takes what it prints
	ended chan struct{}
	err   error // how it ended; set before ended is closed
}

// Start starts a server that prints to the file name.log in dir. The kernel ends the server should this process end without having done so,
// however that comes about.
func Start(name, dir string, cmd *exec.Cmd) (*Server, error) {
	s := &Server{name: name, cmd: cmd, log: filepath.Join(dir, name+".log"), ended: make(chan struct{})}
	out, err := os.OpenFile(s.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer out.Close() // the child has its own
	cmd.Stdout, cmd.Stderr = out, out
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	// A group of its own keeps the terminal's SIGINT from the server: who gets it here stops the servers in order.
	cmd.SysProcAttr.Setpgid = true
	cmd.SysProcAttr.Pdeathsig = syscall.SIGTERM
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		s.err = cmd.Wait()
		close(s.ended)
	}()
	return s, nil
}

// Pid is the process.
func (s *Server) Pid() int { return s.cmd.Process.Pid }

// Ready asks until the server answers, and returns an error with the end of what it printed if it ends before, or when ctx does.
func (s *Server) Ready(ctx context.Context, ask func(context.Context) error) error {
	for {
		try, cancel := context.WithTimeout(ctx, 2*time.Second)
		err := ask(try)
		cancel()
		if err == nil {
			return nil
		}
		select {
		case <-s.ended:
			return fmt.Errorf("%s ended: %w: %s", s.name, errors.Join(s.err, err), s.tail())
		case <-ctx.Done():
			return fmt.Errorf("%s does not answer: %w: %s", s.name, err, s.tail())
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// tail is the end of what the server printed.
func (s *Server) tail() []byte {
	text, _ := os.ReadFile(s.log) // none is as good as an empty one
	return bytes.TrimSpace(text[max(0, len(text)-2000):])
}

// patience is how long a server has to end in good order.
const patience = 30 * time.Second

// Stop sends a signal and waits; one that does not end is killed, which is an error. A nil Server, and one that has ended, are stopped.
func (s *Server) Stop(sig os.Signal) error {
	if s == nil {
		return nil
	}
	select {
	case <-s.ended:
		return nil
	default:
	}
	_ = s.cmd.Process.Signal(sig) // it may have ended just now
	select {
	case <-s.ended:
		return nil
	case <-time.After(patience):
		_ = s.cmd.Process.Kill()
		<-s.ended
		return fmt.Errorf("%s did not end within %s of %s and was killed", s.name, patience, sig)
	}
}

// Ports returns so many ports of loopback that nobody listens on.
func Ports(n int) ([]int, error) {
	ports := make([]int, n)
	for i := range ports {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer l.Close() // all at the end, so that no two are the same
		ports[i] = l.Addr().(*net.TCPAddr).Port
	}
	return ports, nil
}

// Output runs a program to its end, which comes early if ctx ends, and returns what it printed.
func Output(ctx context.Context, cmd *exec.Cmd) ([]byte, error) {
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { _ = cmd.Process.Kill() })
	defer stop()
	err := cmd.Wait()
	return bytes.TrimSpace(out.Bytes()), err
}
