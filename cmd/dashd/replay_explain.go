package main

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"time"

	"dashd/internal/display"
	"dashd/internal/wire"
	"dashd/projections"
)

// newExplain prints the events of a user, and what each has changed.
func (o *replayOptions) newExplain() (reading, error) {
	if o.user == "" {
		return nil, errors.New("--explain needs --user: whose events are to be explained")
	}
	if len(o.types) > 0 {
		return nil, errors.New("--explain cannot be used with --type")
	}
	if o.project == "" {
		o.project = projections.DefaultProject
	}
	makers := map[string]func(io.Writer) explanation{
		"text":   func(w io.Writer) explanation { return &explainText{sheaf{w: w}} },
		"ndjson": func(w io.Writer) explanation { return &explainJSON{sheaf{w: w}} },
		"json":   func(w io.Writer) explanation { return &explainJSON{sheaf{w: w}} },
		"csv":    func(w io.Writer) explanation { return &explainCSV{out: csv.NewWriter(w)} },
	}
	start := makers[o.format]
	if start == nil {
		return nil, fmt.Errorf("--format %q: it must be text, ndjson, json or csv", o.format)
	}
	return func(ctx context.Context, src *source, w io.Writer, p *progress, _ *replayed) (n uint64, err error) {
		print := start(w)
		x := projections.NewExplainer(o.project, o.user, func(e projections.Explained) error {
			n++
			return print.event(e)
		})
		err = src.open(ctx, 1, o.to, func(b openBlock) error {
			err := x.Block(b.first, &b.Block, o.from, o.to)
			p.at(x.Seq())
			return err
		})
		return n, errors.Join(err, print.flush())
	}, nil
}

// explanation prints events with what they have changed.
type explanation interface {
	event(projections.Explained) error
	flush() error
}

// explainText prints for people: a line for the event, and one below it for each field.
type explainText struct{ sheaf }

func (x *explainText) event(e projections.Explained) error {
	message, severity := display.Of(&e.Record.Event)
	text := wire.AppendText(nil, e.Record, message, severity)
	for i := range e.Changes {
		c := &e.Changes[i]
		text = fmt.Appendf(text, "    %s %s %s", c.Kind, printable(c.ID), c.Change)
		if c.SecretChanged {
			text = append(text, ", its secret too"...)
		}
		text = append(text, '\n')
		for _, f := range fieldsOf(c) {
			switch c.Change {
			case projections.RowAdded:
				text = fmt.Appendf(text, "        %s: %s\n", f.name, printable(f.after))
			case projections.RowRemoved:
				text = fmt.Appendf(text, "        %s: was %s\n", f.name, printable(f.before))
			default:
				text = fmt.Appendf(text, "        %s: %s -> %s\n", f.name, printable(f.before), printable(f.after))
			}
		}
	}
	return x.add(text)
}

// changedField is a field of a row, as JSON; "" where there is no row.
type changedField struct{ name, before, after string }

// fieldsOf are the fields that a change tells of, by name. What is null, and was nothing before or is
// nothing after, is left out.
func fieldsOf(c *projections.RowChange) (list []changedField) {
	var before, after map[string]json.RawMessage
	_ = json.Unmarshal(c.Before, &before) // what this program has made, or nothing
	_ = json.Unmarshal(c.After, &after)
	names := maps.Clone(before)
	if names == nil {
		names = map[string]json.RawMessage{}
	}
	maps.Copy(names, after)
	for _, name := range slices.Sorted(maps.Keys(names)) {
		f := changedField{name, string(before[name]), string(after[name])}
		if c.Change == projections.RowChanged || f.before+f.after != "null" {
			list = append(list, f)
		}
	}
	return list
}

// explainJSON prints each event on a line: its object in the API, its project, and the changes.
type explainJSON struct{ sheaf }

func (x *explainJSON) event(e projections.Explained) error {
	message, severity := display.Of(&e.Record.Event)
	line := appendNDJSON(nil, e.Record, message, severity)
	changes := e.Changes
	if changes == nil {
		changes = []projections.RowChange{}
	}
	text, err := json.Marshal(changes)
	if err != nil {
		return err
	}
	line = append(line[:len(line)-len("}\n")], `,"changes":`...)
	return x.add(append(append(line, text...), "}\n"...))
}

// explainCSV prints a line for each field that an event has changed, and one for an event that has changed
// nothing.
type explainCSV struct {
	out   *csv.Writer
	begun bool
}

func (x *explainCSV) event(e projections.Explained) error {
	if !x.begun {
		x.begun = true
		if err := x.out.Write([]string{"seq", "id", "type", "timestamp", "actorId", "kind", "rowId", "change", "field", "before", "after"}); err != nil {
			return err
		}
	}
	r := e.Record
	head := []string{
		strconv.FormatUint(r.Seq, 10), harmless(r.ID), harmless(string(r.Type)),
		time.UnixMilli(r.Time).UTC().Format("2006-01-02T15:04:05.000Z"), harmless(r.ActorID),
	}
	if len(e.Changes) == 0 {
		return x.out.Write(append(head, "", "", "", "", "", ""))
	}
	for i := range e.Changes {
		c := &e.Changes[i]
		fields := fieldsOf(c)
		if c.SecretChanged {
			fields = append(fields, changedField{name: "secret"})
		}
		for _, f := range fields {
			row := append(slices.Clip(head), c.Kind, harmless(c.ID), c.Change, f.name, cell(json.RawMessage(f.before)), cell(json.RawMessage(f.after)))
			if err := x.out.Write(row); err != nil {
				return err
			}
		}
	}
	return nil
}

func (x *explainCSV) flush() error {
	x.out.Flush()
	return x.out.Error()
}
