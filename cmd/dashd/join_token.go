package main

import (
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"dashd/internal/commands"
)

// joinToken is the answer of POST /v1/cluster/join-tokens.
type joinToken struct {
	ID        string    `json:"id"`
	Token     string    `json:"token,omitempty"`
	ExpiresAt time.Time `json:"expiresAt"`
}

func newJoinToken() *cobra.Command {
	var t target
	var lifetime time.Duration
	var output string
	var asJSON bool
	c := &cobra.Command{
		Use:   "join-token",
		Short: "Make a token that lets one machine join the cluster",
		Long: `join-token prints a token for "dashd serve --join" on a machine that is to become a
node of the cluster. It is good for one node, and only for some time; who holds it can
join, so treat it as a password. The token stands alone on the last line.

With --output it is written to a file that only its owner can read, for "--join @FILE".`,
		Example: "  dashd join-token\n  dashd join-token --expires-in 1h --json\n  dashd join-token --output /run/dashd/join",
		Args:    cobra.NoArgs,
		RunE: withClient(&t, func(c *cobra.Command, cl *client, _ []string) error {
			var made joinToken
			asked := map[string]int64{"expiresIn": int64(math.Ceil(lifetime.Seconds()))}
			if err := cl.call(c.Context(), "POST", "/v1/cluster/join-tokens", nil, asked, &made); err != nil {
				return err
			}
			if output != "" {
				if err := writeToken(output, made.Token); err != nil {
					return err
				}
				made.Token = ""
			}
			if asJSON {
				return printJSON(c.OutOrStdout(), made)
			}
			if output != "" {
				_, err := fmt.Fprintf(c.OutOrStdout(), "A join token is in %s, and good until %s.\n", output, moment(made.ExpiresAt))
				return err
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
	c.Flags().StringVar(&output, "output", "", "`file` to write the token to, instead of printing it")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

// writeToken puts a token into a file that only its owner can read: all of it, or none.
func writeToken(path, token string) error {
	temp, err := os.CreateTemp(filepath.Dir(path), ".join-*") // mode 0600
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(temp, token)
	if err = errors.Join(err, temp.Close()); err == nil {
		err = os.Rename(temp.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(temp.Name()))
	}
	return nil
}
