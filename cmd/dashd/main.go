// Command dashd is the backend of the Better Auth dashboard that you run
// yourself: it keeps authentication events in an append-only, replicated log and
// answers questions about them.
//
// This package only composes: it reads flags, opens the parts in order, and
// prints. One file a subcommand; start reading at [serve].
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/spf13/cobra"

	"dashd/internal/errs"
)

func main() { os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }

// exitInterrupted is the exit code of a command that was told to stop before it
// was done.
const exitInterrupted = 130

// run is the whole process; it returns the exit code.
func run(args []string, stdin io.Reader, stdout, stderr io.Writer) (code int) {
	defer func() {
		if v := recover(); v != nil {
			fmt.Fprintf(stderr, "dashd: bug: %v\n%s", v, debug.Stack())
			code = errs.ExitBug
		}
	}()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	// A reader that went away is an error of the write, not the end of a node.
	signal.Ignore(syscall.SIGPIPE)

	root := newRoot()
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(pipe{stdout})
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	switch {
	case err == nil, errors.Is(err, errReaderGone):
		return 0
	case errors.Is(err, context.Canceled) && ctx.Err() != nil:
		return exitInterrupted
	}
	fmt.Fprintln(stderr, "dashd:", err)
	return errs.ExitCode(err)
}

// errReaderGone says that nobody reads what is printed any more, as behind
// "| head": the command has done what it was asked for.
var errReaderGone = errors.New("the reader of the output is gone")

// pipe is standard output.
type pipe struct{ io.Writer }

func (p pipe) Write(b []byte) (int, error) {
	n, err := p.Writer.Write(b)
	if errors.Is(err, syscall.EPIPE) {
		err = errReaderGone
	}
	return n, err
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "dashd",
		Short: "The backend of the Better Auth dashboard, run by you",
		Long: `dashd takes in the authentication events of your Better Auth applications, keeps
them in an append-only log on your own machines, and answers questions about them.

Start a node, then give your application's dash() plugin the URL and the key that
it prints.

Exit codes: 0 done, 1 not done, 70 a bug, 74 stored bytes are wrong, 75 the disk
failed, 76 too little free disk space, 77 identity or configuration refused, 130
interrupted.`,
		Example: `  dashd serve
  dashd events --limit 5`,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.AddCommand(
		newServe(), newRecoverSpace(), newProject(), newKey(), newStatus(), newJoinToken(), newCluster(), newEvents(), newTail(),
		newReplay(), newImport(), newGeo(), newBench(), newVersion(),
	)
	return root
}
