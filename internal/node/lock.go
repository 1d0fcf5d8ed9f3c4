package node

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"dashd/internal/errs"
)

// lockDir takes the data directory for this process. The system drops the lock
// when the process ends, however it ends.
func lockDir(dir string) (unlock func() error, err error) {
	path := filepath.Join(dir, "lock")
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, errs.Stop(errs.ExitIO, fmt.Errorf("lock the data directory: %w", err))
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		defer f.Close()
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, errs.Stop(errs.ExitIO, fmt.Errorf("lock %s: %w", path, err))
		}
		holder, _ := os.ReadFile(path) // only to say more
		return nil, errs.Stop(errs.ExitIdentity, fmt.Errorf("another dashd (process %s) is using %s; stop it, or use another --data-dir",
			strings.TrimSpace(string(holder)), dir))
	}
	if err := f.Truncate(0); err == nil {
		_, _ = fmt.Fprintln(f, os.Getpid()) // only for the message above
	}
	return f.Close, nil
}
