package simulation_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"dashd/httpapi"
	"dashd/internal/cluster"
	"dashd/internal/commands"
	"dashd/internal/destination"
	"dashd/internal/errs"
	"dashd/internal/kv"
	"dashd/internal/node"
	"dashd/internal/outbound"
	"dashd/internal/relay"
	"dashd/internal/seal"
	"dashd/projections"
)

// machine is a computer with a data directory, on which dashd runs or not.
type machine struct {
	s       *simulation
	name    string
	address string
	fast    atomic.Int64 // ms that its clock is ahead of the true time
	storage storage

	// Only the goroutine of the simulation writes these.
	dir  string
	dirs int // it has had
	last *life
	// planned says that it is off because the simulation wants that, and mayEnd with which exit
	// code its node may end by itself; 0: with none.
	planned bool
	mayEnd  int
	// replacing says that its node is removed from the cluster and another one has not joined yet.
	replacing bool
	wiped     bool               // and it has nothing to start from meanwhile
	joining   *commands.NodeJoin // what it asks for, until it is let in

	running atomic.Pointer[life] // nil: it is off
}

// life is one process of dashd on a machine, from its start to its end.
type life struct {
	m         *machine
	node      *node.Node
	access    *projections.Follower
	commands  *commands.Commands
	transport *transport
	api       http.Handler // what applications see, once it is ready
	ready     atomic.Bool
	peer      http.Handler // what other nodes see
	stop      context.CancelFunc
	gone      chan struct{} // closed when nothing reaches it any more, nor comes from it
	leave     sync.Once     // closes gone
	ended     chan struct{} // closed when the process has ended
	err       error         // of Run, before ended is closed

	mu       sync.Mutex
	silent   bool
	sessions context.Context // of its connections
	reset    context.CancelFunc
	// connections to others, as long as they last.
	connections map[*life]context.Context
}

func (s *simulation) newMachine(name string) *machine {
	m := &machine{s: s, name: name, address: name + ".test:7070"}
	m.newDir()
	s.machines = append(s.machines, m)
	s.net.mu.Lock()
	s.net.machines[m.address] = m
	s.net.mu.Unlock()
	return m
}

// newDir gives the machine an empty disk.
func (m *machine) newDir() {
	m.dirs++
	m.dir = filepath.Join(m.s.dir, fmt.Sprintf("%s.%d", m.name, m.dirs))
}

// now is the machine's clock.
func (m *machine) now() int64 { return time.Now().UnixMilli() + m.fast.Load() }

// noWatermarks keep the simulation independent of the machine's disk.
var noWatermarks = node.Watermarks{Alarm: kv.Watermark{Bytes: 1}}

// boot starts dashd. An error says that the node refused to start.
func (m *machine) boot() error {
	l := &life{m: m, gone: make(chan struct{}), ended: make(chan struct{}), connections: map[*life]context.Context{}}
	l.transport = newTransport(l)
	l.sessions, l.reset = context.WithCancel(context.Background())
	log := slog.New(slog.NewTextHandler(&lineWriter{m: m}, &slog.HandlerOptions{Level: logLevel}))
	n, err := node.Open(context.Background(), node.Config{
		Dir: m.dir, Log: log, Now: m.now, Watermarks: noWatermarks, Database: kv.Options{MinFree: 1, MemTable: m.s.memTable},
		TruncateBytes: truncateBytes, Storage: m.storage.work, Silence: l.silence,
		Connect: func(cluster.Identity) (node.Network, error) {
			return node.Network{
				Address: m.address, Version: "simulated", Transport: l.transport,
				Client: &http.Client{Transport: roundTripper{l}},
			}, nil
		},
	})
	if err != nil {
		l.depart()
		return err
	}
	sealer, err := seal.Open(m.dir)
	if err != nil {
		return errors.Join(err, n.Close())
	}
	l.node, l.access = n, n.Access
	r := relay.New(n.Appender, n, relay.Options{Log: log, Access: n.Access, Now: m.now, NodeID: n.Identity().NodeID})
	l.commands = commands.New(commands.Options{
		Appender: n.Appender, Reports: r, Access: n.Access, Dash: n.Dash, Log: n.Store, Sealer: sealer, Now: m.now,
		Settle: n.Settle, Resolver: outbound.NewDNS(nil),
	})
	api := httpapi.New(httpapi.Options{
		Log: log, Now: m.now, Store: n.Store, Index: n.Index, Appender: r, Cluster: n, Access: n.Access, Dash: n.Dash,
		History: n.History, Commands: l.commands, Drains: noDrains{}, Health: health{n},
	})
	mux := n.PeerHandler()
	mux.HandleFunc("POST "+relay.Path, r.ServeAppend)
	mux.Handle("/peer/api/", api.PeerHandler())
	l.api, l.peer = api.Handler(false), mux
	ctx, stop := context.WithCancel(context.Background())
	l.stop = stop
	go func() { // ends with the node
		l.err = n.Run(ctx)
		l.depart()
		stop()
		close(l.ended)
	}()
	go func() { // ends with the node
		if err := l.settle(ctx); err == nil {
			l.ready.Store(true)
		}
	}()
	m.running.Store(l)
	m.last = l
	return nil
}

// settle returns when the node may answer applications, as dashd waits for it.
func (l *life) settle(ctx context.Context) error {
	if err := l.node.WaitReady(ctx); err != nil {
		return err
	}
	return l.access.Wait(ctx, l.node.Store.Head())
}

// depart takes the process out of the network.
func (l *life) depart() {
	l.leave.Do(func() {
		l.m.running.CompareAndSwap(l, nil)
		close(l.gone)
		l.reset()
	})
}

// silence implements node.Config.Silence.
func (l *life) silence(on bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.silent = on; on {
		l.reset()
		l.sessions, l.reset = context.WithCancel(context.Background())
	}
}

// connected is a context that ends with the connections that there are.
func (l *life) connected() context.Context {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.sessions
}

// closedOff reports whether the process neither takes nor makes connections.
func (l *life) closedOff() bool {
	select {
	case <-l.gone:
		return true
	default:
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.silent
}

// reach finds the process that listens at an address.
func (l *life) reach(address string) (*life, error) {
	n := l.m.s.net
	n.mu.Lock()
	m := n.machines[address]
	n.mu.Unlock()
	if l.closedOff() || m == nil {
		return nil, errRefused
	}
	to := m.running.Load()
	if to == nil || to.closedOff() {
		return nil, errRefused
	}
	return to, nil
}

// shutDown stops dashd in order, and waits for it.
func (m *machine) shutDown() {
	l := m.running.Load()
	if l == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	l.node.GiveLead(ctx)
	cancel()
	l.stop()
	<-l.ended
	if code := l.exitCode(); code != 0 && code != m.mayEnd {
		m.s.problem("%s was told to stop and ended with %v", m.name, l.err)
	}
}

// powerOff takes the power from machines, all at one instant. What a directory holds then is what it holds
// when the machine is started again; whatever the process does after it, nobody learns.
func (s *simulation) powerOff(machines ...*machine) {
	s.quiet()
	var lives []*life
	for _, m := range machines {
		l := m.running.Load()
		if l == nil {
			m.storage.release()
			continue
		}
		lives = append(lives, l)
		from := m.dir
		m.newDir()
		if err := copyTree(from, m.dir); err != nil {
			s.t.Fatalf("copy the directory of %s: %v", m.name, err)
		}
		l.depart()
	}
	for _, l := range lives {
		l.m.storage.release()
		l.stop()
		<-l.ended
		l.m.last = nil // how the process ended does not matter
	}
}

// copyTree copies the files of a data directory, holes as holes.
func copyTree(from, to string) error {
	return filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		target := filepath.Join(to, rel)
		if d.IsDir() {
			return os.MkdirAll(target, 0o700)
		}
		return copyFile(path, target)
	})
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	fi, err := in.Stat()
	if err != nil {
		return err
	}
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, fi.Mode().Perm())
	if err != nil {
		return err
	}
	return errors.Join(copyData(out, in, fi.Size()), out.Truncate(fi.Size()), out.Close())
}

// copyData copies what is not a hole: Badger's files are mostly holes.
func copyData(out, in *os.File, size int64) error {
	for at := int64(0); at < size; {
		begin, err := in.Seek(at, seekData)
		if err != nil {
			return nil // the rest is a hole
		}
		end, err := in.Seek(begin, seekHole)
		if err != nil {
			return err
		}
		if _, err := out.Seek(begin, io.SeekStart); err != nil {
			return err
		}
		if _, err := io.Copy(out, io.NewSectionReader(in, begin, end-begin)); err != nil {
			return err
		}
		at = end
	}
	return nil
}

// lseek(2)
const (
	seekData = 3
	seekHole = 4
)

// exitCode is the code with which the process ended.
func (l *life) exitCode() int {
	if l.err == nil {
		return 0
	}
	return errs.ExitCode(l.err)
}

// health is what the API shows of a node.
type health struct{ n *node.Node }

func (h health) Ready() []string { return h.n.NotReady() }
func (h health) Status() any     { return h.n.Cluster.Status() }

// noDrains are the log drains of a node that delivers to nobody.
type noDrains struct{}

func (noDrains) Health(string, projections.Drain) destination.Health { return destination.Health{} }

func (noDrains) Test(context.Context, string, destination.Config) string { return "there are none" }

// storage slows the work of a machine's disk.
type storage struct {
	mu   sync.Mutex
	slow map[string]time.Duration // by the work's name
	held chan struct{}            // closed when slow work goes on; nil: none is slow
	// meets, if not nil, is called when work begins.
	meets atomic.Pointer[func(name string)]
}

// work implements node.Config.Storage.
func (st *storage) work(name string) {
	st.mu.Lock()
	d, held := st.slow[name], st.held
	st.mu.Unlock()
	if meets := st.meets.Load(); meets != nil {
		(*meets)(name)
	}
	if d == 0 || held == nil {
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-held:
	}
}

// hold makes work take so long, until release.
func (st *storage) hold(slow map[string]time.Duration) {
	st.release()
	st.mu.Lock()
	defer st.mu.Unlock()
	st.slow, st.held = slow, make(chan struct{})
}

func (st *storage) release() {
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.held != nil {
		close(st.held)
	}
	st.slow, st.held = nil, nil
}
