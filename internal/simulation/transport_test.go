package simulation_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"time"

	"github.com/hashicorp/raft"
)

// transport carries raft's messages of one life of a machine through the simulated network, as
// raft's own does through connections: a message whose sender has stopped waiting may
// arrive all the same, and heartbeats do not wait for what raft is doing.
type transport struct {
	l         *life
	incoming  chan raft.RPC
	heartbeat func(raft.RPC)
}

// messageTimeout is how long the sender of a message waits for the answer.
const messageTimeout = 5 * time.Second

func newTransport(l *life) *transport { return &transport{l: l, incoming: make(chan raft.RPC)} }

func (t *transport) Consumer() <-chan raft.RPC { return t.incoming }

func (t *transport) LocalAddr() raft.ServerAddress { return raft.ServerAddress(t.l.m.address) }

func (t *transport) EncodePeer(_ raft.ServerID, a raft.ServerAddress) []byte { return []byte(a) }

func (t *transport) DecodePeer(b []byte) raft.ServerAddress { return raft.ServerAddress(b) }

func (t *transport) SetHeartbeatHandler(h func(raft.RPC)) { t.heartbeat = h }

func (t *transport) AppendEntriesPipeline(raft.ServerID, raft.ServerAddress) (raft.AppendPipeline, error) {
	return nil, raft.ErrPipelineReplicationNotSupported // as with the settings of dashd
}

func (t *transport) AppendEntries(_ raft.ServerID, to raft.ServerAddress, args *raft.AppendEntriesRequest, answer *raft.AppendEntriesResponse) error {
	sent := *args
	sent.Entries = make([]*raft.Log, len(args.Entries))
	for i, e := range args.Entries {
		entry := *e
		entry.Data, entry.Extensions = bytes.Clone(e.Data), bytes.Clone(e.Extensions)
		sent.Entries[i] = &entry
	}
	return ask(t, to, &sent, nil, answer)
}

func (t *transport) RequestVote(_ raft.ServerID, to raft.ServerAddress, args *raft.RequestVoteRequest, answer *raft.RequestVoteResponse) error {
	sent := *args
	return ask(t, to, &sent, nil, answer)
}

func (t *transport) RequestPreVote(_ raft.ServerID, to raft.ServerAddress, args *raft.RequestPreVoteRequest, answer *raft.RequestPreVoteResponse) error {
	sent := *args
	return ask(t, to, &sent, nil, answer)
}

func (t *transport) TimeoutNow(_ raft.ServerID, to raft.ServerAddress, args *raft.TimeoutNowRequest, answer *raft.TimeoutNowResponse) error {
	sent := *args
	return ask(t, to, &sent, nil, answer)
}

func (t *transport) InstallSnapshot(_ raft.ServerID, to raft.ServerAddress, args *raft.InstallSnapshotRequest, answer *raft.InstallSnapshotResponse, data io.Reader) error {
	manifest, err := io.ReadAll(data)
	if err != nil {
		return err
	}
	sent := *args
	return ask(t, to, &sent, manifest, answer)
}

// isHeartbeat reports whether raft's own transport would hand a message to the heartbeat handler.
func isHeartbeat(command any) bool {
	a, ok := command.(*raft.AppendEntriesRequest)
	return ok && a.Term != 0 && len(a.Entries) == 0 && a.PrevLogEntry == 0 && a.PrevLogTerm == 0 && a.LeaderCommitIndex == 0
}

// ask sends a message to the raft of another node and waits for its answer.
func ask[T any](t *transport, to raft.ServerAddress, command any, data []byte, answer *T) error {
	type outcome struct {
		answer T
		err    error
	}
	done := make(chan outcome, 1)
	t.l.m.s.staff.do(func() { // ends with the connection
		got, err := t.deliver(string(to), command, data)
		o := outcome{err: err}
		if err == nil {
			o.answer = *got.(*T)
		}
		done <- o
	})
	timeout := time.NewTimer(messageTimeout)
	defer timeout.Stop()
	select {
	case o := <-done:
		*answer = o.answer
		return o.err
	case <-timeout.C:
		return errTimeout
	case <-t.l.gone:
		return errReset
	}
}

// deliver brings a message to the raft of the node at an address, and its answer back.
func (t *transport) deliver(address string, command any, data []byte) (any, error) {
	s := t.l.m.s
	to, err := t.l.reach(address)
	if err != nil {
		return nil, err
	}
	ctx := t.l.connection(to)
	if err := s.net.carry(ctx, direction{t.l.m, to.m}); err != nil {
		return nil, err
	}
	answers := make(chan raft.RPCResponse, 1)
	rpc := raft.RPC{Command: command, RespChan: answers}
	if data != nil {
		rpc.Reader = bytes.NewReader(data)
	}
	if h := to.transport.heartbeat; h != nil && isHeartbeat(command) {
		h(rpc)
	} else {
		select {
		case to.transport.incoming <- rpc:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
	select {
	case r := <-answers:
		if err := s.net.carry(ctx, direction{to.m, t.l.m}); err != nil {
			return nil, err
		}
		return r.Response, remote(r.Error)
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// remote is an error of another node as it comes over a connection: its text.
func remote(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s", err.Error())
}

// connection is a context that ends when the life of one of two machines does, or either falls silent.
// All messages between them share it.
func (l *life) connection(to *life) context.Context {
	theirs := to.connected()
	l.mu.Lock()
	defer l.mu.Unlock()
	if ctx := l.connections[to]; ctx != nil && ctx.Err() == nil {
		return ctx
	}
	maps.DeleteFunc(l.connections, func(_ *life, ctx context.Context) bool { return ctx.Err() != nil })
	ctx, cancel := context.WithCancelCause(context.Background())
	context.AfterFunc(l.sessions, func() { cancel(errReset) })
	context.AfterFunc(theirs, func() { cancel(errReset) })
	l.connections[to] = ctx
	return ctx
}
