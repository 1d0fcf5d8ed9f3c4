// Command dashd is the backend of the Better Auth dashboard that you run
// yourself: it keeps authentication events in an append-only, replicated log and
// answers questions about them.
//
// This package only composes: it reads flags, opens the parts in order, and
// prints. One file a subcommand.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"dashd/internal/errs"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := newRoot().ExecuteContext(ctx)
	if err != nil && !errors.Is(err, context.Canceled) {
		fmt.Fprintln(os.Stderr, "dashd:", errorText(err))
	}
	stop()
	os.Exit(errs.ExitCode(err))
}

// errorText is what a person reads of err: for a kinded error its message, and
// the cause behind it.
func errorText(err error) string { return err.Error() }

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "dashd",
		Short: "The backend of the Better Auth dashboard, run by you",
		Long: `dashd takes in the authentication events of your Better Auth applications, keeps
them in an append-only log on your own machines, and answers questions about them.

Start one with:

  dashd serve

then give your application's dash() plugin the URL and key that it prints.`,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.AddCommand(
		newServe(), newProject(), newKey(), newStatus(), newEvents(), newTail(),
		newReplay(), newImport(), newBench(), newVersion(),
	)
	return root
}
