package main

import (
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"dashd/geo"
	"dashd/internal/cluster"
	"dashd/projections"
)

// nodeStatus is the answer of GET /v1/status.
type nodeStatus struct {
	Version   string                 `json:"version"`
	NodeID    string                 `json:"nodeId"`
	ClusterID string                 `json:"clusterId"`
	Started   time.Time              `json:"started"`
	NotReady  []string               `json:"notReady"` // why /readyz is not 200; empty if it is
	Head      uint64                 `json:"head"`     // last seq of the log
	Chain     string                 `json:"chain"`    // hash of all blocks up to it, in hex
	Persisted uint64                 `json:"persisted"`
	Indexed   uint64                 `json:"indexed"`
	Access    uint64                 `json:"access"` // last seq the projection "access" has folded
	Dash      projections.DashStatus `json:"dash"`
	Pending   int64                  `json:"pending"` // bytes of the log that are only in memory and in the raft log
	Raft      cluster.Status         `json:"raft"`
	Disk      diskStatus             `json:"disk"`
	Alarms    []string               `json:"alarms"` // what an operator should see to, although the node works
	Geo       geo.Status             `json:"geo"`
}

// diskStatus is the file system of the data directory.
type diskStatus struct {
	Free  uint64 `json:"free"` // bytes
	Total uint64 `json:"total"`
}

func newStatus() *cobra.Command {
	var t target
	var asJSON, memory bool
	c := &cobra.Command{
		Use:     "status",
		Short:   "Say how a node is",
		Example: "  dashd status --json\n  dashd status --memory",
		Args:    cobra.NoArgs,
		RunE: withClient(&t, func(c *cobra.Command, cl *client, _ []string) error {
			if memory {
				return showMemory(c, cl, asJSON)
			}
			var s nodeStatus
			if err := cl.call(c.Context(), "GET", "/v1/status", nil, nil, &s); err != nil {
				return err
			}
			if asJSON {
				return printJSON(c.OutOrStdout(), s)
			}
			return printStatus(c.OutOrStdout(), s)
		}),
	}
	t.addFlags(c.Flags())
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	c.Flags().BoolVar(&memory, "memory", false, "say how much memory each of the dashboard's tables takes instead")
	return c
}

// showMemory prints what GET /v1/projections/dash/memory answers.
func showMemory(c *cobra.Command, cl *client, asJSON bool) error {
	var m struct {
		Seq     uint64                   `json:"seq"`
		Bytes   int64                    `json:"bytes"`
		Figures int64                    `json:"figures"`
		Tables  []projections.TableBytes `json:"tables"`
	}
	if err := cl.call(c.Context(), "GET", "/v1/projections/dash/memory", nil, nil, &m); err != nil {
		return err
	}
	if asJSON {
		return printJSON(c.OutOrStdout(), m)
	}
	rows := [][]string{{"TABLE", "MIB", "FOR"}}
	for _, t := range m.Tables {
		purpose := ""
		if t.Figures {
			purpose = "figures over time"
		}
		rows = append(rows, []string{t.Name, fmt.Sprintf("%.1f", mib(t.Bytes)), purpose})
	}
	rows = append(rows, []string{"all", fmt.Sprintf("%.1f", mib(m.Bytes)), fmt.Sprintf("%.1f of it figures over time", mib(m.Figures))})
	return printTable(c.OutOrStdout(), rows)
}

func printStatus(w io.Writer, s nodeStatus) error {
	rows := [][]string{
		{"node", s.NodeID},
		{"cluster", s.ClusterID},
		{"version", s.Version},
		{"up for", time.Since(s.Started).Round(time.Second).String()},
		{"raft", fmt.Sprintf("%s, term %d, leader %s, index %d", s.Raft.State, s.Raft.Term, s.Raft.Leader, s.Raft.LastIndex)},
		{"events", fmt.Sprint(s.Head)},
		{"persisted", lag(s.Head, s.Persisted)},
		{"index", lag(s.Head, s.Indexed)},
		{"projection access", lag(s.Head, s.Access)},
		{"projection dash", dashText(s.Dash)},
		{"checkpoint of dash", checkpointText(s.Dash.Checkpoint)},
		{"places", placesText(s.Geo)},
		{"disk free", fmt.Sprintf("%.1f of %.1f GiB", gib(s.Disk.Free), gib(s.Disk.Total))},
	}
	for _, alarm := range s.Alarms {
		rows = append(rows, []string{"alarm", alarm})
	}
	ready := "yes"
	for i, why := range s.NotReady {
		if i == 0 {
			ready = "no: " + why
		} else {
			ready += "; " + why
		}
	}
	return printTable(w, append(rows, []string{"ready", ready}))
}

// dashText says how far the projection dash is, and what it is doing.
func dashText(d projections.DashStatus) string {
	text := lag(d.Seq+d.Lag, d.Seq)
	f := d.Folding
	if f == nil {
		return text
	}
	doing := "folding the log"
	if f.Anew {
		doing = text + "; folding the log anew"
	}
	return fmt.Sprintf("%s: %d of %d events (%d %%), %.0f events/s", doing, f.Seq, f.Head, f.Seq*100/max(f.Head, 1), f.EventsPerSecond)
}

func checkpointText(c *projections.Checkpoint) string {
	if c == nil {
		return "none"
	}
	return fmt.Sprintf("at event %d, %s ago, %.1f MiB", c.Seq, time.Since(c.At).Round(time.Second), float64(c.Bytes)/(1<<20))
}

func lag(head, at uint64) string {
	if at >= head {
		return "up to date"
	}
	return fmt.Sprintf("%d events behind", head-at)
}

func mib(n int64) float64 { return float64(n) / (1 << 20) }

func gib(n uint64) float64 { return float64(n) / (1 << 30) }
