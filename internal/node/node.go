package node

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"dashd/eventlog/index"
	"dashd/eventlog/store"
	"dashd/fsm"
	"dashd/internal/appender"
	"dashd/internal/cluster"
	"dashd/internal/errs"
	"dashd/internal/kv"
	"dashd/projections"
)

// Config of Open. Only Dir is required.
type Config struct {
	Dir string // the data directory; it is made if it does not exist
	Log *slog.Logger
	Now func() int64 // ms; the one clock

	// Prepare is called once the directory is locked, before anything in it is read; nil: never.
	Prepare func() error
	// Connect opens the way to the other nodes, once it is known which node this is; nil: there
	// is none. What it opens is closed by who called Open.
	Connect func(cluster.Identity) (Network, error)
	// CatchUpRate is how many bytes of the log a second this node gives to one that catches up;
	// 0: 32 MiB.
	CatchUpRate int64
	// TruncateBytes of new entries are a reason to truncate the raft log; 0: the default of cluster.Config.
	TruncateBytes int64

	Watermarks Watermarks                         // zero: DefaultWatermarks
	Space      func(dir string) (kv.Space, error) // nil: kv.FreeSpace
	Ballast    uint64                             // bytes of the file that is there to be deleted in need; 0: none
	// Silence keeps other nodes away from this one, or lets them near again; nil: there are none.
	Silence func(bool)
	// Alive is told several times a second within which time it will be called again if all is well: a disk that
	// hangs can stop all goroutines. 0: it will not be. nil: nobody waits for it.
	Alive func(within time.Duration)
	// Storage is for tests: it is called when work of storage begins, which lasts until it returns.
	Storage func(work string)
	// Database, Dash and Appender are passed on; what Open knows better is overwritten.
	Database kv.Options
	Dash     projections.DashOptions
	History  projections.HistoryOptions
	Appender appender.Options
}

// Node is a running node up to the appender. The exported fields are immutable
// and ready for use when Open returns; events are taken once Run runs.
type Node struct {
	KV       *kv.DB
	Store    *store.Store
	Index    *index.Index
	Access   *projections.Follower
	Dash     *projections.DashFollower
	History  *projections.History
	Cluster  *cluster.Cluster
	Appender *appender.Appender

	// BeforeTransfer, if not nil, is called before this node gives the lead away. It is set before
	// Run is called.
	BeforeTransfer func(context.Context)

	cfg  Config
	log  *slog.Logger
	file *cluster.NodeFile
	fsm  *fsm.FSM // set while Cluster is opened

	network  Network
	contacts contacts
	giving   sync.Mutex // held while another node is given the log

	vitals
	verified bool // by Open: all tables of the database

	failing sync.Once
	failed  chan struct{} // closed by fail
	ending  chan struct{} // closed when Run begins to stop the parts
	failure error         // set before failed is closed

	closing  sync.Once
	closeErr error
	closers  []func() error // in order of opening
	// closeCluster is one of them. It may be called before, and more than once.
	closeCluster func() error
}

const databaseDir = "events"

// Open opens the data directory, or says with an errs.Fatal why this node must
// not run on it.
//
// The order: the lock, so that nobody else is there; the identity; the free space;
// the database and what it says of itself; raft, which starts to apply what the
// database lacks. Each is checked against those before it.
func Open(ctx context.Context, cfg Config) (n *Node, err error) {
	n = &Node{cfg: withDefaults(cfg), failed: make(chan struct{}), ending: make(chan struct{})}
	n.log = n.cfg.Log.With("component", "node")
	n.works.hook = n.cfg.Storage
	defer func() {
		if err != nil {
			err = errors.Join(err, n.Close())
			n = nil
		}
	}()
	start := time.Now()
	steps := []func() error{n.openDir, n.checkDisk, n.keepBallast, n.openDatabase, n.openCluster, n.syncDirs}
	for _, step := range steps {
		if err := ctx.Err(); err != nil {
			return n, fmt.Errorf("open node: %w", err)
		}
		if err := step(); err != nil {
			return n, err
		}
	}
	n.openAppender()
	id := n.Identity()
	n.log.Info("node opened", "node", id.NodeID, "cluster", id.ClusterID,
		"seq", n.Store.Head(), "elapsed", time.Since(start))
	return n, nil
}

func withDefaults(cfg Config) Config {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Now == nil {
		cfg.Now = func() int64 { return time.Now().UnixMilli() }
	}
	if cfg.Watermarks == (Watermarks{}) {
		cfg.Watermarks = DefaultWatermarks
	}
	if cfg.CatchUpRate <= 0 {
		cfg.CatchUpRate = DefaultCatchUpRate
	}
	if cfg.Space == nil {
		cfg.Space = kv.FreeSpace
	}
	return cfg
}

// openDir takes the directory and finds out whose it is.
func (n *Node) openDir() error {
	if err := os.MkdirAll(n.cfg.Dir, 0o700); err != nil {
		return errs.Stop(errs.ExitIO, fmt.Errorf("make the data directory: %w", err))
	}
	unlock, err := lockDir(n.cfg.Dir)
	if err != nil {
		return err
	}
	n.closers = append(n.closers, unlock)
	if n.cfg.Prepare != nil {
		if err := n.cfg.Prepare(); err != nil {
			return err
		}
	}
	n.file, err = cluster.OpenNodeFile(n.cfg.Dir, n.exists(databaseDir) || n.exists(cluster.LogFileName))
	if err == nil && !n.file.New() && !n.file.Clean() {
		n.log.Info("the node was not stopped; it takes up where its disk leaves off")
	}
	return err
}

func (n *Node) exists(name string) bool {
	_, err := os.Stat(filepath.Join(n.cfg.Dir, name))
	return !errors.Is(err, fs.ErrNotExist)
}

// openDatabase opens what is in the database, which checks itself.
func (n *Node) openDatabase() error {
	path := filepath.Join(n.cfg.Dir, databaseDir)
	if !n.file.New() && !n.exists(databaseDir) {
		return n.file.Bind(path, "", nil)
	}
	o := n.cfg.Database
	o.Log, o.Fatal, o.Working = n.cfg.Log, n.fail, n.works.watching(workDatabase)
	db, err := kv.Open(path, o)
	if err != nil {
		return err
	}
	n.KV = db
	n.closers = append(n.closers, db.Close)
	if err := bindDatabase(n.file, path, db); err != nil {
		return err
	}
	if err := n.verifySmall(); err != nil {
		return err
	}
	n.Store, err = store.Open(db, store.Options{Log: n.cfg.Log, Fatal: n.fail})
	if err != nil {
		return err
	}
	n.Index, err = index.Open(n.Store, db, index.Options{Log: n.cfg.Log, Fatal: n.fail})
	if err != nil {
		return fmt.Errorf("open the index: %w", err)
	}
	n.Access = projections.NewFollower(n.Store, n.Index)
	d := n.cfg.Dash
	d.Log, d.DB, d.Now = n.cfg.Log, db, n.cfg.Now
	n.Dash = projections.NewDashFollower(n.Store, d)
	n.History = projections.NewHistory(n.Store, n.Dash, n.cfg.History)
	return nil
}

// bindDatabase checks that the database is the directory's.
func bindDatabase(f *cluster.NodeFile, path string, db *kv.DB) error {
	key := kv.MetaKey("incarnation")
	have := ""
	if _, err := db.Get(key, func(val []byte) error { have = string(val); return nil }); err != nil {
		return err
	}
	return f.Bind(path, have, func(incarnation string) error {
		return db.Write(func(put func(key, val []byte) error) error { return put(key, []byte(incarnation)) })
	})
}

func (n *Node) openCluster() (err error) {
	if n.cfg.Connect != nil {
		if n.network, err = n.cfg.Connect(n.Identity()); err != nil {
			return err
		}
	}
	c, err := cluster.Open(cluster.Config{
		Dir: n.cfg.Dir, Node: n.file, Events: n.Store,
		NewFSM: func(between func(first, last uint64) error) cluster.FSM {
			n.fsm = fsm.New(n.Store, fsm.Options{Fatal: n.fail, Between: between, Fetch: n.fetch, Working: n.works.watching(workApply)})
			return n.fsm
		},
		Snapshots: fsm.NewSnapshots(n.Store, n.Identity().NodeID),
		Stream:    n.network.Stream, Address: n.network.Address, Transport: n.network.Transport,
		Log: n.cfg.Log, Fatal: n.fail, Failed: n.failed, Working: n.works.watching(workRaftLog),
		TruncateBytes: n.cfg.TruncateBytes,
	})
	if err != nil {
		return err
	}
	n.Cluster = c
	n.closeCluster = sync.OnceValue(func() error {
		n.fsm.Close() // or raft would wait for a snapshot that waits for the log
		return c.Close()
	})
	n.closers = append(n.closers, n.closeCluster)
	return nil
}

func (n *Node) openAppender() {
	o := n.cfg.Appender
	o.NodeID, o.Log, o.Now = n.Identity().NodeID, n.cfg.Log, n.cfg.Now
	lag := lag{opened: n.Store.Head(), most: maxLag}
	o.Behind = func() bool {
		seq := min(n.Dash.Seq(), n.Index.Indexed()) // before the head, which they never pass
		return lag.tooLong(seq, n.Store.Head())
	}
	n.Appender = appender.New(n.Store, proposer{n.Cluster, n}, o)
}

// fail is how any part ends the node when its storage cannot be trusted.
func (n *Node) fail(err error) {
	n.failing.Do(func() {
		n.failure = err
		close(n.failed) // nothing is acknowledged from here on
		n.log.Error("storage failed: the node stops", "err", err)
	})
}

// Failed is closed when storage has failed; Failure then says why. The process
// should end soon even if something else hangs.
func (n *Node) Failed() <-chan struct{} { return n.failed }

// Failure is nil until Failed is closed.
func (n *Node) Failure() error {
	select {
	case <-n.failed:
		return n.failure
	default:
		return nil
	}
}

// Close closes what Open opened. It is for a node that Run was not called for:
// Run does it at its end. A second call does nothing.
func (n *Node) Close() error {
	n.closing.Do(func() {
		for i := len(n.closers) - 1; i >= 0; i-- {
			n.closeErr = errors.Join(n.closeErr, n.closers[i]())
		}
	})
	return n.closeErr
}
