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

	"dashd/internal/errs"
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
