package main

import (
	"fmt"
	"io"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"dashd/eventlog/block"
	"dashd/geo"
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
	var asJSON, licences bool
	c := &cobra.Command{
		Use:     "version",
		Short:   "Print what this binary is",
		Example: "  dashd version --json\n  dashd version --licenses",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if licences {
				return printLicences(c.OutOrStdout())
			}
			return printVersion(c.OutOrStdout(), asJSON)
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	c.Flags().BoolVar(&licences, "licenses", false, "print what dashd is made of, and whose data it holds")
	c.MarkFlagsMutuallyExclusive("json", "licenses")
	return c
}

// printLicences prints the licence of dashd, the notice of the data in it, and the modules
// it is linked with, each of which comes with its licence.
func printLicences(w io.Writer) error {
	text := "dashd is licensed under the Apache License, Version 2.0.\n\n" + geo.Notice + "\nModules:\n"
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, m := range info.Deps {
			text += "  " + m.Path + " " + m.Version + "\n"
		}
	}
	_, err := io.WriteString(w, text)
	return err
}

func printVersion(w io.Writer, asJSON bool) error {
	v := readVersion()
	if asJSON {
		return printJSON(w, v)
	}
	_, err := fmt.Fprintf(w, "dashd %s (%s, %s, block format %d)\n", v.Version, v.Go, v.Platform, v.BlockFormat)
	return err
}
