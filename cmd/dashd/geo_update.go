package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"dashd/geo"
	"dashd/internal/geoupdate"
	"dashd/internal/outbound"
)

// The account with MaxMind. A licence key is no flag, which others could see.
const (
	maxMindAccountVariable = "DASHD_MAXMIND_ACCOUNT_ID"
	maxMindKeyVariable     = "DASHD_MAXMIND_LICENSE_KEY"
)

func newGeoUpdate() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "update --source maxmind|dbip|URL --geo-file FILE",
		Short: "Fetch a newer database of places",
		Long: `update fetches a database of places, verifies it, and puts it in the place of FILE; a node that
serves with --geo-file FILE uses it at once. If there is no newer one, or what comes is
not good, the file stays as it is. A node never fetches anything by itself: have cron or a
timer of systemd run this once a day or a week.

maxmind is an edition of GeoLite2 or GeoIP2, for which MaxMind wants an account: its id and
licence key are those of ` + maxMindAccountVariable + ` and ` + maxMindKeyVariable + `, or of
a GeoIP.conf. Its checksum is compared. dbip is DB-IP City Lite, which is published each
month and wants no account. A URL may be that of a database, also compressed with gzip or in an
archive of tar.`,
		Example: `  dashd geo update --source dbip --geo-file /var/lib/dashd/places.mmdb
  dashd geo update --source maxmind --maxmind-config /etc/GeoIP.conf --geo-file places.mmdb
  dashd geo update --source https://mirror.example/City.tar.gz --sha256 9f86… --geo-file places.mmdb`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			o, err := updateOptions(c.Flags(), time.Now())
			if err != nil {
				return err
			}
			r, err := geoupdate.Update(c.Context(), o)
			if err != nil {
				return fmt.Errorf("%s: %w; it stays as it was", o.File, err)
			}
			if asJSON {
				return printJSON(c.OutOrStdout(), updated{r.Changed, r.Info, geo.AttributionOf(r.Info.Type)})
			}
			return printUpdate(c.OutOrStdout(), o.File, r)
		},
	}
	fs := c.Flags()
	fs.String("source", "", "maxmind, dbip or a `URL`")
	complete(c, "source", "maxmind", "dbip")
	fs.String("geo-file", os.Getenv("DASHD_GEO_FILE"), "database `file` to replace")
	fs.String("edition", "GeoLite2-City", "of MaxMind, the `database`")
	fs.String("maxmind-config", "", "`file` with AccountID and LicenseKey, like /etc/GeoIP.conf")
	fs.String("sha256", "", "`checksum` that the download must have, in hex")
	fs.Bool("force", false, "fetch it also if it is not newer")
	fs.String("outbound-allow", os.Getenv("DASHD_OUTBOUND_ALLOW"), "`hosts` that may be asked although they are not public or not https (comma-separated)")
	fs.String("outbound-proxy", os.Getenv("DASHD_OUTBOUND_PROXY"), "`URL` of the proxy for everything outbound")
	fs.BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

type updated struct {
	Changed     bool             `json:"changed"`
	Database    geo.Info         `json:"database"`
	Attribution *geo.Attribution `json:"attribution,omitempty"`
}

func printUpdate(w io.Writer, file string, r geoupdate.Result) error {
	if !r.Changed {
		_, err := fmt.Fprintf(w, "%s is up to date: %s of %s\n", file, r.Info.Type, r.Info.Built.Format(time.DateOnly))
		return err
	}
	_, err := fmt.Fprintf(w, "%s is now %s of %s\n", file, r.Info.Type, r.Info.Built.Format(time.DateOnly))
	if a := geo.AttributionOf(r.Info.Type); err == nil && a != nil {
		_, err = fmt.Fprintf(w, "show with places: %s (%s)\n", a.Text, a.URL)
	}
	return err
}

// updateOptions reads the flags and the account.
func updateOptions(fs *pflag.FlagSet, now time.Time) (geoupdate.Options, error) {
	text := func(name string) string { v, _ := fs.GetString(name); return v } // declared above
	o := geoupdate.Options{File: text("geo-file"), SHA256: text("sha256")}
	o.Force, _ = fs.GetBool("force") // declared above
	if o.File == "" {
		return o, errors.New("--geo-file is missing: it says which file to replace")
	}
	var err error
	switch source := text("source"); source {
	case "":
		return o, errors.New("--source is missing: maxmind, dbip or a URL")
	case "maxmind":
		var account geoupdate.Account
		if account, err = maxMindAccount(text("maxmind-config")); err == nil {
			o.Source, err = geoupdate.MaxMind(account, text("edition"))
		}
	case "dbip":
		o.Source = geoupdate.DBIP(now)
	default:
		if !strings.Contains(source, "://") {
			return o, errors.New("--source is neither maxmind, dbip nor a URL")
		}
		o.Source = geoupdate.Source{URLs: []string{source}}
	}
	if err != nil {
		return o, err
	}
	way := Config{OutboundAllow: text("outbound-allow"), OutboundProxy: text("outbound-proxy")}
	o.Client, err = outbound.New(way.outbound())
	return o, err
}

func maxMindAccount(config string) (geoupdate.Account, error) {
	if config == "" {
		return geoupdate.Account{ID: os.Getenv(maxMindAccountVariable), LicenseKey: os.Getenv(maxMindKeyVariable)}, nil
	}
	f, err := os.Open(config)
	if err != nil {
		return geoupdate.Account{}, err
	}
	defer f.Close()
	a, err := geoupdate.ReadAccount(f)
	if err != nil {
		return a, fmt.Errorf("%s: %w", config, err)
	}
	return a, nil
}
