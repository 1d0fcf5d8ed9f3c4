package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"time"

	"dashd/internal/errs"
	"dashd/internal/peer"
)

// movedTo is the body of POST /peer/move.
type movedTo struct {
	Address string `json:"address"`
}

const (
	// movePause is between two tries to tell the others a new address.
	movePause = time.Second
	// movePatience is how long one try may take.
	movePatience = 10 * time.Second
)

// announce tells the cluster this node's address until the log has it, or ctx ends. It
// returns nil: an address that the others do not know is no reason to stop, and they may
// be down themselves.
func (m *membership) announce(ctx context.Context) error {
	told, warned := false, false
	for {
		n, known := m.access.Image().Node(m.NodeID())
		if known && (n.Removed() || n.Address == m.address) {
			return nil
		}
		if known {
			if !told {
				m.log.Info("this node has another address than the cluster knows", "known", n.Address, "now", m.address)
				told = true
			}
			switch err := m.move(ctx); {
			case err == nil || ctx.Err() != nil:
			case passes(err) || warned:
				m.log.Debug("the cluster does not know this node's address yet", "err", err)
			default:
				m.log.Warn("the cluster refuses this node's address; start it with another --advertise", "now", m.address, "err", err)
				warned = true
			}
		}
		if pause(ctx, movePause) != nil {
			return nil
		}
	}
}

// move tells the cluster once. Who leads may not have found this node yet, so it asks one member after the
// other, until the address is taken or refused.
func (m *membership) move(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, movePatience)
	defer cancel()
	if m.node.Leads() {
		return m.commands.MoveNode(ctx, m.NodeID(), m.address)
	}
	body, err := json.Marshal(movedTo{m.address})
	if err != nil {
		return err
	}
	failed := errs.New(errs.Unavailable, "NO_LEADER", "there is no other member")
	for _, n := range m.access.Image().Members() {
		if n.ID == m.NodeID() {
			continue
		}
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, "https://"+n.Address+movePath, bytes.NewReader(body))
		if err != nil {
			return err
		}
		if failed = m.tell(m.client.Do, req); failed == nil || !passes(failed) {
			return failed
		}
	}
	return failed
}

// tell sends a request that is answered by nothing but whether it succeeded.
func (m *membership) tell(do func(*http.Request) (*http.Response, error), req *http.Request) error {
	resp, err := do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxJoinAnswer))
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return refusedJoin(resp.StatusCode, text)
	}
	return nil
}

// serveMove serves POST /peer/move, to members: who asks has another address from now on. A
// node that does not lead hands it on, with whose it is.
func (m *membership) serveMove(w http.ResponseWriter, r *http.Request) {
	m.answer(w, struct{}{}, m.moved(w, r))
}

func (m *membership) moved(w http.ResponseWriter, r *http.Request) error {
	who, ok := peer.MemberOf(r.Context())
	if !ok {
		return errs.New(errs.Forbidden, "FORBIDDEN", "only members move")
	}
	var to movedTo
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxJoinBody)).Decode(&to); err != nil {
		return errs.Wrap(err, errs.Invalid, "BAD_REQUEST", "the address is malformed")
	}
	id := who.Node
	if of := r.Header.Get(movedNode); of != "" {
		id = of
	}
	if m.node.Leads() {
		return m.commands.MoveNode(r.Context(), id, to.Address)
	}
	if id != who.Node {
		return errs.New(errs.Unavailable, "NOT_LEADER", "this node does not lead the cluster")
	}
	body, err := json.Marshal(to)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(r.Context(), http.MethodPost, movePath, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set(movedNode, id)
	return m.tell(m.node.Do, req)
}

// movedNode names the node that moves, if another one hands its request on. Members are
// trusted with it: any could issue itself the certificate of another.
const movedNode = "Dashd-Moved-Node"

// pause waits, and returns an error if ctx ends before.
func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
