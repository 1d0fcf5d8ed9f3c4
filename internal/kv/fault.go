package kv

import "errors"

// Fault is a way for a commit to fail, for tests of what is above.
type Fault uint8

// The faults.
const (
	NoFault          Fault = iota
	FailBeforeCommit       // nothing was written
	FailAfterCommit        // it was written, and an error returned
)

var errInjected = errors.New("input/output error (injected)")

// InjectFault makes the next commit fail.
func (db *DB) InjectFault(f Fault) {
	db.writing.Lock()
	defer db.writing.Unlock()
	db.fault = f
}
