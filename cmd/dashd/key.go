package main

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"dashd/internal/commands"
	"dashd/projections"
)

func newKey() *cobra.Command {
	c := &cobra.Command{
		Use:   "key",
		Short: "Create, list and revoke API keys",
		Long: `An API key belongs to one project. It is shown once, when it is made: dashd keeps
its hash only.`,
		Example: `  dashd key create --name web
  dashd key list`,
	}
	c.AddCommand(newKeyCreate(), newKeyList(), newKeyRevoke())
	return c
}

func newKeyCreate() *cobra.Command {
	var t target
	var ask commands.KeyCreate
	var days int
	var forever, asJSON bool
	c := &cobra.Command{
		Use:   "create",
		Short: "Create an API key and print it, once",
		Example: `  dashd key create --name web
  dashd key create --project shop --name reader --scope events:read --days 30`,
		Args: cobra.NoArgs,
		RunE: withClient(&t, func(c *cobra.Command, cl *client, _ []string) error {
			if days < 1 {
				return errors.New("--days must be 1 or more; for a key that does not expire, say --no-expiry")
			}
			ask.Project, ask.Lifetime = cl.project, int64(days)*24*3600
			if forever {
				ask.Lifetime = commands.Forever
			}
			var k commands.CreatedKey
			if err := cl.call(c.Context(), "POST", "/v1/keys", nil, ask, &k); err != nil {
				return err
			}
			if asJSON {
				return printJSON(c.OutOrStdout(), k)
			}
			_, err := fmt.Fprintf(c.OutOrStdout(), "Key %s of project %s (%s), %s. It is shown this once:\n\n%s\n",
				k.ID, k.Project, strings.Join(k.Scopes, ", "), keyState(k.Key, time.Now()), k.Text)
			return err
		}),
	}
	t.addFlags(c.Flags())
	c.Flags().StringVar(&ask.Name, "name", "", "what the key is for")
	c.Flags().StringSliceVar(&ask.Scopes, "scope", []string{"events:write", "events:read"}, "what it may do ("+strings.Join(projections.Scopes(), ", ")+")")
	c.Flags().IntVar(&days, "days", commands.DefaultLifetime/(24*3600), "`days` until it expires")
	c.Flags().BoolVar(&forever, "no-expiry", false, "it does not expire")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	c.MarkFlagsMutuallyExclusive("days", "no-expiry")
	complete(c, "scope", projections.Scopes()...)
	return c
}

func newKeyList() *cobra.Command {
	var t target
	var asJSON bool
	c := &cobra.Command{
		Use:     "list",
		Short:   "List the API keys of a project",
		Example: "  dashd key list --project shop",
		Args:    cobra.NoArgs,
		RunE: withClient(&t, func(c *cobra.Command, cl *client, _ []string) error {
			var list struct {
				Keys []projections.Key `json:"keys"`
			}
			if err := cl.call(c.Context(), "GET", "/v1/keys", nil, nil, &list); err != nil {
				return err
			}
			if asJSON {
				return printJSON(c.OutOrStdout(), list)
			}
			rows := [][]string{{"ID", "NAME", "SCOPES", "CREATED", "BY", "STATE"}}
			for _, k := range list.Keys {
				rows = append(rows, []string{k.ID, k.Name, strings.Join(k.Scopes, ","), moment(k.CreatedAt), k.CreatedBy, keyState(k, time.Now())})
			}
			return printTable(c.OutOrStdout(), rows)
		}),
	}
	t.addFlags(c.Flags())
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

// keyState says whether a key opens anything.
func keyState(k projections.Key, now time.Time) string {
	switch {
	case !k.RevokedAt.IsZero():
		return "revoked " + moment(k.RevokedAt)
	case k.ExpiresAt.IsZero():
		return "does not expire"
	case k.ExpiresAt.Before(now):
		return "expired " + moment(k.ExpiresAt)
	}
	return "expires " + moment(k.ExpiresAt)
}

func newKeyRevoke() *cobra.Command {
	var t target
	var asJSON bool
	c := &cobra.Command{
		Use:     "revoke ID",
		Short:   "Revoke an API key: it opens nothing from the answer on",
		Example: "  dashd key revoke mfrggzdf --project shop",
		Args:    cobra.ExactArgs(1),
		RunE: withClient(&t, func(c *cobra.Command, cl *client, args []string) error {
			var k projections.Key
			if err := cl.call(c.Context(), "DELETE", "/v1/keys/"+url.PathEscape(args[0]), nil, nil, &k); err != nil {
				return err
			}
			if asJSON {
				return printJSON(c.OutOrStdout(), k)
			}
			_, err := fmt.Fprintf(c.OutOrStdout(), "Key %s of project %s is revoked.\n", k.ID, k.Project)
			return err
		}),
	}
	t.addFlags(c.Flags())
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}
