package nats

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"dashd/bench/peers/internal/module"
	"dashd/bench/peers/internal/peer"
	"dashd/bench/peers/internal/proc"
	"dashd/bench/peers/internal/sample"
)

// program is the main package of the server, a tool of this module.
const program = "github.com/nats-io/nats-server/v2"

// replicas of each stream: one on each server.
const replicas = 3

// The streams, each with one subject of the same name.
const (
	events  = "events"  // one event a message
	bundles = "bundles" // 1,000 events a message
)

// Peer is a stream on three servers.
type Peer struct {
	servers []*server
	sample  *sample.Sample
	clients []*client // of the last scenario that was prepared
}

// client is a connection with what its requests are made in.
type client struct {
	conn *nats.Conn
	js   jetstream.JetStream
}

// New returns servers that were not started.
func New() *Peer { return &Peer{} }

// Name implements peer.Peer.
func (p *Peer) Name() string { return "nats" }

// Start implements peer.Peer.
func (p *Peer) Start(ctx context.Context, dir string) (facts peer.Facts, err error) {
	path, err := module.Tool(ctx, program)
	if err != nil {
		return facts, err
	}
	ports, err := proc.Ports(3 * replicas)
	if err != nil {
		return facts, err
	}
	p.sample = sample.New(sample.Seed, sample.Users)
	for i := range replicas {
		p.servers = append(p.servers, &server{
			name: fmt.Sprintf("nats%d", i+1), dir: dir,
			clientPort: ports[3*i], routePort: ports[3*i+1], statsPort: ports[3*i+2],
		})
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, p.Stop())
		}
	}()
	for _, s := range p.servers {
		if err = s.start(path, p.servers); err != nil {
			return facts, err
		}
	}
	for _, s := range p.servers {
		if err = s.ready(ctx); err != nil {
			return facts, err
		}
	}
	return p.makeStreams(ctx)
}

// streamConfig is how a stream is made. It has no limit, as an event log has none, and no compression, which is the fastest.
func streamConfig(name string) jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name: name, Subjects: []string{name}, Storage: jetstream.FileStorage, Replicas: replicas,
		AllowAtomicPublish: true, AllowBatchPublish: true,
	}
}

// makeStreams makes the streams and asks all servers how they are set.
func (p *Peer) makeStreams(ctx context.Context) (f peer.Facts, err error) {
	c, err := connect(p.servers[0])
	if err != nil {
		return f, err
	}
	defer c.conn.Close()
	for _, name := range []string{events, bundles} {
		if err := c.makeStream(ctx, name); err != nil {
			return f, fmt.Errorf("make stream %s: %w", name, err)
		}
	}
	f.Version = "nats-server " + c.conn.ConnectedServerVersion()
	f.Client = "github.com/nats-io/nats.go " + module.Version("github.com/nats-io/nats.go") +
		", github.com/synadia-io/orbit.go/jetstreamext " + module.Version("github.com/synadia-io/orbit.go/jetstreamext")
	f.Settings = append([]string{
		fmt.Sprintf("servers = %d", replicas), fmt.Sprintf("stream.num_replicas = %d", replicas),
		"stream.storage = file", "stream.compression = none", "stream.persist_mode = default", "stream.allow_atomic = true", "stream.allow_batched = true",
	}, common...)
	for _, s := range p.servers {
		if _, err := s.settings(ctx); err != nil {
			return f, err
		}
	}
	return f, nil
}

// makeStream makes a stream, which fails as long as servers are still finding each other.
func (c *client) makeStream(ctx context.Context, name string) error {
	for {
		_, err := c.js.CreateStream(ctx, streamConfig(name))
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return errors.Join(err, ctx.Err())
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// patience is how long the client waits for an acknowledgement; 5 s unless set.
const patience = time.Minute

func connect(s *server) (*client, error) {
	conn, err := s.dial()
	if err != nil {
		return nil, err
	}
	js, err := jetstream.New(conn, jetstream.WithDefaultTimeout(patience), jetstream.WithPublishAsyncMaxPending(window))
	if err != nil {
		conn.Close()
		return nil, err
	}
	return &client{conn, js}, nil
}

// connect makes so many connections to the server that leads a stream, to which the others would pass messages on.
func (p *Peer) connect(ctx context.Context, n int, stream string) error {
	p.disconnect()
	leader, err := p.findLeader(ctx, stream)
	if err != nil {
		return err
	}
	for range n {
		c, err := connect(leader)
		if err != nil {
			return err
		}
		p.clients = append(p.clients, c)
	}
	return nil
}

// findLeader waits until a stream has a leader.
func (p *Peer) findLeader(ctx context.Context, stream string) (*server, error) {
	c, err := connect(p.servers[0])
	if err != nil {
		return nil, err
	}
	defer c.conn.Close()
	for {
		info, err := c.info(ctx, stream)
		if err == nil && info.Cluster != nil {
			for _, s := range p.servers {
				if s.name == info.Cluster.Leader {
					return s, nil
				}
			}
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("stream %s has no leader: %w", stream, errors.Join(err, ctx.Err()))
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func (c *client) info(ctx context.Context, stream string) (*jetstream.StreamInfo, error) {
	s, err := c.js.Stream(ctx, stream)
	if err != nil {
		return nil, err
	}
	return s.CachedInfo(), nil
}

func (p *Peer) disconnect() {
	for _, c := range p.clients {
		c.conn.Close()
	}
	p.clients = nil
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

// DiskBytes implements peer.Peer: the files of the stream of single events on its leader, and those of all Raft logs there.
func (p *Peer) DiskBytes(ctx context.Context) (d peer.Disk, err error) {
	if err := p.connect(ctx, 1, events); err != nil {
		return d, err
	}
	info, err := p.clients[0].info(ctx, events)
	if err != nil {
		return d, err
	}
	leader, err := p.findLeader(ctx, events)
	if err != nil {
		return d, err
	}
	d.Events = int64(info.State.Msgs)
	if d.Bytes, err = size(filepath.Join(leader.data(), "jetstream", "$G", "streams", events)); err != nil {
		return d, err
	}
	d.Log, err = size(filepath.Join(leader.data(), "jetstream", "$SYS", "_js_"))
	d.Note = fmt.Sprintf("the server counts %d bytes", info.State.Bytes)
	return d, err
}

// size adds up the files below a directory.
func size(dir string) (n int64, err error) {
	err = filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			if path != dir && errors.Is(err, fs.ErrNotExist) {
				return nil // it was removed just now
			}
			return err
		}
		if info, err := e.Info(); err == nil {
			n += info.Size()
		}
		return nil
	})
	return n, err
}

// Stop implements peer.Peer.
func (p *Peer) Stop() error {
	p.disconnect()
	stopped := make(chan error, len(p.servers))
	for _, s := range p.servers {
		// At the same time, so that none looks for a new leader first. All are waited for below.
		go func() { stopped <- s.stop() }()
	}
	var errs []error
	for range p.servers {
		errs = append(errs, <-stopped)
	}
	return errors.Join(errs...)
}
