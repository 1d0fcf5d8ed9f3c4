package commands

import (
	"context"
	"slices"

	"dashd/eventlog"
	"dashd/internal/errs"
	"dashd/projections"
)

// RemoveNode takes a node out of the cluster for ever. When it returns, the nodes that have
// folded the event refuse the removed one; its vote is taken by what follows the log on the
// leader. It refuses to remove the last member, and whatever able refuses, which is
// asked about those that would remain; nil: nobody is asked. Removing a removed node changes nothing and
// is no error.
func (c *Commands) RemoveNode(ctx context.Context, by projections.Principal, id string, able func(rest []projections.Node) error) (projections.Node, error) {
	if err := mayUse(by, projections.ScopeAdmin); err != nil {
		return projections.Node{}, err
	}
	err := c.execute(ctx, by, func(m *projections.AccessImage) ([]eventlog.Event, error) {
		if node, _ := m.Node(id); node.Removed() {
			return nil, nil
		}
		if err := removable(m, id, able); err != nil {
			return nil, err
		}
		return []eventlog.Event{c.event(eventlog.DashdNodeRemoved, by, eventlog.ReservedProject, projections.NodeMeta{Node: id}, id)}, nil
	})
	if err != nil {
		return projections.Node{}, err
	}
	node, _ := c.o.Access.Image().Node(id)
	return node, nil
}

// MayRemove says, as of now and without any promise, why RemoveNode would refuse.
func (c *Commands) MayRemove(by projections.Principal, id string, able func(rest []projections.Node) error) error {
	if err := mayUse(by, projections.ScopeAdmin); err != nil {
		return err
	}
	return removable(c.o.Access.Image(), id, able)
}

// removable says why a member may not be removed.
func removable(m *projections.AccessImage, id string, able func(rest []projections.Node) error) error {
	if node, known := m.Node(id); !known || node.Removed() {
		return noNode(id)
	}
	rest := slices.DeleteFunc(m.Members(), func(n projections.Node) bool { return n.ID == id })
	if len(rest) == 0 {
		return errs.New(errs.Conflict, "LAST_NODE", "node %s is the last of the cluster; stop it and delete its data directory instead", id)
	}
	if able == nil {
		return nil
	}
	return able(rest)
}

func noNode(id string) error {
	return errs.New(errs.NotFound, "NODE_NOT_FOUND", "no node %q in this cluster", id)
}
