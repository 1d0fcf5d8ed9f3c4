package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"dashd/geo"
	"dashd/internal/commands"
)

// addGeoFlags declares the settings of places.
func addGeoFlags(fs *pflag.FlagSet) {
	fs.String("geo-file", "", "GeoLite2, GeoIP2 or DB-IP `file` of cities or countries, instead of the data dashd comes with")
	fs.String("geo-precision", geo.City.String(), "how much of a place is stored: city, region, country or none")
}

// geo are the settings of places, with what a node does beside looking up.
func (c *Config) geo(log *slog.Logger, dir string, report func(context.Context, geo.Change) error) geo.Options {
	precision, _ := geo.ParsePrecision(c.GeoPrecision) // validated
	return geo.Options{Log: log, Precision: precision, File: c.GeoFile, Dir: dir, Report: report}
}

// noteGeoFile puts what became of the operator's file into the audit trail.
func (d *daemon) noteGeoFile(ctx context.Context, c geo.Change) error {
	if err := d.node.WaitReady(ctx); err != nil {
		return err
	}
	f := commands.GeoFile{
		Node: d.node.Identity().NodeID, Reason: c.Reason, SHA256: c.Info.SHA256, Type: c.Info.Type, Bytes: c.Info.Bytes,
	}
	if !c.Info.Built.IsZero() {
		f.Built = c.Info.Built.Format(time.RFC3339)
	}
	return d.commands.NoteGeoFile(ctx, f, c.At)
}

// reloadOnHangup looks at the operator's file whenever SIGHUP says so, until ctx ends.
func (d *daemon) reloadOnHangup(ctx context.Context) error {
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	defer signal.Stop(hangup)
	for {
		select {
		case <-hangup:
			_ = d.places.Reload() // it has said why
		case <-ctx.Done():
			return nil
		}
	}
}

func newGeo() *cobra.Command {
	c := &cobra.Command{
		Use:   "geo",
		Short: "Say where addresses are, and how that is known",
		Long: `dashd looks up where the address of an event is when it takes the event in, without a
network: in data it comes with (DB-IP City Lite, reduced), or in the file that serve was
given with --geo-file. A new file in the place of that one is verified and used without
a restart; a bad one is not used, and an event of type dashd.geo.rejected says why.`,
		Example: "  dashd geo status\n  dashd geo lookup 8.8.8.8\n  dashd geo update --source dbip --geo-file places.mmdb",
	}
	c.AddCommand(newGeoStatus(), newGeoLookup(), newGeoUpdate())
	return c
}

func newGeoStatus() *cobra.Command {
	var t target
	var asJSON bool
	c := &cobra.Command{
		Use:     "status",
		Short:   "Say which database a node looks places up in",
		Example: "  dashd geo status --json",
		Args:    cobra.NoArgs,
		RunE: withClient(&t, func(c *cobra.Command, cl *client, _ []string) error {
			var s nodeStatus
			if err := cl.call(c.Context(), "GET", "/v1/status", nil, nil, &s); err != nil {
				return err
			}
			if asJSON {
				return printJSON(c.OutOrStdout(), s.Geo)
			}
			return printGeoStatus(c.OutOrStdout(), s.Geo)
		}),
	}
	t.addFlags(c.Flags())
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

func printGeoStatus(w io.Writer, s geo.Status) error {
	rows := [][]string{{"source", s.Source}, {"precision", s.Precision.String()}}
	if d := s.Database; d != nil {
		rows = append(rows, []string{"database", d.Type}, []string{"built", moment(d.Built)},
			[]string{"size", fmt.Sprintf("%.1f MiB", float64(d.Bytes)/(1<<20))}, []string{"sha256", d.SHA256})
	}
	if s.File != "" {
		rows = append(rows, []string{"file", s.File})
	}
	if s.Rejected != "" {
		rows = append(rows, []string{"rejected", s.Rejected})
	}
	if s.Failures > 0 {
		rows = append(rows, []string{"failures", fmt.Sprintf("%d since the start", s.Failures)})
	}
	if s.Attribution != nil {
		rows = append(rows, []string{"attribution", s.Attribution.Text + " (" + s.Attribution.URL + ")"})
	}
	return printTable(w, rows)
}

// placesText says in a line what places come from.
func placesText(s geo.Status) string {
	text := s.Source
	if s.Database != nil {
		text = fmt.Sprintf("%s of %s (%s)", s.Database.Type, s.Database.Built.Format(time.DateOnly), s.Source)
	}
	if s.Rejected != "" {
		text += "; the file was rejected: " + s.Rejected
	}
	return text
}

// lookedUp is the place of an address.
type lookedUp struct {
	Address string     `json:"address"`
	Place   *geo.Place `json:"location"` // null: it is in no place that is known
}

func newGeoLookup() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "lookup ADDRESS...",
		Short: "Say where addresses are",
		Long: `lookup says where addresses are, as a node with the same settings would find it. It needs
no node; with --geo-file it verifies that file first.`,
		Example: `  dashd geo lookup 8.8.8.8 2606:4700::1111
  dashd geo lookup --json --geo-file GeoLite2-City.mmdb 8.8.8.8`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return lookup(c.OutOrStdout(), c.Flags(), args, asJSON)
		},
	}
	c.Flags().String("geo-file", os.Getenv("DASHD_GEO_FILE"), "database `file` to look in, instead of the data dashd comes with")
	c.Flags().String("geo-precision", envOr("DASHD_GEO_PRECISION", geo.City.String()), "how much is said: city, region, country or none")
	complete(c, "geo-precision", geo.Precisions()...)
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

func lookup(w io.Writer, fs *pflag.FlagSet, addresses []string, asJSON bool) error {
	file, _ := fs.GetString("geo-file")           // declared
	precision, _ := fs.GetString("geo-precision") // declared
	p, err := geo.ParsePrecision(precision)
	if err != nil {
		return fmt.Errorf("geo-precision: %w", err)
	}
	l, err := geo.Open(geo.Options{Precision: p, File: file})
	if err != nil {
		return err
	}
	if err := l.Reload(); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	var found []lookedUp
	rows := [][]string{{"ADDRESS", "CODE", "COUNTRY", "REGION", "CITY"}}
	for _, a := range addresses {
		if _, err := netip.ParseAddr(a); err != nil {
			return errors.New(printable(a) + " is not an IP address")
		}
		place := l.Lookup(a)
		f := lookedUp{Address: a}
		if place != (geo.Place{}) {
			f.Place = &place
		}
		found = append(found, f)
		rows = append(rows, []string{a, place.CountryCode, place.Country, place.Region, place.City})
	}
	if asJSON {
		return printJSON(w, found)
	}
	return printTable(w, rows)
}
