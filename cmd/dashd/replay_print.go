package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"dashd/eventlog"
	"dashd/eventlog/block"
	"dashd/internal/display"
	"dashd/internal/wire"
)

// printer prints the events of a log that were asked for.
type printer struct {
	o *replayOptions

	header string
	append func(dst []byte, r *eventlog.Record, message string, sev eventlog.Severity) []byte
	// The types that were asked for; some names mean failed events only.
	anyStatus, onlyFailed []eventlog.Type
	categories            []string
}

// newPrinter reads the options. o.to may be changed until log is called.
func newPrinter(o *replayOptions) (*printer, error) {
	p := &printer{o: o}
	switch o.format {
	case "text":
		p.append = wire.AppendText
	case "csv":
		p.header, p.append = wire.CSVHeader, wire.AppendCSV
	case "ndjson", "json":
		p.append = appendNDJSON
	default:
		return nil, fmt.Errorf("--format %q: it must be text, ndjson, json or csv", o.format)
	}
	for _, name := range o.types {
		if category, ok := strings.CutSuffix(name, ".*"); ok {
			p.categories = append(p.categories, category)
			continue
		}
		types, failed := eventlog.TypesOf(name)
		switch {
		case len(types) == 0:
			return nil, fmt.Errorf("--type %q is not the name of a type", name)
		case failed:
			p.onlyFailed = append(p.onlyFailed, types...)
		default:
			p.anyStatus = append(p.anyStatus, types...)
		}
	}
	return p, nil
}

// appendNDJSON appends the line of an event: its object in the API, and the project,
// which a reader of the API knows. The id of a project needs no escapes.
func appendNDJSON(dst []byte, r *eventlog.Record, message string, sev eventlog.Severity) []byte {
	dst = wire.AppendEvent(dst, r, message, sev)
	dst = append(dst[:len(dst)-1], `,"project":"`...)
	dst = append(dst, r.Project...)
	return append(dst, "\"}\n"...)
}

// pick appends to offsets those of the events of a block that were asked for. It looks at columns
// only.
func (p *printer) pick(offsets []int, first uint64, b *block.Block) []int {
	groups := b.Groups()
	for i := range groups {
		g := &groups[i]
		for row := range g.Len() {
			if p.selects(first, g, row) {
				offsets = append(offsets, g.First()+row)
			}
		}
	}
	return offsets
}

// selects reports whether a row of a group was asked for. The block begins at first.
func (p *printer) selects(first uint64, g *block.Group, row int) bool {
	seq := first + uint64(g.First()+row)
	text := func(c block.Column) []byte { return g.Dict(g.Ref(c, row)) }
	return seq >= p.o.from && seq <= p.o.to &&
		(p.o.project == "" || string(text(block.ColProject)) == p.o.project) &&
		(p.o.user == "" || string(text(block.ColUser)) == p.o.user) &&
		(len(p.o.types) == 0 || p.selectsType(eventlog.Type(text(block.ColType)), g.Status(row)))
}

func (p *printer) selectsType(t eventlog.Type, status eventlog.Status) bool {
	return slices.Contains(p.anyStatus, t) ||
		status == eventlog.Failed && slices.Contains(p.onlyFailed, t) ||
		slices.Contains(p.categories, t.Category())
}

// Blocks are rendered together until they have so many stored bytes; text is written
// when there is so much of it.
const (
	renderTogether = 64 << 10
	writeTogether  = 256 << 10
)

// piece is a run of blocks and, in the end, their text.
type piece struct {
	blocks []rawBlock
	size   int // of the blocks

	offsets []int // of events that were asked for, in the block in work

	text []byte
	n    uint64 // events in text
	last uint64 // seq of the last event of the blocks
	err  error
	done chan struct{} // closed when all that is known
}

// log prints the selected events and returns their number. Pieces are decoded and
// rendered in parallel and written in order, whole: what is printed before an
// error or an interruption ends with a complete event.
func (p *printer) log(ctx context.Context, src *source, w io.Writer, shown *progress) (n uint64, err error) {
	g, ctx := errgroup.WithContext(ctx)
	workers := runtime.GOMAXPROCS(0)
	order := make(chan *piece, 2*workers)
	work := make(chan *piece)
	var texts sync.Pool // of *[]byte: text that has been written
	for range workers {
		g.Go(func() error {
			var teller display.Teller
			for pc := range work {
				p.render(pc, &teller, &texts)
				close(pc.done)
			}
			return nil
		})
	}
	g.Go(func() error {
		defer close(order)
		defer close(work)
		return cut(ctx, src, p.o.from, p.o.to, func(pc *piece) error {
			for _, ch := range []chan *piece{order, work} {
				select {
				case ch <- pc:
				case <-ctx.Done():
					return ctx.Err()
				}
			}
			return nil
		})
	})
	g.Go(func() error {
		out := &sheaf{w: w, buf: []byte(p.header)}
		for pc := range order {
			select {
			case <-pc.done:
			case <-ctx.Done(): // it may never be rendered
				return out.flush()
			}
			if pc.err != nil {
				return errors.Join(out.flush(), pc.err)
			}
			if err := out.add(pc.text); err != nil {
				return err
			}
			n += pc.n
			shown.at(min(pc.last, p.o.to))
			text := pc.text[:0]
			texts.Put(&text)
		}
		return out.flush()
	})
	return n, g.Wait()
}

// cut makes pieces of the blocks that hold the events from from to to.
func cut(ctx context.Context, src *source, from, to uint64, emit func(*piece) error) error {
	pc := &piece{done: make(chan struct{})}
	err := src.blocks(ctx, from, to, func(b rawBlock) error {
		pc.blocks = append(pc.blocks, b)
		if pc.size += len(b.raw); pc.size < renderTogether {
			return nil
		}
		full := pc
		pc = &piece{done: make(chan struct{})}
		return emit(full)
	})
	if err != nil || len(pc.blocks) == 0 {
		return err
	}
	return emit(pc)
}

// render turns the blocks of a piece into text.
func (p *printer) render(pc *piece, teller *display.Teller, texts *sync.Pool) {
	if used, ok := texts.Get().(*[]byte); ok {
		pc.text = *used
	}
	for i := range pc.blocks {
		var b block.Block
		if b, pc.err = pc.blocks[i].open(); pc.err != nil {
			return
		}
		first := pc.blocks[i].first
		pc.last = first + uint64(b.Len()) - 1
		pc.offsets = p.pick(pc.offsets[:0], first, &b)
		pc.err = b.LendSelected(first, pc.offsets, func(r *eventlog.Record) error {
			message, severity := teller.Of(&r.Event)
			pc.text = p.append(pc.text, r, message, severity)
			pc.n++
			return nil
		})
		if pc.err != nil {
			return
		}
	}
}

// sheaf gathers text for a writer.
type sheaf struct {
	w   io.Writer
	buf []byte
}

// add writes text, at once if it is much.
func (s *sheaf) add(text []byte) error {
	if len(s.buf)+len(text) < writeTogether {
		s.buf = append(s.buf, text...)
		return nil
	}
	if err := s.flush(); err != nil {
		return err
	}
	if len(text) < writeTogether/2 {
		s.buf = append(s.buf, text...)
		return nil
	}
	_, err := s.w.Write(text)
	return err
}

func (s *sheaf) flush() error {
	if len(s.buf) == 0 {
		return nil
	}
	_, err := s.w.Write(s.buf)
	s.buf = s.buf[:0]
	return err
}
