package cluster

import (
	"context"
	"fmt"
	"io"
	"log"
	"log/slog"
	"slices"

	"github.com/hashicorp/go-hclog"
)

// logger lets raft log through slog, one level lower than it wants to: what raft
// calls information is detail to an operator, and it warns of each election.
type logger struct {
	hclog.Logger // the null logger, for what raft does not use
	log          *slog.Logger
	name         string
}

func newLogger(l *slog.Logger) hclog.Logger {
	return &logger{Logger: hclog.NewNullLogger(), log: l.With("component", "raft"), name: "raft"}
}

func (l *logger) Log(level hclog.Level, msg string, args ...any) {
	to := slog.LevelDebug
	switch {
	case level >= hclog.Error:
		to = slog.LevelWarn // what must stop the node is reported by logStore
	case level == hclog.Warn:
		to = slog.LevelInfo
	case level < hclog.Info:
		return
	}
	if !l.log.Enabled(context.Background(), to) {
		return
	}
	attrs := slices.Clone(args)
	for i, a := range attrs {
		if f, ok := a.(hclog.Format); ok && len(f) > 0 {
			attrs[i] = fmt.Sprintf(fmt.Sprint(f[0]), f[1:]...)
		}
	}
	l.log.Log(context.Background(), to, msg, attrs...)
}

func (l *logger) Trace(msg string, args ...any) {}
func (l *logger) Debug(msg string, args ...any) {}
func (l *logger) Info(msg string, args ...any)  { l.Log(hclog.Info, msg, args...) }
func (l *logger) Warn(msg string, args ...any)  { l.Log(hclog.Warn, msg, args...) }
func (l *logger) Error(msg string, args ...any) { l.Log(hclog.Error, msg, args...) }

func (l *logger) IsTrace() bool { return false }
func (l *logger) IsDebug() bool { return false }
func (l *logger) IsInfo() bool  { return true }
func (l *logger) IsWarn() bool  { return true }
func (l *logger) IsError() bool { return true }

func (l *logger) Name() string { return l.name }

func (l *logger) With(args ...any) hclog.Logger {
	return &logger{Logger: l.Logger, log: l.log.With(args...), name: l.name}
}

func (l *logger) Named(name string) hclog.Logger      { return l.ResetNamed(l.name + "." + name) }
func (l *logger) ResetNamed(name string) hclog.Logger { return &logger{l.Logger, l.log, name} }

func (l *logger) StandardLogger(*hclog.StandardLoggerOptions) *log.Logger {
	return log.New(io.Discard, "", 0)
}
