package main

import (
	"fmt"
	"io"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"dashd/eventlog/block"
)

// version is set by a release build with -ldflags "-X main.version=…".
var version = "devel"

// versionInfo says what this binary is and which formats it reads and writes.
type versionInfo struct {
	Version     string `json:"version"`
	Revision    string `json:"revision,omitempty"`
	Go          string `json:"go"`
	Platform    string `json:"platform"`
	BlockFormat int    `json:"blockFormat"`
}

func readVersion() versionInfo {
	v := versionInfo{
		Version: version, Go: runtime.Version(),
		Platform: runtime.GOOS + "/" + runtime.GOARCH, BlockFormat: block.FormatVersion,
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				v.Revision = s.Value
			}
		}
	}
	return v
}

func newVersion() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:     "version",
		Short:   "Print what this binary is",
		Example: "  dashd version --json",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return printVersion(c.OutOrStdout(), asJSON)
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

func printVersion(w io.Writer, asJSON bool) error {
	v := readVersion()
	if asJSON {
		return printJSON(w, v)
	}
	_, err := fmt.Fprintf(w, "dashd %s (%s, %s, block format %d)\n", v.Version, v.Go, v.Platform, v.BlockFormat)
	return err
}
