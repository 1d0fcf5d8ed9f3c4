package node

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// grace is how long a failed node may take to stop what can be stopped.
const grace = 2 * time.Second

// part is a long-lived goroutine of the node.
type part struct {
	name string
	run  func(context.Context) error
	stop context.CancelFunc
	done chan struct{}
}

// Run works until ctx ends or a part fails, then stops the node and closes it. The
// error says how the process should end (errs.ExitCode).
func (n *Node) Run(ctx context.Context) error {
	// Stopped from the last to the first: each needs those before it to finish.
	parts := []*part{
		{name: "watchdog", run: n.watchStorage},
		{name: "store", run: n.Store.Run},
		{name: "index", run: n.Index.Run},
		{name: "projection access", run: n.Access.Run},
		{name: "projection dash", run: n.Dash.Run},
		{name: "history", run: n.History.Run},
		{name: "cluster", run: n.Cluster.Run},
		{name: "contact", run: n.keepContact},
		{name: "members", run: n.keepMembers},
		{name: "disk", run: n.watchDisk},
		{name: "probe", run: n.probeDisks},
		{name: "giving way", run: n.giveWay},
		{name: "pages", run: n.boundPages},
		{name: "scrub", run: n.scrub},
		{name: "appender", run: n.Appender.Run},
	}
	ended := make(chan error, len(parts))
	for _, p := range parts {
		p.start(ended)
	}
	var cause error
	select {
	case <-ctx.Done():
	case <-n.failed:
	case cause = <-ended:
		if cause == nil {
			cause = errors.New("a part of the node ended by itself")
		}
	}
	stopped := make(chan error, 1)
	go func() { stopped <- n.shutDown(parts, ended) }() // waited for, or given up with the process
	select {
	case err := <-stopped:
		cause = errors.Join(cause, err)
	case <-n.failed:
		select {
		case <-stopped:
		case <-time.After(grace):
		}
	}
	if err := n.Failure(); err != nil {
		return err
	}
	return cause
}

func (p *part) start(ended chan<- error) {
	ctx, cancel := context.WithCancel(context.Background())
	p.stop, p.done = cancel, make(chan struct{})
	go func() { // ends before shutDown does
		err := p.run(ctx)
		if err != nil {
			err = fmt.Errorf("%s: %w", p.name, err)
		}
		ended <- err
		close(p.done)
	}()
}

// shutDown stops the parts and closes the node.
func (n *Node) shutDown(parts []*part, ended <-chan error) (err error) {
	start := time.Now()
	close(n.ending)
	for i := len(parts) - 1; i >= 0; i-- {
		parts[i].stop()
		<-parts[i].done
		if parts[i].name == "cluster" {
			// Now, for raft feeds the log, and may be waiting for it to persist.
			err = errors.Join(err, n.closeCluster())
		}
	}
	for range len(ended) {
		err = errors.Join(err, <-ended)
	}
	if err == nil && n.Failure() == nil && n.Store.Persisted().Index == n.Store.Applied().Index {
		err = n.file.MarkClean()
	}
	err = errors.Join(err, n.Close())
	n.log.Info("node stopped", "seq", n.Store.PersistedSeq(), "elapsed", time.Since(start))
	return err
}
