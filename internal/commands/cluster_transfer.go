package commands

import (
	"context"

	"dashd/eventlog"
	"dashd/internal/errs"
	"dashd/projections"
)

// leadershipTransfer is the metadata of an eventlog.DashdLeadershipTransferred event.
type leadershipTransfer struct {
	Node string `json:"nodeId"`       // that led
	To   string `json:"to,omitempty"` // that is to lead; "": any
}

// TransferLeadership makes node give leadership to another, or to any that fits if to is "",
// by calling transfer. That it was asked for is in the trail before it begins. Nothing is to be
// done if the one that is to lead does.
func (c *Commands) TransferLeadership(ctx context.Context, by projections.Principal, node, to string, transfer func(ctx context.Context, to string) error) error {
	if err := mayUse(by, projections.ScopeAdmin); err != nil {
		return err
	}
	if to == node {
		return nil
	}
	err := c.execute(ctx, by, func(m *projections.AccessImage) ([]eventlog.Event, error) {
		if n, known := m.Node(to); to != "" && (!known || n.Removed()) {
			return nil, noNode(to)
		}
		if len(m.Members()) < 2 {
			return nil, errs.New(errs.Conflict, "LAST_NODE", "there is no other node that could lead")
		}
		e := c.event(eventlog.DashdLeadershipTransferred, by, eventlog.ReservedProject, leadershipTransfer{Node: node, To: to})
		e.ID, e.GivenID = "", false // each is another
		return []eventlog.Event{e}, nil
	})
	if err != nil {
		return err
	}
	return transfer(ctx, to)
}
