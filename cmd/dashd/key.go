package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// apiKey is an element of GET /v1/keys; Key is only in the answer that made it.
type apiKey struct {
	ID        string     `json:"id"`
	Project   string     `json:"project"`
	Name      string     `json:"name"`
	Scopes    []string   `json:"scopes"`
	CreatedAt time.Time  `json:"createdAt"`
	ExpiresAt *time.Time `json:"expiresAt,omitempty"`
	RevokedAt *time.Time `json:"revokedAt,omitempty"`
	Key       string     `json:"key,omitempty"`
}

func newKey() *cobra.Command {
	c := &cobra.Command{Use: "key", Short: "Create, list and revoke API keys"}
	c.AddCommand(newKeyCreate(), newKeyList(), newKeyRevoke())
	return c
}

func newKeyCreate() *cobra.Command {
	var t target
	var name string
	var scopes []string
	var days int
	var asJSON bool
	c := &cobra.Command{
		Use:   "create",
		Short: "Create an API key and print it, once",
		Example: `  dashd key create --name web
  dashd key create --project shop --name reader --scope events:read`,
		Args: cobra.NoArgs,
		RunE: withClient(&t, func(c *cobra.Command, cl *client, _ []string) error {
			ask := map[string]any{"project": cl.project, "name": name, "scopes": scopes, "expiresInDays": days}
			var k apiKey
			if err := cl.call(c.Context(), "POST", "/v1/keys", nil, ask, &k); err != nil {
				return err
			}
			if asJSON {
				return printJSON(c.OutOrStdout(), k)
			}
			_, err := fmt.Fprintf(c.OutOrStdout(), "Key %s for project %s (%s). It is shown this once:\n\n%s\n",
				k.ID, k.Project, strings.Join(k.Scopes, ", "), k.Key)
			return err
		}),
	}
	t.addFlags(c.Flags())
	c.Flags().StringVar(&name, "name", "", "what the key is for")
	c.Flags().StringSliceVar(&scopes, "scope", []string{"events:write", "events:read"}, "what it may do")
	c.Flags().IntVar(&days, "days", 365, "`days` until it expires; 0: never")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
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
				Keys []apiKey `json:"keys"`
			}
			if err := cl.call(c.Context(), "GET", "/v1/keys", nil, nil, &list); err != nil {
				return err
			}
			if asJSON {
				return printJSON(c.OutOrStdout(), list)
			}
			rows := [][]string{{"ID", "NAME", "SCOPES", "CREATED", "STATE"}}
			for _, k := range list.Keys {
				rows = append(rows, []string{k.ID, k.Name, strings.Join(k.Scopes, ","), k.CreatedAt.Format(time.RFC3339), k.state()})
			}
			return printTable(c.OutOrStdout(), rows)
		}),
	}
	t.addFlags(c.Flags())
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

func (k apiKey) state() string {
	switch {
	case k.RevokedAt != nil:
		return "revoked " + k.RevokedAt.Format(time.RFC3339)
	case k.ExpiresAt != nil:
		return "until " + k.ExpiresAt.Format(time.RFC3339)
	}
	return "valid"
}

func newKeyRevoke() *cobra.Command {
	var t target
	c := &cobra.Command{
		Use:     "revoke ID",
		Short:   "Revoke an API key: it opens nothing from the answer on",
		Example: "  dashd key revoke 7hQ2mKx1",
		Args:    cobra.ExactArgs(1),
		RunE: withClient(&t, func(c *cobra.Command, cl *client, args []string) error {
			var k apiKey
			if err := cl.call(c.Context(), "DELETE", "/v1/keys/"+args[0], nil, nil, &k); err != nil {
				return err
			}
			_, err := fmt.Fprintf(c.OutOrStdout(), "Key %s of project %s is revoked.\n", k.ID, k.Project)
			return err
		}),
	}
	t.addFlags(c.Flags())
	return c
}
