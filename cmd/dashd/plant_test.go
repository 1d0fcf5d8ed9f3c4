package main

import (
	"bytes"
	"context"
	"log/slog"
	"slices"

	"github.com/rogpeppe/go-internal/testscript"

	"dashd/eventlog"
	"dashd/eventlog/block"
	"dashd/internal/node"
	"dashd/projections"
)

// scriptPlant gives a stopped node rows that are not what its log says.
func scriptPlant(ts *testscript.TestScript, _ bool, args []string) {
	off, err := node.OpenOffline(ts.MkAbs(args[0]), slog.New(slog.DiscardHandler))
	ts.Check(err)
	defer func() { ts.Check(off.Close()) }()
	fold := projections.NewRefold("")
	ctx := context.Background()
	ts.Check(off.Store.Blocks(ctx, 1, func(first uint64, _ []byte, b block.Block) error {
		other, err := replaced(&b, first, args[1], args[2])
		if err != nil {
			return err
		}
		return fold.Block(first, &other, off.Store.Head())
	}))
	ts.Check(fold.Save(ctx, off.Store, projections.DashOptions{DB: off.KV}))
}

// replaced is a block with another text in its metadata.
func replaced(b *block.Block, first uint64, old, text string) (other block.Block, err error) {
	var events []eventlog.Event
	err = b.Each(first, func(rec *eventlog.Record) error {
		e := rec.Event
		e.Metadata, e.Sealed = bytes.ReplaceAll(e.Metadata, []byte(old), []byte(text)), slices.Clone(e.Sealed)
		events = append(events, e)
		return nil
	})
	if err != nil {
		return other, err
	}
	group, err := block.AppendGroup(nil, events)
	if err != nil {
		return other, err
	}
	raw, err := block.Seal(b.Header, group)
	if err != nil {
		return other, err
	}
	return block.Open(raw)
}
