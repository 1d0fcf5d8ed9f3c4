package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"syscall"

	"dashd/internal/errs"
)

// socketName is the local admin socket in a node's data directory.
const socketName = "admin.sock"

// maxSocketPath is how long the path of a Unix socket may be on the systems that
// have the least room for it.
const maxSocketPath = 103

// listenAdmin opens the admin socket, whose peers may do everything: only the
// owner of the data directory can connect. The caller holds the lock of the
// directory, so a socket that is there is a dead node's.
func listenAdmin(dir string) (net.Listener, error) {
	path := filepath.Join(dir, socketName)
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, errs.Stop(errs.ExitIO, fmt.Errorf("remove the old admin socket: %w", err))
	}
	short, done, err := socketPath(dir)
	if err != nil {
		return nil, err
	}
	defer done()
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: short, Net: "unix"})
	if err != nil {
		return nil, errs.Stop(errs.ExitIO, fmt.Errorf("open the admin socket: %w", err))
	}
	l.SetUnlinkOnClose(false) // the short path leads nowhere by then; see closeAdmin
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, errs.Stop(errs.ExitIO, errors.Join(fmt.Errorf("protect the admin socket: %w", err), l.Close()))
	}
	return l, nil
}

// closeAdmin takes the socket's name away while the lock of the directory is still
// held.
func closeAdmin(dir string) {
	_ = os.Remove(filepath.Join(dir, socketName)) // one that stays refuses connections
}

// dialAdmin connects to the node that runs in dir.
func dialAdmin(dir string) (net.Conn, error) {
	path, done, err := socketPath(dir)
	if err != nil {
		return nil, err
	}
	defer done()
	return net.Dial("unix", path)
}

// runs reports whether a node runs in dir. A node that was killed leaves a socket
// that nobody listens on.
func runs(dir string) (bool, error) {
	conn, err := dialAdmin(dir)
	switch {
	case err == nil:
		return true, conn.Close()
	case errors.Is(err, os.ErrNotExist), errors.Is(err, syscall.ENOTDIR), errors.Is(err, syscall.ECONNREFUSED):
		return false, nil
	}
	return false, fmt.Errorf("connect to the node in %s: %w", dir, err)
}

// socketPath returns a path of the admin socket of dir that fits in a socket's
// address, good until done is called: a long one is entered through the
// directory's file descriptor.
func socketPath(dir string) (path string, done func(), err error) {
	path = filepath.Join(dir, socketName)
	if len(path) <= maxSocketPath {
		return path, func() {}, nil
	}
	if runtime.GOOS != "linux" {
		return "", nil, refuse("the data directory's path is too long for a socket (%s: %d bytes, %d fit); choose a shorter --data-dir",
			path, len(path), maxSocketPath)
	}
	d, err := os.Open(dir)
	if err != nil {
		return "", nil, err
	}
	return fmt.Sprintf("/proc/self/fd/%d/%s", d.Fd(), socketName), func() { _ = d.Close() }, nil
}
