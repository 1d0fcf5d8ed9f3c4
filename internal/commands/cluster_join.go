package commands

import (
	"context"
	"crypto/sha256"
	"net"
	"net/netip"
	"strconv"

	"dashd/eventlog"
	"dashd/internal/errs"
	"dashd/internal/peer"
	"dashd/projections"
)

// NodeJoin asks to let a node into the cluster.
type NodeJoin struct {
	TokenID string
	Secret  [sha256.Size]byte
	// The node, and the address at which the others reach its cluster port.
	Node, Incarnation, Address string
}

// JoinNode lets a node into the cluster, and uses its token up: the id of the event
// derives from the token's, so of two that use it the log itself takes the first. While
// the token lives, the node that used it may ask again, and the answer is the same: its
// join may have been cut off behind the event. Whoever else comes is refused, and so is a
// node that is known already or was removed.
//
// A refusal for the token is a [JoinRefused].
func (c *Commands) JoinNode(ctx context.Context, join NodeJoin) error {
	if err := join.check(); err != nil {
		return err
	}
	by := projections.Operator("join-token")
	return c.execute(ctx, by, func(m *projections.AccessImage) ([]eventlog.Event, error) {
		again, err := join.decide(m, c.o.Now())
		if err != nil || again {
			return nil, err
		}
		meta := projections.NodeMeta{Node: join.Node, Incarnation: join.Incarnation, Address: join.Address, Token: join.TokenID}
		return []eventlog.Event{c.event(eventlog.DashdNodeJoined, by, eventlog.ReservedProject, meta, "with", join.TokenID)}, nil
	})
}

// JoinRefused is why a join was refused for its token. It is the cause of the refusal, for
// the audit trail; the joining node is told the same.
type JoinRefused struct {
	Reason RefusalReason
}

func (e *JoinRefused) Error() string { return string(e.Reason) }

// refuseJoin is the refusal of a token.
func refuseJoin(reason RefusalReason, message string) error {
	return errs.Wrap(&JoinRefused{reason}, errs.Unauthorized, "JOIN_TOKEN_REFUSED", "%s", message)
}

// decide reports whether the node has joined with this token before, or why it may not.
func (j NodeJoin) decide(m *projections.AccessImage, now int64) (again bool, err error) {
	token, known := m.JoinToken(j.TokenID)
	if !token.Opens(j.Secret) || !known {
		return false, refuseJoin(WrongJoinToken, "this is no join token of this cluster; make one with: dashd join-token")
	}
	if token.Expired(now) {
		return false, refuseJoin(ExpiredJoinToken, "the join token has expired; make a new one with: dashd join-token")
	}
	node, there := m.Node(j.Node)
	again = there && !node.Removed() && token.UsedBy == j.Node && token.UsedIncarnation == j.Incarnation
	switch {
	case again:
		return true, nil
	case token.UsedBy != "":
		return false, refuseJoin(UsedJoinToken, "the join token has been used; make a new one with: dashd join-token")
	case there && node.Removed():
		return false, errs.New(errs.Forbidden, "NODE_REMOVED", "node %s was removed from this cluster; start with an empty data directory, as a new node", j.Node)
	case there:
		return false, errs.New(errs.Conflict, "NODE_KNOWN", "node %s is in this cluster already; start with an empty data directory, as a new node", j.Node)
	}
	for _, n := range m.Members() {
		if n.Address == j.Address {
			return false, errs.New(errs.Conflict, "ADDRESS_TAKEN", "node %s has the address %s; give this one another with --advertise, or remove that one first", n.ID, j.Address)
		}
	}
	return false, nil
}

// check refuses a node that could get no certificate once it is let in, or not be reached.
func (j NodeJoin) check() error {
	if !peer.ValidID(j.Node) || !peer.ValidID(j.Incarnation) {
		return errs.New(errs.Invalid, "INVALID_NODE", "the id of a node, and its incarnation, are 1 to %d letters, digits, hyphens and underscores", peer.MaxID)
	}
	return checkAddress(j.Address)
}

// checkAddress refuses what the other nodes cannot connect to, or no join token can hold.
func checkAddress(address string) error {
	host, port, err := net.SplitHostPort(address)
	n, bad := strconv.ParseUint(port, 10, 16)
	fits := err == nil && bad == nil && n > 0 && host != "" && len(address) <= peer.MaxAddress
	name := host
	if ip, err := netip.ParseAddr(host); err == nil {
		fits = fits && !ip.IsUnspecified() && !ip.IsMulticast()
		name = ip.Zone() // of which netip accepts anything
	}
	for _, c := range []byte(name) {
		fits = fits && ('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '.' || c == '-' || c == '_')
	}
	if !fits {
		return errs.New(errs.Invalid, "INVALID_ADDRESS", "the address of a node is a host and a port at which the other nodes reach it")
	}
	return nil
}
