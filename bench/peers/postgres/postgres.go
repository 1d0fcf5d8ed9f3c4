package postgres

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"golang.org/x/sync/errgroup"

	"dashd/bench/peers/internal/module"
	"dashd/bench/peers/internal/peer"
	"dashd/bench/peers/internal/proc"
	"dashd/bench/peers/internal/sample"
)

//go:embed schema.sql
var schema string

//go:embed indexes.sql
var indexes string

// Peer is one of the three ways in which PostgreSQL is run.
type Peer struct {
	name     string
	bare     bool // no index but the primary key
	standbys int

	servers []*server // the primary first
	sample  *sample.Sample
	ids     sample.IDs
	clients []*client // those that were needed so far
}

// client is a connection with what its requests are made in. Only one goroutine uses it at a time.
type client struct {
	conn    *pgconn.PgConn
	scratch []byte
}

// New returns one server with all indexes.
func New() *Peer { return &Peer{name: "postgres"} }

// NewBare returns one server with the primary key only, which none of the reads could live with.
func NewBare() *Peer { return &Peer{name: "postgres-bare", bare: true} }

// NewQuorum returns a primary and two standbys, of which any one must have flushed what is acknowledged.
func NewQuorum() *Peer { return &Peer{name: "postgres-quorum", standbys: 2} }

// Name implements peer.Peer.
func (p *Peer) Name() string { return p.name }

// Start implements peer.Peer.
func (p *Peer) Start(ctx context.Context, dir string) (facts peer.Facts, err error) {
	in, err := install(dir)
	if err != nil {
		return facts, err
	}
	ports, err := proc.Ports(1 + p.standbys)
	if err != nil {
		return facts, err
	}
	p.sample = sample.New(sample.Seed, sample.Users)
	defer func() {
		if err != nil {
			err = errors.Join(err, p.Stop())
		}
	}()
	primary := &server{in: in, name: "primary", port: ports[0]}
	p.servers = []*server{primary}
	if err = primary.create(ctx); err != nil {
		return facts, err
	}
	if p.standbys == 0 {
		err = primary.start(ctx, common, alone)
	} else if err = p.allowReplication(primary); err == nil {
		err = primary.start(ctx, common, replicated)
	}
	if err != nil {
		return facts, err
	}
	for i, port := range ports[1:] {
		if err = p.startStandby(ctx, fmt.Sprintf("s%d", i+1), port); err != nil {
			return facts, err
		}
	}
	if p.standbys > 0 {
		if err = p.formQuorum(ctx); err != nil {
			return facts, err
		}
	}
	tables := []string{schema, indexes}
	if p.bare {
		tables = tables[:1]
	}
	if err = p.exec(ctx, tables...); err != nil {
		return facts, err
	}
	return p.facts(ctx)
}

// allowReplication lets standbys of this machine connect, with the password. It is initdb's default, and may not be elsewhere.
func (p *Peer) allowReplication(primary *server) error {
	return primary.write("pg_hba.conf", "host all all 127.0.0.1/32 scram-sha-256\nhost replication all 127.0.0.1/32 scram-sha-256\n")
}

func (p *Peer) startStandby(ctx context.Context, name string, port int) error {
	primary := p.servers[0]
	s := &server{in: primary.in, name: name, port: port}
	p.servers = append(p.servers, s)
	if err := s.copyOf(ctx, primary); err != nil {
		return err
	}
	from := fmt.Sprintf("host=127.0.0.1 port=%d user=postgres password=%s application_name=%s", primary.port, primary.in.password, name)
	return s.start(ctx, common, replicated, []setting{{"primary_conninfo", from}})
}

// formQuorum makes commits wait for one of the standbys, once all of them are there.
func (p *Peer) formQuorum(ctx context.Context) error {
	err := p.exec(ctx, "ALTER SYSTEM SET synchronous_standby_names = 'ANY 1 (s1, s2)'", "SELECT pg_reload_conf()")
	for err == nil {
		var n int
		if err = p.query(ctx, "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming' AND sync_state = 'quorum'", &n); n == p.standbys {
			return nil
		}
		select {
		case <-ctx.Done():
			err = fmt.Errorf("the standbys did not form a quorum: %w", ctx.Err())
		case <-time.After(50 * time.Millisecond):
		}
	}
	return err
}

// exec runs texts of statements on the primary, each text in a transaction.
func (p *Peer) exec(ctx context.Context, texts ...string) error {
	c, err := pgx.Connect(ctx, p.servers[0].url())
	if err != nil {
		return err
	}
	defer c.Close(ctx)
	for _, sql := range texts {
		if _, err := c.PgConn().Exec(ctx, sql).ReadAll(); err != nil {
			return fmt.Errorf("%.60s: %w", sql, err)
		}
	}
	return nil
}

// query asks the primary for one row.
func (p *Peer) query(ctx context.Context, sql string, into ...any) error {
	c, err := pgx.Connect(ctx, p.servers[0].url())
	if err != nil {
		return err
	}
	defer c.Close(ctx)
	if err := c.QueryRow(ctx, sql).Scan(into...); err != nil {
		return fmt.Errorf("%.60s: %w", sql, err)
	}
	return nil
}

// facts asks the server what it is, and how it is set.
func (p *Peer) facts(ctx context.Context) (f peer.Facts, err error) {
	const settings = `SELECT (SELECT setting FROM pg_settings WHERE name = 'server_version'),
		array_agg(name || ' = ' || current_setting(name) ORDER BY name) FROM pg_settings
		WHERE source IN ('configuration file', 'command line') AND name NOT IN ('port', 'primary_conninfo')
		OR name IN ('wal_sync_method', 'data_checksums', 'synchronous_standby_names', 'server_encoding', 'lc_collate', 'max_connections', 'autovacuum')`
	f.Client = "github.com/jackc/pgx/v5 " + module.Version("github.com/jackc/pgx/v5")
	err = p.query(ctx, settings, &f.Version, &f.Settings)
	f.Version = "PostgreSQL " + f.Version
	return f, err
}

// Pids implements peer.Peer.
func (p *Peer) Pids() []int {
	var pids []int
	for _, s := range p.servers {
		if s.proc != nil {
			pids = append(pids, s.proc.Pid())
		}
	}
	return pids
}

// DiskBytes implements peer.Peer: the table with its indexes behind a vacuum and a checkpoint, and the segments of the WAL.
func (p *Peer) DiskBytes(ctx context.Context) (d peer.Disk, err error) {
	if err := p.exec(ctx, "VACUUM events", "CHECKPOINT"); err != nil {
		return d, err
	}
	var table int64
	err = p.query(ctx, `SELECT (SELECT count(*) FROM events), pg_total_relation_size('events'), pg_table_size('events'),
		(SELECT sum(size)::bigint FROM pg_ls_waldir())`, &d.Events, &d.Bytes, &table, &d.Log)
	d.Note = fmt.Sprintf("table %d, indexes %d", table, d.Bytes-table)
	return d, err
}

// Stop implements peer.Peer. Standbys are stopped after the primary, so that they get all it has.
func (p *Peer) Stop() error {
	for _, c := range p.clients {
		closing, cancel := context.WithTimeout(context.Background(), time.Second)
		_ = c.conn.Close(closing) // the server ends it otherwise
		cancel()
	}
	p.clients = nil
	var errs []error
	for _, s := range p.servers {
		errs = append(errs, s.stop())
	}
	return errors.Join(errs...)
}

// connect makes sure that there are so many clients.
func (p *Peer) connect(ctx context.Context, n int) error {
	for len(p.clients) < n {
		conn, err := pgconn.Connect(ctx, p.servers[0].url())
		if err != nil {
			return err
		}
		p.clients = append(p.clients, &client{conn: conn})
		for name, sql := range statements() {
			if _, err := conn.Prepare(ctx, name, sql, nil); err != nil {
				return fmt.Errorf("prepare %s: %w", name, err)
			}
		}
	}
	return nil
}

// What a load sends.
const (
	loadClients = 8
	loadBatch   = 1000
)

// Load implements peer.Loader by COPY.
func (p *Peer) Load(ctx context.Context, n int, progress func(events int)) error {
	if err := p.connect(ctx, loadClients); err != nil {
		return err
	}
	var mu sync.Mutex // guards the rest
	left, done := (n+loadBatch-1)/loadBatch, 0
	next := func() (request, bool) {
		mu.Lock()
		defer mu.Unlock()
		if left == 0 {
			return request{}, false
		}
		left--
		return copyRequest(p.sample.Batch(loadBatch)), true
	}
	g, gctx := errgroup.WithContext(ctx)
	for i := range loadClients {
		g.Go(func() error {
			for rq, more := next(); more; rq, more = next() {
				if err := p.clients[i].copyIn(gctx, &rq, &p.ids); err != nil {
					return err
				}
				mu.Lock()
				done += loadBatch
				progress(done)
				mu.Unlock()
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return fmt.Errorf("load: %w", err)
	}
	return p.exec(ctx, "VACUUM ANALYZE events", "CHECKPOINT")
}
