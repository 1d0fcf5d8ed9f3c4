package etcd

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"dashd/bench/peers/internal/module"
	"dashd/bench/peers/internal/peer"
	"dashd/bench/peers/internal/proc"
	"dashd/bench/peers/internal/sample"
)

// program is the main package of the server, a tool of this module.
const program = "go.etcd.io/etcd/server/v3"

// members of the cluster.
const members = 3

// Peer is etcd with three members.
type Peer struct {
	members []*member
	sample  *sample.Sample
	ids     sample.IDs
	loaded  int // events, by Load
	// clients are connections to the leader as it was when the last scenario was prepared.
	clients []*clientv3.Client
	leader  string
}

// New returns a cluster that was not started.
func New() *Peer { return &Peer{} }

// Name implements peer.Peer.
func (p *Peer) Name() string { return "etcd" }

// Start implements peer.Peer.
func (p *Peer) Start(ctx context.Context, dir string) (facts peer.Facts, err error) {
	path, err := module.Tool(ctx, program)
	if err != nil {
		return facts, err
	}
	ports, err := proc.Ports(2 * members)
	if err != nil {
		return facts, err
	}
	p.sample = sample.New(sample.Seed, sample.Users)
	for i := range members {
		p.members = append(p.members, &member{name: fmt.Sprintf("etcd%d", i+1), dir: dir, clientPort: ports[2*i], peerPort: ports[2*i+1]})
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, p.Stop())
		}
	}()
	for _, m := range p.members {
		if err = m.start(path, p.members); err != nil {
			return facts, err
		}
	}
	for _, m := range p.members {
		if err = m.ready(ctx); err != nil {
			return facts, err
		}
	}
	return p.facts(ctx)
}

// facts asks the leader what it is. It does not tell its flags, but for the quota; the test sees to the others.
func (p *Peer) facts(ctx context.Context) (f peer.Facts, err error) {
	if err := p.connect(ctx, 1); err != nil {
		return f, err
	}
	s, err := p.clients[0].Status(ctx, p.leader)
	if err != nil {
		return f, err
	}
	if s.DbSizeQuota != quota {
		return f, fmt.Errorf("the quota is %d bytes, not %d", s.DbSizeQuota, int64(quota))
	}
	f.Version = "etcd " + s.Version
	f.Client = "go.etcd.io/etcd/client/v3 " + module.Version("go.etcd.io/etcd/client/v3")
	f.Settings = []string{fmt.Sprintf("members = %d", members)}
	for _, s := range common {
		f.Settings = append(f.Settings, s.name+" = "+s.value)
	}
	return f, nil
}

// connect makes sure that there are so many connections to the leader.
func (p *Peer) connect(ctx context.Context, n int) error {
	leader, err := p.findLeader(ctx)
	if err != nil {
		return err
	}
	if leader != p.leader {
		p.disconnect()
		p.leader = leader
	}
	for len(p.clients) < n {
		c, err := dial(leader)
		if err != nil {
			return err
		}
		p.clients = append(p.clients, c)
	}
	return nil
}

// findLeader returns the address of the leader, to which the other members would pass requests on.
func (p *Peer) findLeader(ctx context.Context) (string, error) {
	for _, m := range p.members {
		c, err := dial(m.url())
		if err != nil {
			return "", err
		}
		s, err := c.Status(ctx, m.url())
		c.Close()
		if err != nil {
			return "", err
		}
		if s.Leader == s.Header.MemberId {
			return m.url(), nil
		}
	}
	return "", errors.New("etcd has no leader")
}

func (p *Peer) disconnect() {
	for _, c := range p.clients {
		_ = c.Close() // nothing is under way
	}
	p.clients = nil
}

// Pids implements peer.Peer.
func (p *Peer) Pids() []int {
	var pids []int
	for _, m := range p.members {
		if m.proc != nil {
			pids = append(pids, m.proc.Pid())
		}
	}
	return pids
}

// DiskBytes implements peer.Peer. Each key has one version, so compaction would free nothing; what defragmentation would give back (it stops the
// member meanwhile) is not counted.
func (p *Peer) DiskBytes(ctx context.Context) (d peer.Disk, err error) {
	if err := p.connect(ctx, 1); err != nil {
		return d, err
	}
	c := p.clients[0]
	events, err := c.Get(ctx, eventPrefix, clientv3.WithPrefix(), clientv3.WithCountOnly())
	if err != nil {
		return d, err
	}
	byUser, err := c.Get(ctx, userPrefix, clientv3.WithPrefix(), clientv3.WithCountOnly())
	if err != nil {
		return d, err
	}
	s, err := p.settled(ctx)
	if err != nil {
		return d, err
	}
	d.Events, d.Bytes = events.Count, s.DbSizeInUse
	d.Note = fmt.Sprintf("database file %d", s.DbSize)
	if byUser.Count > 0 {
		d.Note += fmt.Sprintf("; with %d keys by user", byUser.Count)
	}
	d.Log, err = p.logBytes()
	return d, err
}

// settled returns the leader's status once its database has stopped growing: what was acknowledged is written to it
// every 100 ms.
func (p *Peer) settled(ctx context.Context) (*clientv3.StatusResponse, error) {
	const interval = 500 * time.Millisecond
	for size := int64(-1); ; {
		s, err := p.clients[0].Status(ctx, p.leader)
		if err != nil || s.DbSizeInUse == size {
			return s, err
		}
		size = s.DbSizeInUse
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(interval):
		}
	}
}

// logBytes is the size of the leader's write-ahead log. Its files are made 64 MB long before they are written.
func (p *Peer) logBytes() (n int64, err error) {
	for _, m := range p.members {
		if m.url() != p.leader {
			continue
		}
		files, err := filepath.Glob(filepath.Join(m.data(), "member", "wal", "*"))
		if err != nil {
			return 0, err
		}
		for _, f := range files {
			if info, err := os.Stat(f); err == nil { // it may just have been purged
				n += info.Size()
			}
		}
	}
	return n, nil
}

// Stop implements peer.Peer.
func (p *Peer) Stop() error {
	p.disconnect()
	p.leader = ""
	stopped := make(chan error, len(p.members))
	for _, m := range p.members {
		// At the same time: one that is alone looks for the others first. All are waited for below.
		go func() { stopped <- m.stop() }()
	}
	var errs []error
	for range p.members {
		errs = append(errs, <-stopped)
	}
	return errors.Join(errs...)
}
