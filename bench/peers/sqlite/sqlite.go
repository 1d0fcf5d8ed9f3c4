package sqlite

import (
	"context"
	"database/sql"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"

	_ "github.com/mattn/go-sqlite3" // the driver sqlite3

	"dashd/bench/peers/internal/peer"
	"dashd/bench/peers/internal/sample"
	"dashd/eventlog"
)

//go:embed schema.sql
var schema string

// settings are the pragmas of each connection.
var settings = []string{
	"journal_mode = WAL", "synchronous = FULL", "cache_size = -262144", "wal_autocheckpoint = 16384", "mmap_size = 1073741824", "temp_store = MEMORY",
}

const driver = "github.com/mattn/go-sqlite3"

// Peer is a database in one file.
type Peer struct {
	path   string
	db     *sql.DB       // for reads
	writer *sql.DB       // has one connection
	turn   chan struct{} // held by the one who writes
	insert *sql.Stmt     // of writer
	latest *sql.Stmt
	count  *sql.Stmt
	sample *sample.Sample
	ids    sample.IDs
}

// New returns a database that is not there yet.
func New() *Peer { return &Peer{turn: make(chan struct{}, 1)} }

// Name implements peer.Peer.
func (p *Peer) Name() string { return "sqlite" }

// Start implements peer.Peer.
func (p *Peer) Start(ctx context.Context, dir string) (facts peer.Facts, err error) {
	p.path, p.sample = filepath.Join(dir, "events.sqlite"), sample.New(sample.Seed, sample.Users)
	defer func() {
		if err != nil {
			err = errors.Join(err, p.Stop())
		}
	}()
	address := "file:" + p.path + "?_journal_mode=WAL&_synchronous=FULL&_cache_size=-262144&_busy_timeout=10000"
	if p.writer, err = sql.Open("sqlite3", address); err != nil {
		return facts, err
	}
	p.writer.SetMaxOpenConns(1)
	for _, s := range settings {
		if _, err = p.writer.ExecContext(ctx, "PRAGMA "+s); err != nil {
			return facts, fmt.Errorf("%s: %w", s, err)
		}
	}
	if _, err = p.writer.ExecContext(ctx, schema); err != nil {
		return facts, err
	}
	if p.db, err = sql.Open("sqlite3", address); err != nil {
		return facts, err
	}
	p.db.SetMaxIdleConns(64)
	if err = p.prepare(ctx); err != nil {
		return facts, err
	}
	return p.facts(ctx)
}

func (p *Peer) prepare(ctx context.Context) (err error) {
	const columns = `id, time, received_at, status, source, project, type, user_id, session_id, organization_id, country_code, country, city, ip_address, user_agent, metadata`
	if p.insert, err = p.writer.PrepareContext(ctx, "INSERT INTO events ("+columns+") VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)"); err != nil {
		return err
	}
	if p.latest, err = p.db.PrepareContext(ctx, "SELECT seq, "+columns+" FROM events WHERE project = ? AND user_id = ? ORDER BY time DESC, seq DESC LIMIT 20"); err != nil {
		return err
	}
	p.count, err = p.db.PrepareContext(ctx, "SELECT count(*) FROM events WHERE project = ? AND type = ?")
	return err
}

// facts asks the library what it is, and how it is set.
func (p *Peer) facts(ctx context.Context) (f peer.Facts, err error) {
	if err := p.writer.QueryRowContext(ctx, "SELECT 'SQLite ' || sqlite_version()").Scan(&f.Version); err != nil {
		return f, err
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, m := range info.Deps {
			if m.Path == driver {
				f.Client = driver + " " + m.Version
			}
		}
	}
	for _, name := range []string{"journal_mode", "synchronous", "cache_size", "wal_autocheckpoint", "mmap_size", "page_size"} {
		var value string
		if err := p.writer.QueryRowContext(ctx, "PRAGMA "+name).Scan(&value); err != nil {
			return f, err
		}
		f.Settings = append(f.Settings, name+" = "+value)
	}
	return f, nil
}

// Pids implements peer.Peer: there is no process but this one.
func (p *Peer) Pids() []int { return nil }

// DiskBytes implements peer.Peer: the file, once all of the WAL is in it.
func (p *Peer) DiskBytes(ctx context.Context) (d peer.Disk, err error) {
	if _, err := p.writer.ExecContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)"); err != nil {
		return d, err
	}
	if err := p.db.QueryRowContext(ctx, "SELECT count(*) FROM events").Scan(&d.Events); err != nil {
		return d, err
	}
	for path, into := range map[string]*int64{p.path: &d.Bytes, p.path + "-wal": &d.Log} {
		info, err := os.Stat(path)
		if err != nil {
			return d, err
		}
		*into = info.Size()
	}
	return d, nil
}

// Stop implements peer.Peer.
func (p *Peer) Stop() error {
	var errs []error
	for _, db := range []**sql.DB{&p.db, &p.writer} {
		if *db != nil {
			errs = append(errs, (*db).Close())
			*db = nil
		}
	}
	return errors.Join(errs...)
}

// store stores events in one transaction, each under a new id.
func (p *Peer) store(ctx context.Context, rows [][]any) error {
	select {
	case p.turn <- struct{}{}:
		defer func() { <-p.turn }()
	case <-ctx.Done():
		return ctx.Err()
	}
	tx, err := p.writer.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	insert := tx.StmtContext(ctx, p.insert)
	for _, row := range rows {
		id := p.ids.Next()
		var args [16]any
		copy(args[:], row)
		args[0] = id[:]
		if _, err := insert.ExecContext(ctx, args[:]...); err != nil {
			return errors.Join(err, tx.Rollback())
		}
	}
	return tx.Commit() // flushed when it returns
}

// rowsOf are the values of events as the statement takes them, without ids.
func rowsOf(events []eventlog.Event) [][]any {
	rows := make([][]any, len(events))
	for i, e := range events {
		rows[i] = []any{
			nil, e.Time, e.Time, int64(e.Status), int64(e.Source), e.Project, string(e.Type), text(e.UserID), text(e.SessionID), text(e.OrganizationID),
			text(e.CountryCode), text(e.Country), text(e.City), text(e.IPAddress), text(e.UserAgent), string(e.Metadata),
		}
	}
	return rows
}

func text(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// Load implements peer.Loader.
func (p *Peer) Load(ctx context.Context, n int, progress func(events int)) error {
	const batch = 1000
	for done := 0; done < n; {
		if err := p.store(ctx, rowsOf(p.sample.Batch(batch))); err != nil {
			return fmt.Errorf("load: %w", err)
		}
		done += batch
		progress(done)
	}
	if _, err := p.writer.ExecContext(ctx, "ANALYZE"); err != nil {
		return err
	}
	_, err := p.writer.ExecContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)")
	return err
}
