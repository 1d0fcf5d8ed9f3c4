package errs

import "errors"

// Exit codes of the process. A service manager restarts ExitBug and ExitIO and
// leaves the others to an operator.
const (
	ExitBug       = 70 // panic
	ExitIntegrity = 74 // stored bytes are wrong: verify, or wipe and rejoin
	ExitIO        = 75 // the disk failed: its state is unknown until reopened
	ExitDiskLow   = 76 // not enough free space to go on safely
	ExitIdentity  = 77 // identity or configuration refused
)

// Fatal is an error after which this node must stop, with the code it stops
// with. Reopening decides what state it is in.
type Fatal struct {
	Code int
	Err  error
}

// Error is the cause's text.
func (f *Fatal) Error() string { return f.Err.Error() }

// Unwrap returns the cause.
func (f *Fatal) Unwrap() error { return f.Err }

// Stop marks err as fatal with an exit code. Stop of nil is nil.
func Stop(code int, err error) error {
	if err == nil {
		return nil
	}
	return &Fatal{Code: code, Err: err}
}

// ExitCode returns the exit code err asks for: 0 for nil, the code of the first
// Fatal in its tree, and 1 for any other error.
func ExitCode(err error) int {
	if err == nil {
		return 0
	}
	var f *Fatal
	if errors.As(err, &f) {
		return f.Code
	}
	return 1
}
