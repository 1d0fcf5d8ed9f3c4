package cluster

import (
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/raft"

	"dashd/eventlog/store"
	"dashd/internal/errs"
)

// Names for raft's types, so that the composition needs no raft of its own.
type (
	// Transport carries raft's messages to other nodes.
	Transport = raft.Transport
	// FSM takes the entries that are committed.
	FSM = raft.BatchingFSM
	// Snapshots tells raft what position Events has persisted.
	Snapshots = raft.SnapshotStore
)

// Events is what this package asks of the event log.
type Events interface {
	Applied() store.Position
	Persisted() store.Position
}

// Config of Open. All fields are required but those that say otherwise.
type Config struct {
	Dir    string
	Node   *NodeFile
	Events Events
	// NewFSM makes what applies entries to Events. between returns nil if the
	// entries from first to last are raft's own.
	NewFSM    func(between func(first, last uint64) error) FSM
	Snapshots Snapshots
	// Stream is the way to the other nodes, and Address the one at which they reach this
	// one. nil: there are none.
	Stream  Stream
	Address string
	// Transport is used instead of Stream, if not nil.
	Transport Transport
	Log       *slog.Logger
	// Fatal is told why the node must stop, from any goroutine. It may return.
	Fatal func(error)
	// Working, if not nil, is told when a write of the raft log begins, and calls back when it
	// has ended.
	Working func() (ended func())
	// TruncateBytes of new entries are a reason to truncate the raft log, besides
	// their number; 0: 32 MiB.
	TruncateBytes int64
	// Failed is closed when the node must stop, for whatever reason: from then on
	// nothing is acknowledged.
	Failed <-chan struct{}
}

const (
	defaultTruncateBytes = 32 << 20
	// Entries of half of TruncateBytes are kept for nodes that lag, within these bounds.
	minTrailing      = 64
	maxTrailing      = 2048
	truncateEntries  = 1024
	truncateInterval = 10 * time.Second
	heartbeatTimeout = time.Second
	leaseTimeout     = 500 * time.Millisecond
	enqueueTimeout   = 10 * time.Second
	maxAppendEntries = 16 // of up to 1 MiB each in one message
	kick             = 100 * time.Millisecond
	leadPause        = 10 * time.Millisecond // before a node that leads asks again whether it has applied all
	notifications    = 64
	transportTimeout = 5 * time.Second // of one message, with the write it causes
	transportPool    = 3
	cachedEntries    = 32 // of up to 1 MiB each
	observations     = 64
)

// Cluster is the raft node of this machine.
type Cluster struct {
	Config
	raft  *raft.Raft
	alone bool // there is no way to other nodes
	// running is raft, for the transport, which is there before it.
	running atomic.Pointer[raft.Raft]
	logs    *logStore
	entries raft.LogStore // of logs, the newest in memory
	notify  chan bool
	seen    chan raft.Observation // that another node leads
	down    chan struct{}         // closed when raft answers nothing more

	lead    atomic.Uint64 // the term Term answers; 0: none
	giving  atomic.Bool   // Transfer is at work
	reached reached

	proposed proposed

	mu      sync.Mutex
	changed chan struct{} // closed and replaced when lead, or who leads, changes

	barriers, polls rounds
	poll            atomic.Pointer[poll] // that is going on; nil: none
}

// Open starts raft on the data directory, or refuses it. A new directory becomes
// a cluster of one, unless it joins another. Run must be running for this node to lead.
func Open(c Config) (*Cluster, error) {
	if c.TruncateBytes <= 0 {
		c.TruncateBytes = defaultTruncateBytes
	}
	logs, err := openLog(c)
	if err != nil {
		return nil, err
	}
	cl := &Cluster{
		Config:  c,
		logs:    logs,
		notify:  make(chan bool, notifications),
		down:    make(chan struct{}),
		seen:    make(chan raft.Observation, observations),
		changed: make(chan struct{}),
	}
	cl.barriers.run = func() error { return cl.await(cl.raft.Barrier(enqueueTimeout)) }
	cl.polls.run = cl.confirm
	if err := cl.start(); err != nil {
		close(cl.down)
		return nil, errors.Join(err, logs.close())
	}
	return cl, nil
}

func (c *Cluster) start() error {
	if err := c.logs.verify(c.Node, c.Events); err != nil {
		return err
	}
	if err := c.logs.dropPassed(c.Events.Persisted().Index); err != nil {
		return err
	}
	id := raft.ServerID(c.Node.Identity().NodeID)
	c.alone = c.Stream == nil && c.Transport == nil
	c.openTransport(id)
	conf := c.raftConfig(id)
	if c.Node.New() && !c.Node.Joins() {
		err := raft.BootstrapCluster(conf, c.logs, c.logs, c.Snapshots, c.Transport, raft.Configuration{
			Servers: []raft.Server{{Suffrage: raft.Voter, ID: id, Address: c.Transport.LocalAddr()}},
		})
		// An interrupted first start may have done it.
		if err != nil && !errors.Is(err, raft.ErrCantBootstrap) {
			return fmt.Errorf("begin a cluster: %w", err)
		}
	}
	if err := c.Node.note(0, 0, false); err != nil {
		return err
	}
	r, err := c.newRaft(conf)
	if err != nil {
		return err
	}
	c.raft = r
	c.running.Store(r)
	r.RegisterObserver(raft.NewObserver(c.seen, false, func(o *raft.Observation) bool {
		_, ok := o.Data.(raft.LeaderObservation)
		return ok
	}))
	c.hurry(id)
	return nil
}

// newRaft starts raft. A failure of storage does not return to raft, nor here.
func (c *Cluster) newRaft(conf *raft.Config) (*raft.Raft, error) {
	type made struct {
		r   *raft.Raft
		err error
	}
	c.logs.guarded.Store(true)
	var err error
	if c.entries, err = c.cached(); err != nil {
		return nil, err
	}
	done := make(chan made, 1)
	go func() {
		r, err := raft.NewRaft(conf, c.NewFSM(c.logs.ownEntries), c.entries, c.logs, c.Snapshots, insistent{newOrderly(c.Transport, c)})
		done <- made{r, err}
	}()
	select {
	case m := <-done:
		if m.err != nil {
			return nil, errs.Stop(errs.ExitIntegrity, fmt.Errorf("start raft: %w", m.err))
		}
		return m.r, nil
	case <-c.Failed:
		return nil, errors.New("start raft: storage failed")
	}
}

// cached is the raft log. The newest entries stay in memory if there are other nodes to
// send them to.
func (c *Cluster) cached() (raft.LogStore, error) {
	if c.alone {
		return c.logs, nil
	}
	return raft.NewLogCache(cachedEntries, c.logs)
}

func (c *Cluster) raftConfig(id raft.ServerID) *raft.Config {
	conf := raft.DefaultConfig()
	conf.LocalID = id
	conf.Logger = newLogger(c.Log)
	conf.NotifyCh = c.notify
	conf.NoSnapshotRestoreOnStart = true // the event log is the snapshot
	conf.BatchApplyCh = false            // so that ErrEnqueueTimeout is certain
	conf.HeartbeatTimeout = heartbeatTimeout + kick
	conf.ElectionTimeout = heartbeatTimeout + kick
	conf.LeaderLeaseTimeout = leaseTimeout
	conf.MaxAppendEntries = maxAppendEntries
	conf.SnapshotInterval = truncateInterval
	conf.SnapshotThreshold = truncateEntries
	conf.TrailingLogs = minTrailing
	conf.NoLegacyTelemetry = true
	conf.ShutdownOnRemove = false // the node is told by the log that it was removed
	return conf
}

// hurry sets the timeouts of normal work. Raft takes shorter ones as a reason to
// look at once whether there is a leader; only a node that is alone is told
// early enough to make it elect itself without waiting.
func (c *Cluster) hurry(id raft.ServerID) {
	servers := c.raft.GetConfiguration().Configuration().Servers
	if len(servers) != 1 || servers[0].ID != id {
		return
	}
	conf := c.raft.ReloadableConfig()
	conf.HeartbeatTimeout, conf.ElectionTimeout = heartbeatTimeout, heartbeatTimeout
	if err := c.raft.ReloadConfig(conf); err != nil {
		panic(fmt.Sprintf("cluster: raft refuses its timeouts: %v", err))
	}
}

// Close stops raft and closes its log. Run has returned before; what is in flight
// ends as unknown. It does not wait for raft if storage has failed, for raft may
// be held there: the process is about to end.
func (c *Cluster) Close() error {
	c.setLead(0)
	future := c.raft.Shutdown()
	close(c.down)
	if c.failed() {
		return nil
	}
	if err := future.Error(); err != nil {
		return fmt.Errorf("stop raft: %w", err)
	}
	if err := c.closeTransport(); err != nil {
		c.Log.Info("transport not closed in order", "err", err)
	}
	term := c.raft.CurrentTerm()
	if err := c.logs.close(); err != nil {
		return errs.Stop(errs.ExitIO, fmt.Errorf("close raft log: %w", err))
	}
	return c.Node.note(term, c.Events.Applied().Index, false)
}

func (c *Cluster) failed() bool {
	select {
	case <-c.Failed:
		return true
	default:
		return false
	}
}
