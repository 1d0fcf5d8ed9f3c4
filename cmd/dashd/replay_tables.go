package main

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"dashd/eventlog"
	"dashd/projections"
)

// newTables prints the rows of tables, as the log has made them.
func (o *replayOptions) newTables() (reading, error) {
	if !o.formatGiven {
		o.format = "ndjson"
	}
	var kinds []string
	for _, name := range o.tables {
		kind, ok := projections.KindOf(name)
		if !ok {
			return nil, fmt.Errorf("--tables %q: there are %s", name, strings.Join(projections.Kinds(), ", "))
		}
		kinds = append(kinds, kind)
	}
	switch {
	case o.from > 1 || o.user != "" || len(o.types) > 0:
		return nil, fmt.Errorf("--tables cannot be used with --from, --user or --type: rows are what all events have made of them")
	case o.format == "csv" && len(kinds) > 1:
		return nil, fmt.Errorf("--format csv prints one table at a time")
	case !slices.Contains([]string{"ndjson", "json", "csv"}, o.format):
		return nil, fmt.Errorf("--format %q: rows are printed as ndjson, json or csv", o.format)
	}
	return func(ctx context.Context, src *source, w io.Writer, p *progress, _ *replayed) (uint64, error) {
		fold := projections.NewRefold(o.project)
		err := src.open(ctx, 1, o.to, func(b openBlock) error {
			err := fold.Block(b.first, &b.Block, o.to)
			p.at(fold.Seq())
			return err
		})
		if err != nil {
			return 0, err
		}
		var print rowPrinter = &ndjsonRows{out: sheaf{w: w}}
		if o.format == "csv" {
			print = &csvRows{out: csv.NewWriter(w)}
		}
		n, err := printRows(ctx, fold.Image(), o.project, kinds, print)
		if err != nil {
			return n, err
		}
		return n, print.flush()
	}, nil
}

// rowPrinter prints rows as objects.
type rowPrinter interface {
	print(project, kind string, row []byte) error
	flush() error
}

// printRows prints the rows of the projects that are asked for, project by project.
func printRows(ctx context.Context, image *projections.DashImage, only string, kinds []string, print rowPrinter) (n uint64, err error) {
	for project, tables := range image.Projects() {
		if only != "" && project != only || project == eventlog.ReservedProject {
			continue
		}
		for _, kind := range kinds {
			for _, row := range tables.Rows(kind) {
				text, err := json.Marshal(row)
				if err == nil {
					err = print.print(project, kind, text)
				}
				if err != nil {
					return n, err
				}
				if n++; n%4096 == 0 && ctx.Err() != nil {
					return n, ctx.Err()
				}
			}
		}
	}
	return n, nil
}

// ndjsonRows prints each row on a line, as what it is in the API with its project and kind.
type ndjsonRows struct {
	out  sheaf
	line []byte
}

func (p *ndjsonRows) print(project, kind string, row []byte) error {
	p.line = append(p.line[:0], `{"project":"`...)
	p.line = append(append(p.line, project...), `","kind":"`...) // neither needs an escape
	p.line = append(append(p.line, kind...), `",`...)
	p.line = append(append(p.line, row[1:]...), '\n') // a row is an object that is not empty
	return p.out.add(p.line)
}

func (p *ndjsonRows) flush() error { return p.out.flush() }

// csvRows prints rows under a line with the names of their fields.
type csvRows struct {
	out   *csv.Writer
	names []string
}

func (p *csvRows) print(project, _ string, row []byte) error {
	names, cells, err := cellsOf(row)
	if err != nil {
		return err
	}
	if p.names == nil {
		p.names = names
		if err := p.out.Write(append([]string{"project"}, names...)); err != nil {
			return err
		}
	}
	if !slices.Equal(names, p.names) {
		return fmt.Errorf("a row has the fields %v, others have %v", names, p.names)
	}
	return p.out.Write(append([]string{project}, cells...))
}

func (p *csvRows) flush() error {
	p.out.Flush()
	return p.out.Error()
}

// cellsOf takes an object apart, in its order. Texts are given as they are, and anything else as JSON.
func cellsOf(object []byte) (names, cells []string, err error) {
	in := json.NewDecoder(bytes.NewReader(object))
	if _, err := in.Token(); err != nil {
		return nil, nil, err
	}
	for in.More() {
		name, err := in.Token()
		if err != nil {
			return nil, nil, err
		}
		var value json.RawMessage
		if err := in.Decode(&value); err != nil {
			return nil, nil, err
		}
		names, cells = append(names, fmt.Sprint(name)), append(cells, cell(value))
	}
	return names, cells, nil
}

// cell is a JSON value as a cell. Text that a spreadsheet would take for a formula has an apostrophe
// before it.
func cell(value json.RawMessage) string {
	var text string
	switch {
	case string(value) == "null":
		return ""
	case len(value) == 0 || value[0] != '"' || json.Unmarshal(value, &text) != nil:
		return string(value)
	}
	return harmless(text)
}

// harmless is a text that no spreadsheet takes for a formula.
func harmless(text string) string {
	if text != "" && strings.ContainsRune("=+-@\t\r", rune(text[0])) {
		return "'" + text
	}
	return text
}
