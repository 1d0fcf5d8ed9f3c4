package main

import (
	"fmt"
	"math"
	"time"

	"github.com/spf13/cobra"

	"dashd/internal/commands"
)

// joinToken is the answer of POST /v1/cluster/join-tokens.
type joinToken struct {
	ID        string    `json:"id"`
	Token     string    `json:"token"`
	ExpiresAt time.Time `json:"expiresAt"`
}

func newJoinToken() *cobra.Command {
	var t target
	var lifetime time.Duration
	var asJSON bool
	c := &cobra.Command{
		Use:   "join-token",
		Short: "Make a token that lets one machine join the cluster",
		Long: `join-token prints a token for "dashd serve --join" on a machine that is to become a
node of the cluster. It is good for one node, and only for some time; who holds it can
join, so treat it as a password. The token stands alone on the last line.`,
		Example: "  dashd join-token\n  dashd join-token --expires-in 1h --json",
		Args:    cobra.NoArgs,
		RunE: withClient(&t, func(c *cobra.Command, cl *client, _ []string) error {
			var made joinToken
			asked := map[string]int64{"expiresIn": int64(math.Ceil(lifetime.Seconds()))}
			if err := cl.call(c.Context(), "POST", "/v1/cluster/join-tokens", nil, asked, &made); err != nil {
				return err
			}
			if asJSON {
				return printJSON(c.OutOrStdout(), made)
			}
			_, err := fmt.Fprintf(c.OutOrStdout(), `This token lets one machine join the cluster, until %s. On it, run:

  dashd serve --join TOKEN --cluster ADDRESS:8788

where ADDRESS is its own, as the other nodes reach it. The token:

%s
`, moment(made.ExpiresAt), made.Token)
			return err
		}),
	}
	t.addFlags(c.Flags())
	c.Flags().DurationVar(&lifetime, "expires-in", commands.DefaultJoinLifetime, "`duration` until it expires")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}
