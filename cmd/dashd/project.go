package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"
)

// project is an element of GET /v1/projects.
type project struct {
	ID        string    `json:"id"`
	Name      string    `json:"name"`
	CreatedAt time.Time `json:"createdAt"`
}

func newProject() *cobra.Command {
	c := &cobra.Command{
		Use:   "project",
		Short: "Create and list projects",
		Long:  "A project is a fence: the events and keys of one are never seen from another.",
	}
	c.AddCommand(newProjectCreate(), newProjectList())
	return c
}

func newProjectCreate() *cobra.Command {
	var t target
	var name string
	var asJSON bool
	c := &cobra.Command{
		Use:     "create ID",
		Short:   "Create a project",
		Example: "  dashd project create shop --name \"Web shop\"",
		Args:    cobra.ExactArgs(1),
		RunE: withClient(&t, func(c *cobra.Command, cl *client, args []string) error {
			var p project
			if err := cl.call(c.Context(), "POST", "/v1/projects", nil, map[string]string{"id": args[0], "name": name}, &p); err != nil {
				return err
			}
			if asJSON {
				return printJSON(c.OutOrStdout(), p)
			}
			_, err := fmt.Fprintf(c.OutOrStdout(), "Project %s created. Make a key for it with: dashd key create --project %s\n", p.ID, p.ID)
			return err
		}),
	}
	t.addFlags(c.Flags())
	c.Flags().StringVar(&name, "name", "", "name for people (default: the id)")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

func newProjectList() *cobra.Command {
	var t target
	var asJSON bool
	c := &cobra.Command{
		Use:     "list",
		Short:   "List the projects",
		Example: "  dashd project list",
		Args:    cobra.NoArgs,
		RunE: withClient(&t, func(c *cobra.Command, cl *client, _ []string) error {
			var list struct {
				Projects []project `json:"projects"`
			}
			if err := cl.call(c.Context(), "GET", "/v1/projects", nil, nil, &list); err != nil {
				return err
			}
			if asJSON {
				return printJSON(c.OutOrStdout(), list)
			}
			rows := [][]string{{"ID", "NAME", "CREATED"}}
			for _, p := range list.Projects {
				rows = append(rows, []string{p.ID, p.Name, p.CreatedAt.Format(time.RFC3339)})
			}
			return printTable(c.OutOrStdout(), rows)
		}),
	}
	t.addFlags(c.Flags())
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}
