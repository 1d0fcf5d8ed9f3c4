package kv

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"

	"dashd/internal/errs"
)

// logger is Badger's logger, bridged to slog. Some failures of Badger are told
// to its logger and nobody else: those are acted on.
type logger struct {
	log   *slog.Logger
	fatal func(error)
	once  sync.Once
	lost  atomic.Pointer[string] // a table that was left out at open
	pacer atomic.Pointer[pacer]  // once the database is open
}

func newLogger(log *slog.Logger, fatal func(error)) *logger {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &logger{log: log.With("component", "badger"), fatal: fatal}
}

// What Badger says when it goes on without a damaged table, and when it cannot
// write a memtable: it then tries again for ever.
const (
	saysIgnoring = "Ignoring table"
	saysFlushing = "error flushing memtable"
)

// Errorf handles an error of Badger.
func (l *logger) Errorf(format string, args ...any) {
	text := l.write(slog.LevelError, format, args)
	if strings.Contains(text, saysIgnoring) {
		l.lost.Store(&text)
	}
	if strings.Contains(text, saysFlushing) && l.fatal != nil {
		err := failed("flush", errors.New(text))
		if errs.ExitCode(err) == errs.ExitIntegrity {
			err = errs.Stop(errs.ExitIO, errors.New(text))
		}
		l.once.Do(func() { l.fatal(err) })
	}
}

// Warningf logs a warning.
func (l *logger) Warningf(format string, args ...any) { l.write(slog.LevelWarn, format, args) }

// Infof logs what only a developer of dashd wants to see.
func (l *logger) Infof(format string, args ...any) { l.write(slog.LevelDebug, format, args) }

// Debugf logs nothing, and has compactions rest.
func (l *logger) Debugf(format string, args ...any) {
	if p := l.pacer.Load(); p != nil {
		p.told(format, args)
	}
}

func (l *logger) write(level slog.Level, format string, args []any) string {
	if level < slog.LevelError && !l.log.Enabled(context.Background(), level) {
		return ""
	}
	text := strings.TrimSpace(fmt.Sprintf(format, args...))
	l.log.Log(context.Background(), level, text)
	return text
}

// ignored returns an error if Badger has opened without one of its tables.
func (l *logger) ignored() error {
	if text := l.lost.Load(); text != nil {
		return errors.New(*text)
	}
	return nil
}
