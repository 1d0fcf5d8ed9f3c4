package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"dashd/internal/node"
	"dashd/projections"
)

func newCluster() *cobra.Command {
	c := &cobra.Command{
		Use:   "cluster",
		Short: "Look at the cluster, move its leadership, remove a node",
		Long: `cluster looks after the nodes. A node is added with "dashd join-token" on a node that is
there, and "dashd serve --join" on the new machine.`,
		Example: `  dashd cluster status
  dashd cluster transfer
  dashd cluster remove 1f0c52a8 --yes`,
	}
	c.AddCommand(newClusterStatus(), newClusterTransfer(), newClusterRemove())
	return c
}

func newClusterStatus() *cobra.Command {
	var t target
	var asJSON bool
	c := &cobra.Command{
		Use:   "status",
		Short: "List the nodes: who leads, how far each one is",
		Long: `status lists the nodes as the one that is asked sees them. LAG is how many events a node
is behind the longest log that is known, CONTACT how long ago it answered last, and CLOCK
how far its clock is ahead of that of the node that is asked (*).`,
		Example: "  dashd cluster status\n  dashd cluster status --json",
		Args:    cobra.NoArgs,
		RunE: withClient(&t, func(c *cobra.Command, cl *client, _ []string) error {
			var s node.ClusterStatus
			if err := cl.call(c.Context(), "GET", "/v1/cluster", nil, nil, &s); err != nil {
				return err
			}
			if asJSON {
				return printJSON(c.OutOrStdout(), s)
			}
			return printCluster(c.OutOrStdout(), s)
		}),
	}
	t.addFlags(c.Flags())
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

// printCluster prints the nodes for people.
func printCluster(w io.Writer, s node.ClusterStatus) error {
	leader := s.Leader
	if leader == "" {
		leader = "none is known"
	}
	if _, err := fmt.Fprintf(w, "Cluster %s, term %d, leader: %s\n\n", s.ClusterID, s.Term, leader); err != nil {
		return err
	}
	rows := [][]string{{"NODE", "ADDRESS", "ROLE", "STATE", "EVENTS", "LAG", "APPLIED", "CONTACT", "CLOCK", "VERSION"}}
	for _, n := range s.Nodes {
		name := n.ID
		if n.ID == s.AskedOf {
			name += " *"
		}
		row := []string{name, n.Address, n.Role, n.State}
		if n.LastContactMs < 0 {
			row = append(row, "-", "-", "-", "never", "-", "-")
		} else {
			row = append(row, fmt.Sprint(n.Head), fmt.Sprint(n.Lag), fmt.Sprint(n.Applied), contactText(n.LastContactMs), fmt.Sprintf("%+d ms", n.SkewMs), n.Version)
		}
		rows = append(rows, row)
	}
	return printTable(w, rows)
}

// contactText is how long ago something was.
func contactText(ms int64) string {
	if ms < 1000 {
		return fmt.Sprintf("%d ms ago", ms)
	}
	return (time.Duration(ms) * time.Millisecond).Round(time.Second).String() + " ago"
}

func newClusterTransfer() *cobra.Command {
	var t target
	var to string
	var asJSON bool
	c := &cobra.Command{
		Use:     "transfer",
		Short:   "Make another node the leader",
		Long:    `transfer makes the leader give its place to another node: the one named, or the one that is furthest. Nothing is lost by it; writes wait for some milliseconds.`,
		Example: "  dashd cluster transfer\n  dashd cluster transfer --to 1f0c52a8",
		Args:    cobra.NoArgs,
		RunE: withClient(&t, func(c *cobra.Command, cl *client, _ []string) error {
			asked := map[string]string{}
			if to != "" {
				n, _, err := findNode(c, cl, to)
				if err != nil {
					return err
				}
				asked["to"] = n.ID
			}
			var done struct {
				From   string `json:"from"`
				Leader string `json:"leader"`
			}
			if err := cl.call(c.Context(), "POST", "/v1/cluster/transfer", nil, asked, &done); err != nil {
				return err
			}
			if asJSON {
				return printJSON(c.OutOrStdout(), done)
			}
			return printTransfer(c.OutOrStdout(), done.From, done.Leader)
		}),
	}
	t.addFlags(c.Flags())
	c.Flags().StringVar(&to, "to", "", "`node` that is to lead: its id, the beginning of it, or its address (default: the one that is furthest)")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

// printTransfer says who leads.
func printTransfer(w io.Writer, from, leader string) (err error) {
	switch leader {
	case from:
		_, err = fmt.Fprintf(w, "Node %s leads already.\n", from)
	case "":
		_, err = fmt.Fprintf(w, "Node %s leads no more; who does is not known yet.\n", from)
	default:
		_, err = fmt.Fprintf(w, "Node %s leads now; node %s does no more.\n", leader, from)
	}
	return err
}

func newClusterRemove() *cobra.Command {
	var t target
	var yes, asJSON bool
	c := &cobra.Command{
		Use:   "remove NODE",
		Short: "Take a node out of the cluster for ever",
		Long: `remove takes a node out of the cluster: it stops, and the others refuse it from then on.
NODE is its id, the beginning of it, or its address. The machine can join again with an
empty data directory, as a new node. What would leave no majority is refused. Until remove
has ended, the others may need the node's vote: wipe its disk after that only.`,
		Example: "  dashd cluster remove 1f0c52a8\n  dashd cluster remove 10.0.0.3:8788 --yes",
		Args:    cobra.ExactArgs(1),
		RunE: withClient(&t, func(c *cobra.Command, cl *client, args []string) error {
			n, asked, err := findNode(c, cl, args[0])
			if err != nil {
				return err
			}
			if !yes {
				if err := confirm(c, n); err != nil {
					return err
				}
			}
			var gone projections.Node
			if err := cl.call(c.Context(), "DELETE", "/v1/cluster/nodes/"+url.PathEscape(n.ID), nil, nil, &gone); err != nil {
				return err
			}
			if err := awaitRemoval(c.Context(), cl, gone.ID, gone.ID == asked); err != nil {
				return err
			}
			if asJSON {
				return printJSON(c.OutOrStdout(), gone)
			}
			_, err = fmt.Fprintf(c.OutOrStdout(), "Node %s (%s) is removed.\n", gone.ID, gone.Address)
			return err
		}),
	}
	t.addFlags(c.Flags())
	c.Flags().BoolVar(&yes, "yes", false, "do not ask for confirmation")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

const (
	// removalPatience is how long the others may take to do without a node, and removalPause
	// is between two looks.
	removalPatience = 30 * time.Second
	removalPause    = 200 * time.Millisecond
)

// awaitRemoval waits until the others do without a node. If it is that node that is asked (itself),
// it ends when they do, and answers no more. That another one does not answer says nothing.
func awaitRemoval(ctx context.Context, cl *client, id string, itself bool) error {
	ctx, cancel := context.WithTimeout(ctx, removalPatience)
	defer cancel()
	for {
		var s node.ClusterStatus
		err := cl.call(ctx, "GET", "/v1/cluster", nil, nil, &s)
		if err == nil && !slices.ContainsFunc(s.Nodes, func(n node.NodeStatus) bool { return n.ID == id }) {
			return nil
		}
		if err != nil && itself && ctx.Err() == nil {
			return nil
		}
		if pause(ctx, removalPause) != nil {
			return fmt.Errorf("node %s is to be removed, and the others have not done it after %v; see dashd cluster status, and do not wipe its disk yet", id, removalPatience)
		}
	}
}

// confirm asks whether a node is to be removed.
func confirm(c *cobra.Command, n node.NodeStatus) error {
	if _, err := fmt.Fprintf(c.ErrOrStderr(), "Remove node %s (%s, %s, %s) for ever? Type yes: ", n.ID, n.Address, n.Role, n.State); err != nil {
		return err
	}
	answer, _ := bufio.NewReader(c.InOrStdin()).ReadString('\n') // an end is no yes
	if strings.TrimSpace(answer) != "yes" {
		return fmt.Errorf("nothing is removed; say yes, or give --yes")
	}
	return nil
}

// findNode finds a node by its id, the beginning of it, or its address. asked is the id of the
// node that has told of it.
func findNode(c *cobra.Command, cl *client, name string) (n node.NodeStatus, asked string, err error) {
	var s node.ClusterStatus
	if err := cl.call(c.Context(), "GET", "/v1/cluster", nil, nil, &s); err != nil {
		return node.NodeStatus{}, "", err
	}
	n, err = pickNode(s.Nodes, name)
	return n, s.AskedOf, err
}

// pickNode is the one node that a name can mean.
func pickNode(nodes []node.NodeStatus, name string) (node.NodeStatus, error) {
	var found []node.NodeStatus
	for _, n := range nodes {
		if n.ID == name || n.Address == name {
			return n, nil
		}
		if name != "" && strings.HasPrefix(n.ID, name) {
			found = append(found, n)
		}
	}
	switch len(found) {
	case 0:
		return node.NodeStatus{}, fmt.Errorf("no node %q; dashd cluster status lists them", name)
	case 1:
		return found[0], nil
	}
	return node.NodeStatus{}, fmt.Errorf("%d nodes begin with %q", len(found), name)
}
