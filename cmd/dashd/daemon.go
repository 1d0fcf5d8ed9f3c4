package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"dashd/eventlog"
	"dashd/geo"
	"dashd/httpapi"
	"dashd/internal/commands"
	"dashd/internal/domaincheck"
	"dashd/internal/drains"
	"dashd/internal/errs"
	"dashd/internal/kv"
	"dashd/internal/node"
	"dashd/internal/outbound"
	"dashd/internal/refusals"
	"dashd/internal/seal"
	"dashd/internal/tokens"
	"dashd/projections"
)

// firstKeyName is the file that holds the API key of the first start.
const firstKeyName = "first-key"

// daemon is a node with everything that hangs on its log.
type daemon struct {
	dir      string
	started  time.Time
	node     *node.Node
	sealer   *seal.Sealer
	access   *projections.Follower
	commands *commands.Commands
	outbound *outbound.Client
	tokens   *tokens.Sets
	domains  *domaincheck.Checker
	drains   *drains.Deliverer
	refusals *refusals.Recorder
	places   *geo.Locator
}

// openDaemon opens the parts, from the disk up.
func openDaemon(ctx context.Context, cfg Config, log *slog.Logger) (*daemon, error) {
	n, err := node.Open(ctx, node.Config{
		Dir: cfg.DataDir, Log: log, Now: now, Watermarks: cfg.watermarks(),
		Database: kv.Options{MinFree: cfg.watermarks().Stop.Bytes / 2},
	})
	if err != nil {
		return nil, err
	}
	sealer, err := seal.Open(cfg.DataDir)
	if err != nil {
		return nil, errors.Join(err, n.Close())
	}
	out, err := outbound.New(cfg.outbound())
	if err != nil {
		return nil, errors.Join(err, n.Close())
	}
	keys, err := openTokenKeys(cfg, out, log)
	if err != nil {
		return nil, errors.Join(err, n.Close())
	}
	d := &daemon{dir: cfg.DataDir, started: time.Now(), node: n, sealer: sealer, outbound: out, tokens: keys}
	d.access = projections.NewFollower(n.Store, n.Index)
	d.commands = commands.New(commands.Options{
		Appender: n.Appender, Reports: n.Appender, Access: d.access, Dash: n.Dash, Log: n.Store, Sealer: sealer, Now: now, Settle: n.Settle,
		Organizations: cfg.organizations(), Resolver: outbound.NewDNS(nil),
	})
	d.drains = drains.New(drains.Options{
		Log: log, Events: n.Store, Index: n.Index, Dash: n.Dash, Positions: n.KV, Sealer: sealer,
		Sender: out, Lead: n.Cluster, Suspend: d.commands.SuspendDrain,
	})
	if d.places, err = geo.Open(cfg.geo(log, cfg.DataDir, d.noteGeoFile)); err != nil {
		return nil, errors.Join(err, n.Close())
	}
	d.refusals = refusals.New(refusals.Options{Log: log, Now: now, Trail: d.commands})
	d.domains = domaincheck.New(domaincheck.Options{
		Log: log, Leading: d.leading, Projects: d.projects, Image: n.Dash.Image, Recheck: d.commands.RecheckSSODomain,
	})
	return d, nil
}

// now is the one clock of the process, in ms.
func now() int64 { return time.Now().UnixMilli() }

// run works until ctx ends or a part fails. The node stops last: how far log drains have
// come is noted in it when they end, and so is which requests were refused.
func (d *daemon) run(ctx context.Context) error {
	nodeCtx, stopNode := context.WithCancel(context.WithoutCancel(ctx))
	defer stopNode()
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return d.node.Run(nodeCtx) })
	g.Go(func() error { return d.access.Run(ctx) })
	g.Go(func() error { return d.domains.Run(ctx) })
	g.Go(func() error { return d.tokens.Run(ctx) })
	g.Go(func() error { return d.places.Run(ctx) })
	if d.places.Status().File != "" {
		g.Go(func() error { return d.reloadOnHangup(ctx) })
	}
	g.Go(func() error {
		defer stopNode()
		noting, ctx := errgroup.WithContext(ctx)
		noting.Go(func() error { return d.drains.Run(ctx) })
		noting.Go(func() error { return d.refusals.Run(ctx) })
		return noting.Wait()
	})
	return g.Wait()
}

// leading reports whether this node leads.
func (d *daemon) leading() bool {
	_, err := d.node.Cluster.Term()
	return err == nil
}

// projects are the ids of all projects.
func (d *daemon) projects() (ids []string) {
	for _, p := range d.access.Image().Projects() {
		ids = append(ids, p.ID)
	}
	return ids
}

// firstStart waits until the node is ready, makes what a new cluster needs, and
// makes sure that this node can open what the cluster has sealed. It returns the first API key, which is also written to a file, or "" if this
// is not the first start.
func (d *daemon) firstStart(ctx context.Context, cfg Config) (string, error) {
	if err := d.node.WaitReady(ctx); err != nil {
		return "", err
	}
	key, err := d.commands.Bootstrap(ctx, commands.Bootstrap{
		Key:  cfg.BootstrapAPIKey,
		Save: func(key string) error { return saveFirstKey(filepath.Join(d.dir, firstKeyName), key) },
	})
	switch {
	case err != nil && cfg.BootstrapAPIKey != "" && errs.KindOf(err) == errs.Invalid:
		return "", fmt.Errorf("%s: %w", bootstrapVariable, err)
	case err != nil:
		return "", fmt.Errorf("first start: %w", err)
	}
	return key, d.access.Image().CheckSealer(d.sealer)
}

// saveFirstKey writes the first API key where only the owner can read it. What a
// start that was cut short left there opens nothing, and is replaced.
func saveFirstKey(path, key string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(key + "\n")
	return errors.Join(err, f.Sync(), f.Close())
}

// api is the HTTP face of the node.
func (d *daemon) api(cfg Config, log *slog.Logger, stopping <-chan struct{}) *httpapi.Server {
	return httpapi.New(httpapi.Options{
		Log: log, Now: now, Store: d.node.Store, Index: d.node.Index, Appender: d.node.Appender,
		Access: d.access, Dash: d.node.Dash, History: d.node.History, Commands: d.commands, Drains: d.drains, Health: d, Stopping: stopping,
		Settings: cfg.settings(), Tokens: d.tokens, Places: d.places, Refusals: d.refusals,
	})
}

// settings are those of the HTTP face.
func (cfg Config) settings() httpapi.Settings {
	s := httpapi.Settings{
		AnswerUnavailable: cfg.StudioOnUnavailable == "503", Names: cfg.names(), Redact: map[string]bool{}, Off: cfg.off(),
		ActivityTracking: cfg.ActivityTracking, BackupCodesViewable: cfg.BackupCodesViewable, TrustedOrigins: cfg.origins(),
		PublicURL: cfg.PublicURL, Version: version,
	}
	for key := range strings.SplitSeq(cfg.Redact, ",") {
		if key = strings.TrimSpace(key); key != "" {
			s.Redact[eventlog.FoldKey(key)] = true
		}
	}
	return s
}

// Ready implements httpapi.Health.
func (d *daemon) Ready() []string { return d.node.NotReady() }

// Status implements httpapi.Health.
func (d *daemon) Status() any {
	id := d.node.Identity()
	s := nodeStatus{
		Version: version, NodeID: id.NodeID, ClusterID: id.ClusterID, Started: d.started, NotReady: d.Ready(),
		Head: d.node.Store.Head(), Persisted: d.node.Store.PersistedSeq(), Indexed: d.node.Index.Indexed(),
		Access: d.access.Seq(), Dash: d.node.Dash.Status(),
		Pending: d.node.Store.Pending(), Raft: d.node.Cluster.Status(), Geo: d.places.Status(),
	}
	if space, err := kv.FreeSpace(d.dir); err == nil {
		s.Disk = diskStatus{Free: space.Free, Total: space.Total}
	}
	return s
}
