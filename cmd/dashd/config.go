package main

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"github.com/knadh/koanf/parsers/toml/v2"
	"github.com/knadh/koanf/providers/env/v2"
	"github.com/knadh/koanf/providers/file"
	"github.com/knadh/koanf/providers/posflag"
	"github.com/knadh/koanf/v2"
	"github.com/spf13/pflag"

	"dashd/eventlog"
	"dashd/internal/errs"
	"dashd/internal/kv"
	"dashd/internal/node"
)

// Config is everything an operator can choose. Each field is a flag, a DASHD_…
// variable and a key of the configuration file; a flag wins over a variable, a
// variable over the file, the file over the default.
type Config struct {
	DataDir   string // directory that holds everything the node keeps
	HTTP      string // address for applications and operators
	LogLevel  string // debug, info, warn or error
	LogFormat string // text or json

	// StudioOnUnavailable is what POST /ingest/studio does when nothing can be
	// stored: "abort" closes the connection, which makes the studio's client send
	// again; "503" answers.
	StudioOnUnavailable string
	// DashNames is the vocabulary of event names that dash readers get: "package"
	// (what the plugin itself sends) or "docs" (what its documentation says).
	DashNames string

	// DiskRefuse and DiskStop are the free MiB on the data file system below which
	// the node takes no writes, and below which it stops. 0: 10 % but at least 2
	// GiB, and 5 % but at least 1 GiB.
	DiskRefuse, DiskStop int

	// BootstrapAPIKey is the value of the first API key, for containers and tests.
	// It comes from DASHD_BOOTSTRAP_API_KEY only, is used at the first start, and
	// is generated if absent.
	BootstrapAPIKey string
}

const bootstrapVariable = "DASHD_BOOTSTRAP_API_KEY"

// addFlags declares the flags of serve; their names are the keys of the file.
func addFlags(fs *pflag.FlagSet) {
	fs.String("data-dir", "dashd-data", "`directory` that holds everything the node keeps")
	fs.String("http", "127.0.0.1:8787", "`address` for applications and operators")
	fs.String("config", "", "configuration `file` (TOML; the keys are the names of these flags)")
	fs.String("log-level", "info", "debug, info, warn or error")
	fs.String("log-format", "text", "text or json")
	fs.String("studio-on-unavailable", "abort", "when a studio batch cannot be stored: abort (close the connection, so that it is sent again) or 503")
	fs.Int("disk-refuse", 0, "free `MiB` on the data file system below which no writes are taken (default: 10 %, at least 2048)")
	fs.Int("disk-stop", 0, "free `MiB` below which the node stops (default: 5 %, at least 1024)")
	fs.String("dash-names", "package", "event names that dash readers get: package or docs")
}

// loadConfig reads file, environment and flags, in that order of precedence from
// low to high.
func loadConfig(fs *pflag.FlagSet) (Config, error) {
	k := koanf.New(".")
	path, _ := fs.GetString("config")
	if path == "" {
		path = os.Getenv("DASHD_CONFIG")
	}
	if path != "" {
		if err := k.Load(file.Provider(path), toml.Parser()); err != nil {
			return Config{}, refuse("read configuration %s: %v", path, err)
		}
	}
	err := k.Load(env.Provider(".", env.Opt{
		Prefix: "DASHD_",
		TransformFunc: func(name, value string) (string, any) {
			return strings.ReplaceAll(strings.ToLower(strings.TrimPrefix(name, "DASHD_")), "_", "-"), value
		},
	}), nil)
	if err != nil {
		return Config{}, fmt.Errorf("read environment: %w", err)
	}
	if err := k.Load(posflag.Provider(fs, ".", k), nil); err != nil {
		return Config{}, fmt.Errorf("read flags: %w", err)
	}
	c := Config{
		DataDir:             k.String("data-dir"),
		HTTP:                k.String("http"),
		LogLevel:            k.String("log-level"),
		LogFormat:           k.String("log-format"),
		StudioOnUnavailable: k.String("studio-on-unavailable"),
		DashNames:           k.String("dash-names"),
		DiskRefuse:          k.Int("disk-refuse"),
		DiskStop:            k.Int("disk-stop"),
		BootstrapAPIKey:     os.Getenv(bootstrapVariable),
	}
	return c, c.validate()
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
	for _, f := range []struct {
		name, value string
		allowed     []string
	}{
		{"log-format", c.LogFormat, []string{"text", "json"}},
		{"studio-on-unavailable", c.StudioOnUnavailable, []string{"abort", "503"}},
		{"dash-names", c.DashNames, []string{"package", "docs"}},
	} {
		if f.value != f.allowed[0] && f.value != f.allowed[1] {
			return refuse("%s is %q: it must be %s or %s", f.name, f.value, f.allowed[0], f.allowed[1])
		}
	}
	return nil
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

// logger returns the process's logger.
func (c *Config) logger() (*slog.Logger, error) {
	var level slog.Level
	if err := level.UnmarshalText([]byte(c.LogLevel)); err != nil {
		return nil, refuse("log-level is %q: it must be debug, info, warn or error", c.LogLevel)
	}
	options := &slog.HandlerOptions{Level: level}
	if c.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(os.Stderr, options)), nil
	}
	return slog.New(slog.NewTextHandler(os.Stderr, options)), nil
}

// refuse is the error of a configuration that cannot be used.
func refuse(format string, args ...any) error {
	return errs.Stop(errs.ExitIdentity, fmt.Errorf(format, args...))
}
