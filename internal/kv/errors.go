package kv

import (
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"

	"dashd/internal/errs"
)

// Badger formats its causes into text, so text is what there is to go by.
var causes = []struct {
	text string
	code int
}{
	{"no space left on device", errs.ExitDiskLow},
	{"disk quota exceeded", errs.ExitDiskLow},
	{"input/output error", errs.ExitIO},
	{"read-only file system", errs.ExitIO},
	{"permission denied", errs.ExitIO},
	{"operation not permitted", errs.ExitIO},
	{"too many open files", errs.ExitIO},
	{"cannot allocate memory", errs.ExitIO},
	{"Writes are blocked", errs.ExitIO},
	{"DB Closed", errs.ExitIO},
}

// failed says how the process must end after a failed operation: an error that
// is none of the disk's is one of the bytes on it.
func failed(operation string, err error) error {
	var f *errs.Fatal
	if errors.As(err, &f) {
		return err
	}
	for _, c := range causes {
		if strings.Contains(err.Error(), c.text) {
			return errs.Stop(c.code, fmt.Errorf("database: %s: %w", operation, err))
		}
	}
	return errs.Stop(errs.ExitIntegrity, fmt.Errorf("database: %s: %w", operation, err))
}

func openError(dir string, err error) error {
	if strings.Contains(err.Error(), "Cannot acquire directory lock") {
		return errs.Stop(errs.ExitIdentity, fmt.Errorf(
			"another dashd is using %s; stop it, or use another --data-dir", dir))
	}
	err = failed("open "+dir, err)
	if errs.ExitCode(err) == errs.ExitIntegrity {
		return errs.Stop(errs.ExitIntegrity, fmt.Errorf(
			"%w; its files are damaged: restore a backup, or wipe this node and let it join again", err))
	}
	return err
}

// damagedTable says what to do about an error of integrity that was found by
// reading the tables in dir. Badger may have panicked on it: only the first line
// is not a stack.
func damagedTable(dir string, err error) error {
	if errs.ExitCode(err) != errs.ExitIntegrity {
		return err
	}
	what, _, _ := strings.Cut(err.Error(), "\n")
	return errs.Stop(errs.ExitIntegrity, fmt.Errorf(
		"a table in %s is damaged (%s): restore a backup, or wipe this node and let it join again", dir, what))
}

// trap, deferred, turns a panic of Badger about bytes it cannot make sense of,
// or a fault in a memory map, into an error. Panics of a callback, during which
// *in is true, go on.
func trap(in *bool, err *error) {
	if *in {
		return // not recovered: goes on with its own stack
	}
	switch p := recover().(type) {
	case nil:
	case interface {
		runtime.Error
		Addr() uintptr
	}:
		*err = errs.Stop(errs.ExitIO, fmt.Errorf("database: memory map cannot be read: %v\n%s", p, debug.Stack()))
	default:
		what := strings.Join(strings.Fields(fmt.Sprint(p)), " ") // Badger's may have several lines
		*err = errs.Stop(errs.ExitIntegrity, fmt.Errorf("database: its bytes make no sense: %.200s\n%s", what, debug.Stack()))
	}
}
