package main

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"dashd/eventlog"
	"dashd/geo"
	"dashd/httpapi"
	"dashd/internal/cluster"
	"dashd/internal/commands"
	"dashd/internal/deadman"
	"dashd/internal/domaincheck"
	"dashd/internal/drains"
	"dashd/internal/errs"
	"dashd/internal/kv"
	"dashd/internal/node"
	"dashd/internal/outbound"
	"dashd/internal/peer"
	"dashd/internal/refusals"
	"dashd/internal/relay"
	"dashd/internal/seal"
	"dashd/internal/tokens"
	"dashd/projections"
)

// firstKeyName is the file that holds the API key of the first start.
const firstKeyName = "first-key"

// daemon is a node with everything that hangs on its log.
type daemon struct {
	dir       string
	started   time.Time
	log       *slog.Logger
	node      *node.Node
	port      *clusterPort   // nil: no other node reaches this one
	peers     *http.ServeMux // the requests of other nodes; nil without a port
	forwarded front          // of them, commands that came to another node
	members   *membership    // nil without a port
	relay     *relay.Relay
	sealer    *seal.Sealer
	access    *projections.Follower
	commands  *commands.Commands
	outbound  *outbound.Client
	tokens    *tokens.Sets
	domains   *domaincheck.Checker
	drains    *drains.Deliverer
	refusals  *refusals.Recorder
	places    *geo.Locator
}

// openDaemon opens the parts, from the disk up.
func openDaemon(ctx context.Context, cfg Config, log *slog.Logger) (_ *daemon, err error) {
	d := &daemon{dir: cfg.DataDir, started: time.Now(), log: log}
	n, err := d.openNode(ctx, cfg)
	if err != nil {
		return nil, errors.Join(err, d.port.close())
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, n.Close(), d.port.close())
		}
	}()
	sealer, err := seal.Open(cfg.DataDir)
	if err != nil {
		return nil, err
	}
	out, err := outbound.New(cfg.outbound())
	if err != nil {
		return nil, err
	}
	keys, err := openTokenKeys(cfg, out, log)
	if err != nil {
		return nil, err
	}
	d.node, d.access, d.sealer, d.outbound, d.tokens = n, n.Access, sealer, out, keys
	d.relay = relay.New(n.Appender, n, relay.Options{Log: log, Access: d.access, Now: now, NodeID: n.Identity().NodeID})
	d.commands = commands.New(commands.Options{
		Appender: n.Appender, Reports: d.relay, Access: d.access, Dash: n.Dash, Log: n.Store, Sealer: sealer, Now: now, Settle: n.Settle,
		Organizations: cfg.organizations(), Resolver: outbound.NewDNS(nil),
	})
	d.drains = drains.New(drains.Options{
		Log: log, Events: n.Store, Index: n.Index, Dash: n.Dash, Positions: n.KV, Sealer: sealer,
		Sender: out, Lead: n.Cluster, Suspend: d.commands.SuspendDrain,
		Advance: d.commands.AdvanceDrains, Others: n.HasOthers,
	})
	n.BeforeTransfer = d.drains.Tell
	if d.places, err = geo.Open(cfg.geo(log, cfg.DataDir, d.noteGeoFile)); err != nil {
		return nil, err
	}
	d.refusals = refusals.New(refusals.Options{Log: log, Now: now, Trail: d.commands})
	d.connect(log)
	d.domains = domaincheck.New(domaincheck.Options{
		Log: log, Leading: d.leading, Projects: d.projects, Image: n.Dash.Image, Recheck: d.commands.RecheckSSODomain,
	})
	return d, nil
}

// openNode opens the node, which joins a cluster first if it was told to, and its cluster port.
func (d *daemon) openNode(ctx context.Context, cfg Config) (*node.Node, error) {
	var credentials *peer.Credentials
	return node.Open(ctx, node.Config{
		Dir: cfg.DataDir, Log: d.log, Now: now, Watermarks: cfg.watermarks(), Ballast: uint64(cfg.Ballast) << 20,
		CatchUpRate: int64(cfg.CatchUpRate) << 20,
		Database:    kv.Options{MinFree: cfg.watermarks().Stop.Bytes / 2},
		Prepare: func() (err error) {
			if cfg.Cluster == noPort {
				return nil
			}
			if credentials, err = peer.OpenCredentials(cfg.DataDir); err != nil {
				return err
			}
			return joinCluster(ctx, joining{
				Dir: cfg.DataDir, Credentials: credentials, Token: cfg.Join, Address: cfg.advertised(cfg.Cluster), Log: d.log,
			})
		},
		Connect: func(id cluster.Identity) (node.Network, error) {
			var err error
			d.port, err = openPort(cfg, credentials, id, d.log)
			return d.port.network(), err
		},
		Silence: func(silent bool) { d.port.silence(silent) },
		Alive:   mortal(d.log),
	})
}

// mortal returns what has the kernel end the process if it does not hear of it in time.
func mortal(log *slog.Logger) (alive func(within time.Duration)) {
	s, err := deadman.New()
	if err != nil {
		log.Warn("should the disk hang, the process may have to be killed by hand", "err", err)
		return nil
	}
	return s.Within
}

// connect lets other nodes in, once this one can answer them.
func (d *daemon) connect(log *slog.Logger) {
	if d.port == nil {
		return
	}
	d.members = &membership{
		log: log.With("component", "membership"), dir: d.dir, address: d.port.address, node: d.node, access: d.access,
		commands: d.commands, sealer: d.sealer, refusals: d.refusals, client: d.port.Client(), joins: make(chan struct{}, 1),
		credentials: d.port.credentials,
	}
	d.port.self.Store(d.node)
	d.peers = d.node.PeerHandler()
	d.peers.HandleFunc("POST "+relay.Path, d.relay.ServeAppend)
	d.forwarded.use(http.HandlerFunc(notYet))
	d.peers.Handle("/peer/api/", &d.forwarded)
	d.members.members(d.peers)
	d.port.members.use(d.peers)
	d.port.joiners.use(d.members.joiners())
}

// takeForwarded lets other nodes pass on the commands that came to them.
func (d *daemon) takeForwarded(api *httpapi.Server) {
	if d.peers != nil {
		d.forwarded.use(api.PeerHandler())
	}
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
	g.Go(func() error { return d.port.serve(nodeCtx) })
	g.Go(func() error { return d.members.run(ctx) })
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
	for {
		if err := d.node.WaitReady(ctx); err != nil {
			return "", err
		}
		if !d.node.Leads() {
			return "", d.joined(ctx)
		}
		key, err := d.begin(ctx, cfg)
		if errs.CodeOf(err) == cluster.CodeNotLeader && ctx.Err() == nil {
			continue // another node leads now
		}
		return key, err
	}
}

// joined makes sure that a node that follows can open what the cluster has sealed.
func (d *daemon) joined(ctx context.Context) error {
	if err := d.access.Wait(ctx, d.node.Store.Head()); err != nil {
		return err
	}
	return d.access.Image().CheckSealer(d.sealer)
}

// begin makes what a new cluster needs, on the node that leads.
func (d *daemon) begin(ctx context.Context, cfg Config) (string, error) {
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
	if d.members != nil {
		if err := d.members.begin(ctx); err != nil {
			return "", fmt.Errorf("first start: %w", err)
		}
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
		Log: log, Now: now, Store: d.node.Store, Index: d.node.Index, Appender: d.relay, Cluster: d.node,
		Access: d.access, Dash: d.node.Dash, History: d.node.History, Commands: d.commands, Drains: d.drains, Health: d, Stopping: stopping,
		Settings: cfg.settings(), Tokens: d.tokens, Places: d.places, Refusals: d.refusals, Membership: d.membership(),
	})
}

// membership is what the HTTP face shows of the cluster; nil if there can be no other node.
func (d *daemon) membership() httpapi.Membership {
	if d.members == nil {
		return nil
	}
	return d.members
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
	log := d.node.Store.Applied()
	s := nodeStatus{
		Version: version, NodeID: id.NodeID, ClusterID: id.ClusterID, Started: d.started, NotReady: d.Ready(),
		Head: log.Seq, Chain: hex.EncodeToString(log.Chain[:]), Persisted: d.node.Store.PersistedSeq(), Indexed: d.node.Index.Indexed(),
		Access: d.access.Seq(), Dash: d.node.Dash.Status(),
		Pending: d.node.Store.Pending(), Raft: d.node.Cluster.Status(), Geo: d.places.Status(),
		Alarms: d.node.Alarms(),
	}
	if space, err := kv.FreeSpace(d.dir); err == nil {
		s.Disk = diskStatus{Free: space.Free, Total: space.Total}
	}
	return s
}
