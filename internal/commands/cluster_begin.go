package commands

import (
	"context"
	"encoding/base64"
	"fmt"

	"dashd/eventlog"
	"dashd/projections"
)

// BeginCluster gives a cluster its certificate authority, and its first member, in one
// block: also a cluster from before there were several nodes. makeCA is called if there is
// no authority; what it returns leaves this function in a box only. What is there already
// stays, so it may be called at every start; the events' ids derive from the cluster's, so
// of two leaders that both call it the log takes the first.
func (c *Commands) BeginCluster(ctx context.Context, cluster string, first projections.Node, makeCA func() (certDER, seed []byte, err error)) error {
	if begun(c.o.Access.Image()) {
		return nil
	}
	by := projections.Operator("bootstrap")
	return c.execute(ctx, by, func(m *projections.AccessImage) ([]eventlog.Event, error) {
		if begun(m) {
			return nil, nil
		}
		var events []eventlog.Event
		if _, made := m.CA(); !made {
			cert, seed, err := makeCA()
			if err != nil {
				return nil, fmt.Errorf("make the cluster's certificate authority: %w", err)
			}
			defer clear(seed)
			e := c.event(eventlog.DashdClusterCreated, by, eventlog.ReservedProject, projections.ClusterMeta{
				Cluster: cluster, Certificate: base64.StdEncoding.EncodeToString(cert),
			}, cluster)
			e.Sealed = projections.SealCA(c.o.Sealer, cluster, seed)
			events = append(events, e)
		}
		if len(m.Nodes()) == 0 {
			meta := projections.NodeMeta{Node: first.ID, Incarnation: first.Incarnation, Address: first.Address}
			events = append(events, c.event(eventlog.DashdNodeJoined, by, eventlog.ReservedProject, meta, "first of", cluster))
		}
		return events, nil
	})
}

// begun reports whether the cluster has all that BeginCluster gives it.
func begun(m *projections.AccessImage) bool {
	_, made := m.CA()
	return made && len(m.Nodes()) > 0
}
