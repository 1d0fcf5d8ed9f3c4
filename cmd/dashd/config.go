package main

import (
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/knadh/koanf/parsers/toml/v2"
	"github.com/knadh/koanf/providers/env/v2"
	"github.com/knadh/koanf/providers/file"
	"github.com/knadh/koanf/v2"
	"github.com/spf13/pflag"

	"dashd/eventlog"
	"dashd/geo"
	"dashd/httpapi"
	"dashd/internal/commands"
	"dashd/internal/errs"
	"dashd/internal/kv"
	"dashd/internal/node"
	"dashd/internal/outbound"
)

// Config is everything an operator can choose. Each field is a flag, a DASHD_…
// variable and a key of the configuration file; a flag wins over a variable, a
// variable over the file, the file over the default.
type Config struct {
	DataDir string // directory that holds everything the node keeps
	HTTP    string // address for applications and operators
	// Cluster is the address of the cluster port, for the other nodes, noPort if there is to be
	// none. Advertise is how they reach it, if not at the same address.
	Cluster, Advertise string
	// Join is a token of a cluster that this new node is to join. It is a secret.
	Join      string
	LogLevel  string // debug, info, warn or error
	LogFormat string // text or json

	// StudioOnUnavailable is what POST /ingest/studio does when nothing can be
	// stored: "abort" closes the connection, which makes the studio's client send
	// again; "503" answers.
	StudioOnUnavailable string
	// DashNames is the vocabulary of event names that dash readers get: "package"
	// (what the plugin itself sends) or "docs" (what its documentation says).
	DashNames string

	// Redact names further keys of metadata whose values are not stored, with
	// commas between. Those of the usual secrets are always redacted.
	Redact string

	// PublicURL is where applications and directories reach this node, as in
	// "https://auth.example.com". "": http:// and the address of the listener.
	PublicURL string
	// OutboundAllow are the hosts ("idp.corp", "idp.corp:8443") and networks
	// ("10.1.0.0/16"), with commas between, that log drains may send to although they
	// are not public, or not by https at port 443. Nothing else lets them in there.
	OutboundAllow string
	// OutboundProxy is the URL of the proxy that everything outbound goes through. It
	// has to refuse networks that are not public: it sees the addresses, the node
	// does not.
	OutboundProxy string

	// ActivityTracking shows when users were last active, and how many are there.
	ActivityTracking bool
	// BackupCodesViewable keeps backup codes, sealed, so that they can be looked at
	// again. Without it they are shown once and only hashes are kept.
	BackupCodesViewable bool
	// TokenKeys are the public keys of those who sign tokens for operators of a project, as
	// "project=file" or "project=URL" of a key set, with commas between. UserTokenKeys are
	// those of the applications, for their users' reads of their own events.
	TokenKeys, UserTokenKeys string
	// TrustedOrigins are the origins of applications ("https://app.example.com"), with
	// commas between, that a browser may be sent to by a redirectUrl or callbackUrl.
	TrustedOrigins string

	// FeaturesOff names the features of the dashboard's API that are switched off,
	// with commas between; see httpapi.Feature.
	FeaturesOff string
	// OrganizationRoles are the roles members of organizations may have, with commas
	// between; owner must be among them.
	OrganizationRoles string
	// MaxTeams and MaxTeamMembers bound the teams of an organization and the members
	// of a team. 0: no bound.
	MaxTeams, MaxTeamMembers int
	// KeepLastTeam refuses to delete the only team of an organization.
	KeepLastTeam bool

	// GeoFile is a GeoLite2, GeoIP2 or DB-IP database of cities or countries, in which the
	// places of addresses are looked up instead of in the one dashd comes with. A new file in
	// its place is used without a restart. GeoPrecision is how much of a place is stored: city,
	// region, country or none.
	GeoFile, GeoPrecision string

	// DiskRefuse and DiskStop are the free MiB on the data file system below which
	// the node takes no writes, and below which it stops. 0: 10 % but at least 2
	// GiB, and 5 % but at least 1 GiB.
	DiskRefuse, DiskStop int
	// Ballast is the size in MiB of a file that can be deleted (dashd recover-space) when the
	// disk is full. 0: there is none.
	Ballast int
	// CatchUpRate is how many MiB of the log a second this node gives to one that catches up.
	CatchUpRate int

	// BootstrapAPIKey is the value of the first API key, for containers and tests.
	// It comes from DASHD_BOOTSTRAP_API_KEY only, is used at the first start, and
	// is generated if absent.
	BootstrapAPIKey string
}

// Variables beside those of the flags.
const (
	bootstrapVariable = "DASHD_BOOTSTRAP_API_KEY"
	serverVariable    = "DASHD_SERVER" // of the commands that ask a node
	keyVariable       = "DASHD_KEY"
)

// addFlags declares the flags of serve; their names are the keys of the file.
func addFlags(fs *pflag.FlagSet) {
	fs.String("data-dir", "dashd-data", "`directory` that holds everything the node keeps")
	fs.String("http", "127.0.0.1:8787", "`address` for applications and operators")
	fs.String("cluster", defaultCluster, "`address` of the cluster port, for the other nodes ("+noPort+": this node stays alone)")
	fs.String("advertise", "", "`address` at which other nodes reach the cluster port (default: that of --cluster)")
	fs.String("join", "", "`token` of a cluster that this new node is to join, or @ and the file it is in; see dashd join-token")
	fs.String("config", "", "configuration `file` (TOML; the keys are the names of these flags)")
	fs.String("log-level", "info", "debug, info, warn or error")
	fs.String("log-format", "text", "text or json")
	fs.String("studio-on-unavailable", "abort", "when a studio batch cannot be stored: abort (close the connection, so that it is sent again) or 503")
	fs.Int("disk-refuse", 0, "free `MiB` on the data file system below which no writes are taken (default: 10 %, at least 2048)")
	fs.Int("ballast", node.DefaultBallast>>20, "`MiB` that are held ready for dashd recover-space, for when the disk is full (0: none)")
	fs.Int("catch-up-rate", node.DefaultCatchUpRate>>20, "`MiB` of the log a second that this node gives to one that catches up")
	fs.Int("disk-stop", 0, "free `MiB` below which the node stops (default: 5 %, at least 1024)")
	fs.String("redact", "", "further `keys` of metadata whose values are not stored (comma-separated)")
	fs.String("public-url", "", "`URL` at which applications and directories reach this node (default: that of --http)")
	fs.String("token-keys", "", "key sets that sign operators' tokens, as project=file or project=URL (`list`, comma-separated)")
	fs.String("user-token-keys", "", "key sets that sign tokens of an application's users, for their own events (`list`, as above)")
	fs.String("outbound-allow", "", "`hosts` and networks that log drains may send to although they are not public or not https (comma-separated: host, host:port, CIDR)")
	fs.String("outbound-proxy", "", "`URL` of the proxy for everything outbound")
	fs.Bool("activity-tracking", false, "show when users were last active, and how many are there")
	fs.Bool("backup-codes-viewable", false, "keep backup codes so that they can be looked at again")
	fs.String("trusted-origins", "", "`origins` of applications that a browser may be sent to (comma-separated)")
	fs.String("features-off", "", "`features` of the dashboard's API that are switched off (comma-separated: "+strings.Join(httpapi.FeatureNames(), ", ")+")")
	fs.String("organization-roles", strings.Join(commands.DefaultRoles, ","), "`roles` that members of organizations may have (comma-separated)")
	fs.Int("max-teams", 0, "most teams an organization may have (default: no bound)")
	fs.Int("max-team-members", 0, "most members a team may have (default: no bound)")
	fs.Bool("keep-last-team", false, "refuse to delete the only team of an organization")
	addGeoFlags(fs)
	fs.String("dash-names", "package", "event names that dash readers get: package or docs")
}

// loadConfig reads flags, environment and file, in that order of precedence from
// high to low. It takes the secrets out of the environment: a child process or a
// dump of the environment does not have them.
func loadConfig(fs *pflag.FlagSet) (Config, error) {
	key := os.Getenv(bootstrapVariable)
	if err := os.Unsetenv(bootstrapVariable); err != nil {
		return Config{}, refuse("take %s out of the environment: %v", bootstrapVariable, err)
	}
	given := fs.Changed("config")
	if err := fill(fs, "environment", env.Provider(".", env.Opt{
		Prefix: "DASHD_",
		TransformFunc: func(name, value string) (string, any) {
			flag := flagOf(name)
			if fs.Lookup(flag) == nil || value == "" {
				return "", nil // unknownVariables speaks of it
			}
			return flag, value
		},
	}), nil); err != nil {
		return Config{}, err
	}
	if path, _ := fs.GetString("config"); path != "" {
		if err := fill(fs, path, file.Provider(path), toml.Parser()); err != nil {
			return Config{}, err
		}
	} else if given {
		return Config{}, refuse("--config is empty")
	}
	c := configOf(fs)
	c.BootstrapAPIKey = key
	return c, c.validate()
}

// fill sets the flags that have not been set yet from a source of settings.
func fill(fs *pflag.FlagSet, name string, from koanf.Provider, parser koanf.Parser) error {
	k := koanf.New(".")
	if err := k.Load(from, parser); err != nil {
		return refuse("configuration %s: %v", name, err)
	}
	for _, key := range k.Keys() {
		f := fs.Lookup(key)
		if f == nil || parser != nil && key == "config" {
			return refuse("configuration %s: there is no setting %q; dashd serve --help lists them", name, key)
		}
		if f.Changed {
			continue
		}
		value := k.String(key)
		if list, ok := k.Get(key).([]any); ok && len(list) > 0 {
			value = strings.Join(k.Strings(key), ",")
		}
		if err := fs.Set(key, value); err != nil {
			return refuse("configuration %s: %s = %q cannot be used: it must be a %s", name, key, value, f.Value.Type())
		}
	}
	return nil
}

// configOf reads the flags.
func configOf(fs *pflag.FlagSet) Config {
	text := func(name string) string { v, _ := fs.GetString(name); return v } // declared by addFlags
	number := func(name string) int { v, _ := fs.GetInt(name); return v }
	flag := func(name string) bool { v, _ := fs.GetBool(name); return v }
	return Config{
		DataDir:             text("data-dir"),
		HTTP:                text("http"),
		Cluster:             text("cluster"),
		Advertise:           text("advertise"),
		Join:                text("join"),
		LogLevel:            text("log-level"),
		LogFormat:           text("log-format"),
		StudioOnUnavailable: text("studio-on-unavailable"),
		DashNames:           text("dash-names"),
		Redact:              text("redact"),
		PublicURL:           strings.TrimRight(text("public-url"), "/"),
		TokenKeys:           text("token-keys"),
		UserTokenKeys:       text("user-token-keys"),
		OutboundAllow:       text("outbound-allow"),
		OutboundProxy:       text("outbound-proxy"),
		ActivityTracking:    flag("activity-tracking"),
		BackupCodesViewable: flag("backup-codes-viewable"),
		TrustedOrigins:      text("trusted-origins"),
		FeaturesOff:         text("features-off"),
		OrganizationRoles:   text("organization-roles"),
		MaxTeams:            number("max-teams"),
		MaxTeamMembers:      number("max-team-members"),
		KeepLastTeam:        flag("keep-last-team"),
		GeoFile:             text("geo-file"),
		GeoPrecision:        text("geo-precision"),
		DiskRefuse:          number("disk-refuse"),
		DiskStop:            number("disk-stop"),
		Ballast:             number("ballast"),
		CatchUpRate:         number("catch-up-rate"),
	}
}

// flagOf is the flag for a DASHD_… variable.
func flagOf(variable string) string {
	return strings.ReplaceAll(strings.ToLower(strings.TrimPrefix(variable, "DASHD_")), "_", "-")
}

// unknownVariables names the DASHD_… variables that nothing reads. They may be slips, or
// those that Kubernetes sets for a service of this name.
func unknownVariables(fs *pflag.FlagSet, environ []string) (names []string) {
	for _, v := range environ {
		name, _, _ := strings.Cut(v, "=")
		if !strings.HasPrefix(name, "DASHD_") || fs.Lookup(flagOf(name)) != nil {
			continue
		}
		switch name {
		case bootstrapVariable, serverVariable, keyVariable, maxMindAccountVariable, maxMindKeyVariable:
		default:
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

func (c *Config) validate() error {
	if c.DataDir == "" {
		return refuse("data-dir is empty")
	}
	abs, err := filepath.Abs(c.DataDir)
	if err != nil {
		return refuse("data-dir %s: %v", c.DataDir, err)
	}
	c.DataDir = abs
	if c.DiskRefuse < 0 || c.DiskStop < 0 || c.watermarks().Stop.Bytes > c.watermarks().Refuse.Bytes {
		return refuse("disk-stop (%d MiB) must not be above disk-refuse (%d MiB), nor either below 0", c.DiskStop, c.DiskRefuse)
	}
	if c.Ballast < 0 {
		return refuse("ballast is %d MiB: it must not be below 0", c.Ballast)
	}
	if c.CatchUpRate < 1 {
		return refuse("catch-up-rate is %d MiB: it must not be below 1", c.CatchUpRate)
	}
	if _, err := outbound.New(c.outbound()); err != nil {
		return refuse("%w", err)
	}
	if u, err := url.Parse(c.PublicURL); c.PublicURL != "" && (err != nil || u.Scheme != "https" && u.Scheme != "http" ||
		u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "") {
		return refuse("public-url is %q: it must be a URL like https://auth.example.com", c.PublicURL)
	}
	if _, err := c.tokenSources(); err != nil {
		return err
	}
	if _, err := httpapi.ParseOrigins(c.TrustedOrigins); err != nil {
		return refuse("trusted-origins: %v", err)
	}
	if err := c.validateOrganizations(); err != nil {
		return err
	}
	for _, f := range []struct{ name, value string }{
		{"log-level", c.LogLevel},
		{"log-format", c.LogFormat},
		{"studio-on-unavailable", c.StudioOnUnavailable},
		{"dash-names", c.DashNames},
		{"geo-precision", c.GeoPrecision},
	} {
		if !slices.Contains(choices[f.name], f.value) {
			return refuse("%s is %q: it must be one of %s", f.name, f.value, strings.Join(choices[f.name], ", "))
		}
	}
	return nil
}

// outbound are the limits of what leaves the node.
func (c *Config) outbound() outbound.Options {
	o := outbound.Options{Proxy: c.OutboundProxy}
	for entry := range strings.SplitSeq(c.OutboundAllow, ",") {
		if entry = strings.TrimSpace(entry); entry != "" {
			o.Allow = append(o.Allow, entry)
		}
	}
	return o
}

// defaultCluster is the address of the cluster port if none is chosen.
const defaultCluster = "127.0.0.1:8788"

// advertised is the address at which other nodes reach the cluster port that listens at an
// address.
func (c *Config) advertised(listens string) string {
	if c.Advertise != "" {
		return c.Advertise
	}
	return listens
}

// choices are the values of the settings that have few.
var choices = map[string][]string{
	"log-level":             {"debug", "info", "warn", "error"},
	"log-format":            {"text", "json"},
	"studio-on-unavailable": {"abort", "503"},
	"dash-names":            {"package", "docs"},
	"geo-precision":         geo.Precisions(),
}

// LogValue is what the log says of the settings in force: all but secrets.
func (c Config) LogValue() slog.Value {
	w := c.watermarks()
	return slog.GroupValue(
		slog.String("data-dir", c.DataDir),
		slog.String("http", c.HTTP),
		slog.String("cluster", c.Cluster),
		slog.String("advertise", c.Advertise),
		slog.Bool("join-given", c.Join != ""), // it is a secret
		slog.String("log-level", c.LogLevel),
		slog.String("log-format", c.LogFormat),
		slog.String("studio-on-unavailable", c.StudioOnUnavailable),
		slog.String("dash-names", c.DashNames),
		slog.String("redact", c.Redact),
		slog.String("public-url", c.PublicURL),
		slog.String("token-keys", c.TokenKeys),
		slog.String("user-token-keys", c.UserTokenKeys),
		slog.String("outbound-allow", c.OutboundAllow),
		slog.Bool("outbound-proxy-given", c.OutboundProxy != ""), // it may hold a password
		slog.Bool("activity-tracking", c.ActivityTracking),
		slog.Bool("backup-codes-viewable", c.BackupCodesViewable),
		slog.String("trusted-origins", c.TrustedOrigins),
		slog.String("features-off", c.FeaturesOff),
		slog.String("organization-roles", c.OrganizationRoles),
		slog.Int("max-teams", c.MaxTeams),
		slog.Int("max-team-members", c.MaxTeamMembers),
		slog.Bool("keep-last-team", c.KeepLastTeam),
		slog.String("geo-file", c.GeoFile),
		slog.String("geo-precision", c.GeoPrecision),
		slog.Any("disk-refuse", levelText(w.Refuse)),
		slog.Any("disk-stop", levelText(w.Stop)),
		slog.Int("ballast", c.Ballast),
		slog.Int("catch-up-rate", c.CatchUpRate),
		slog.Bool("first-key-given", c.BootstrapAPIKey != ""),
	)
}

func levelText(w kv.Watermark) string {
	text := fmt.Sprintf("%d MiB", w.Bytes>>20)
	if w.Percent > 0 {
		text += fmt.Sprintf(" or %d %%", w.Percent)
	}
	return text
}

// watermarks are the levels of free space at which the node acts.
func (c *Config) watermarks() node.Watermarks {
	w := node.DefaultWatermarks
	if c.DiskRefuse > 0 {
		w.Refuse = kv.Watermark{Bytes: uint64(c.DiskRefuse) << 20}
		w.Alarm = kv.Watermark{Bytes: 2 * w.Refuse.Bytes}
	}
	if c.DiskStop > 0 {
		w.Stop = kv.Watermark{Bytes: uint64(c.DiskStop) << 20}
	}
	return w
}

// names is the vocabulary that dash readers get.
func (c *Config) names() eventlog.Names {
	names, _ := eventlog.ParseNames(c.DashNames) // validated
	return names
}

// origins are those of the applications that a browser may be sent to.
func (c *Config) origins() map[string]bool {
	origins, _ := httpapi.ParseOrigins(c.TrustedOrigins) // validated
	return origins
}

// logger returns the process's logger.
func (c *Config) logger(w io.Writer) *slog.Logger {
	var level slog.Level
	_ = level.UnmarshalText([]byte(c.LogLevel)) // validated
	options := &slog.HandlerOptions{Level: level}
	if c.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(w, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
}

// refuse is the error of a configuration that cannot be used.
func refuse(format string, args ...any) error {
	return errs.Stop(errs.ExitIdentity, fmt.Errorf(format, args...))
}
