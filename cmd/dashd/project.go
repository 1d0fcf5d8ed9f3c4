package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"dashd/internal/commands"
	"dashd/projections"
)

func newProject() *cobra.Command {
	c := &cobra.Command{
		Use:   "project",
		Short: "Create and list projects",
		Long:  "A project is a fence: the events and keys of one are never seen from another.",
		Example: `  dashd project create shop
  dashd project list`,
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
			var p projections.Project
			if err := cl.call(c.Context(), "POST", "/v1/projects", nil, commands.ProjectCreate{ID: args[0], Name: name}, &p); err != nil {
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
				Projects []projections.Project `json:"projects"`
			}
			if err := cl.call(c.Context(), "GET", "/v1/projects", nil, nil, &list); err != nil {
				return err
			}
			if asJSON {
				return printJSON(c.OutOrStdout(), list)
			}
			rows := [][]string{{"ID", "NAME", "CREATED"}}
			for _, p := range list.Projects {
				rows = append(rows, []string{p.ID, p.Name, moment(p.CreatedAt)})
			}
			return printTable(c.OutOrStdout(), rows)
		}),
	}
	t.addFlags(c.Flags())
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}
