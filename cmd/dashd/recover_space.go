package main

import (
	"fmt"
	"io"
	"path/filepath"

	"github.com/spf13/cobra"

	"dashd/internal/node"
)

// recovered is what dashd recover-space has done.
type recovered struct {
	DataDir string     `json:"dataDir"`
	Freed   uint64     `json:"freed"` // bytes; 0: there was no ballast file
	Disk    diskStatus `json:"disk"`
}

func newRecoverSpace() *cobra.Command {
	var dir string
	var asJSON bool
	c := &cobra.Command{
		Use:   "recover-space",
		Short: "Delete the ballast file of a stopped node, so that it can start on a full disk",
		Long: `recover-space deletes the file DIR/ballast, which holds nothing: a node keeps it so that
there is room to start when the disk is full. The node must be stopped. It makes the
file anew at a start with ample room.`,
		Example: "  dashd recover-space --data-dir /var/lib/dashd",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			dir, err := filepath.Abs(dir)
			if err != nil {
				return refuse("data-dir: %w", err)
			}
			freed, space, err := node.RecoverSpace(dir)
			if err != nil {
				return err
			}
			r := recovered{DataDir: dir, Freed: freed, Disk: diskStatus{Free: space.Free, Total: space.Total}}
			if asJSON {
				return printJSON(c.OutOrStdout(), r)
			}
			return printRecovered(c.OutOrStdout(), r)
		},
	}
	c.Flags().StringVar(&dir, "data-dir", "dashd-data", "data `directory` of the stopped node")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

// printRecovered says what was freed and what to do next.
func printRecovered(w io.Writer, r recovered) error {
	_, err := fmt.Fprintf(w, `%s
%.1f of %.1f GiB are free now.

Next:
  1. dashd serve --data-dir %s
  2. Make room for good: a larger disk, or what else is on this one.
     The node takes writes again above --disk-refuse.
  3. Restart the node once there is ample room: it makes the ballast file anew.
`, freedText(r.Freed), gib(r.Disk.Free), gib(r.Disk.Total), r.DataDir)
	return err
}

func freedText(freed uint64) string {
	if freed == 0 {
		return "There is no ballast file: nothing was freed."
	}
	return fmt.Sprintf("The ballast file is deleted: %d MiB are freed.", freed>>20)
}
