package commands

import (
	"context"
	"strconv"

	"dashd/eventlog"
	"dashd/internal/errs"
	"dashd/projections"
)

// MoveNode notes at which address the others reach a node's cluster port. An address it
// has already changes nothing and is no error.
func (c *Commands) MoveNode(ctx context.Context, id, address string) error {
	if err := checkAddress(address); err != nil {
		return err
	}
	by := projections.Operator(id) // it says so itself
	return c.execute(ctx, by, func(m *projections.AccessImage) ([]eventlog.Event, error) {
		node, known := m.Node(id)
		switch {
		case !known:
			return nil, noNode(id)
		case node.Removed():
			return nil, errs.New(errs.Forbidden, "NODE_REMOVED", "node %s was removed from this cluster", id)
		case node.Address == address:
			return nil, nil
		}
		for _, n := range m.Members() {
			if n.Address == address {
				return nil, errs.New(errs.Conflict, "ADDRESS_TAKEN", "node %s has the address %s already", n.ID, address)
			}
		}
		meta := projections.NodeMeta{Node: id, Address: address}
		// It may come back to an address: the event it follows is in the id.
		return []eventlog.Event{c.event(eventlog.DashdNodeMoved, by, eventlog.ReservedProject, meta, id, address, strconv.FormatUint(node.Seq, 10))}, nil
	})
}
