package cluster

import (
	"errors"
	"fmt"
	"syscall"

	"github.com/hashicorp/raft"

	"dashd/internal/errs"
)

// Codes of the errors of this package.
const (
	CodeNotLeader      = "NOT_LEADER"      // certain: nothing was written
	CodeBusy           = "BUSY"            // certain: nothing was written
	CodeOutcomeUnknown = "OUTCOME_UNKNOWN" // it may be written, or get written later
)

// refuse is an error of identity or configuration, written for the operator.
func refuse(format string, args ...any) error {
	return errs.Stop(errs.ExitIdentity, fmt.Errorf(format, args...))
}

// exitOf is the exit code for a failed write.
func exitOf(err error) int {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return errs.ExitDiskLow
	}
	return errs.ExitIO
}

// outcome says what raft's answer means to who proposed.
func outcome(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, raft.ErrNotLeader):
		return notLeader(err)
	case errors.Is(err, raft.ErrEnqueueTimeout):
		return errs.Wrap(err, errs.Busy, CodeBusy, "the node is too busy to take the write; try again later")
	default:
		// Lost leadership, shutdown, a failed write of the log: all of them may
		// leave the entry where the next leader finds it.
		return unknown(err)
	}
}

func notLeader(cause error) error {
	return errs.Wrap(cause, errs.Unavailable, CodeNotLeader, "this node does not lead the cluster")
}

func unknown(cause error) error {
	return errs.Wrap(cause, errs.Unavailable, CodeOutcomeUnknown, "it is not known whether the write will take effect; send it again with the same id")
}
