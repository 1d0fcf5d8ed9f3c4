package main

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"

	"dashd/eventlog/block"
	"dashd/internal/errs"
	"dashd/internal/node"
	"dashd/internal/wire"
)

// source is a log to replay.
type source struct {
	head    uint64
	chain   string // hash of all blocks up to head, in hex, as its node says; "": check knows it
	stopped bool   // its node does not run
	clean   bool   // all events are in it
	// blocks calls fn for the blocks that hold the events from from to to, in order.
	blocks func(ctx context.Context, from, to uint64, fn func(rawBlock) error) error
	check  func(ctx context.Context, progress func(seq, head uint64)) error // nil: only what blocks gives can be checked
	close  func() error
	cl     *client       // nil: it is stopped
	off    *node.Offline // nil: it runs
}

// openBlock is a block that was checked.
type openBlock struct {
	block.Block
	first uint64
}

// open calls fn for the blocks that hold the events from from to to, in order, checked.
func (s *source) open(ctx context.Context, from, to uint64, fn func(openBlock) error) error {
	if from > to {
		return nil
	}
	return s.blocks(ctx, from, to, func(b rawBlock) error {
		opened, err := b.open()
		if err != nil {
			return err
		}
		return fn(openBlock{opened, b.first})
	})
}

// momentOf is the last seq of the log as it stood at a moment: a seq, or an ISO 8601 time, for which it is
// the last event received up to then. 0: there was none.
func (s *source) momentOf(ctx context.Context, text string) (uint64, error) {
	if seq, err := strconv.ParseUint(text, 10, 64); err == nil {
		if seq > s.head {
			return 0, fmt.Errorf("--as-of %d: the log ends at seq %d", seq, s.head)
		}
		return seq, nil
	}
	at, ok := wire.ParseTime([]byte(text))
	if !ok {
		return 0, fmt.Errorf("--as-of %q: expected an ISO 8601 time or a seq", text)
	}
	// Blocks are received in the order of the log: the first one received later is searched for.
	last, end := uint64(0), s.head
	for last < end {
		var b openBlock
		middle := last + (end-last+1)/2
		if err := s.open(ctx, middle, middle, func(found openBlock) error { b = found; return nil }); err != nil {
			return 0, err
		}
		if b.ReceivedAt <= at {
			last = min(b.first+uint64(b.Len())-1, s.head)
		} else {
			end = b.first - 1
		}
	}
	return last, nil
}

// rawBlock is a stored block.
type rawBlock struct {
	first uint64
	raw   []byte
	block *block.Block // nil if raw has not been checked
}

// open checks the block, unless that has been done.
func (b *rawBlock) open() (block.Block, error) {
	if b.block != nil {
		return *b.block, nil
	}
	opened, err := block.Open(b.raw)
	if err != nil {
		return opened, errs.Stop(errs.ExitIntegrity, fmt.Errorf("the block at seq %d is damaged: %w", b.first, err))
	}
	return opened, nil
}

// openSource opens the log of the node that t names: running, or stopped.
func openSource(ctx context.Context, t *target) (*source, error) {
	if t.server == "" {
		running, err := runs(t.dataDir)
		if err != nil {
			return nil, err
		}
		if !running {
			return openStopped(t.dataDir)
		}
	}
	return openRunning(ctx, t)
}

var errEnough = errors.New("end of the range")

// openStopped opens a stopped node's files. It takes their lock.
func openStopped(dir string) (*source, error) {
	off, err := node.OpenOffline(dir, slog.New(slog.DiscardHandler))
	if err != nil {
		return nil, err
	}
	return &source{
		head: off.Store.Head(), stopped: true, clean: off.Clean(),
		blocks: func(ctx context.Context, from, to uint64, fn func(rawBlock) error) error {
			err := off.Store.Blocks(ctx, from, func(first uint64, raw []byte, b block.Block) error {
				if first > to {
					return errEnough
				}
				return fn(rawBlock{first, raw, &b})
			})
			if errors.Is(err, errEnough) {
				return nil
			}
			return err
		},
		check: off.Store.Check,
		close: off.Close,
		off:   off,
	}, nil
}

// openRunning reads the log of a running node through GET /v1/blocks.
func openRunning(ctx context.Context, t *target) (*source, error) {
	whole := *t
	whole.project = "" // blocks hold the events of all projects
	cl, err := whole.open()
	if err != nil {
		return nil, err
	}
	var s nodeStatus
	if err := cl.call(ctx, http.MethodGet, "/v1/status", nil, nil, &s); err != nil {
		return nil, err
	}
	return &source{
		head: s.Head, chain: s.Chain, clean: true, cl: cl,
		blocks: func(ctx context.Context, from, to uint64, fn func(rawBlock) error) error {
			if from > to {
				return nil
			}
			return readBlocks(ctx, cl, from, to, fn)
		},
		close: func() error { return nil },
	}, nil
}

func readBlocks(ctx context.Context, cl *client, from, to uint64, fn func(rawBlock) error) error {
	q := url.Values{"from": {strconv.FormatUint(from, 10)}, "to": {strconv.FormatUint(to, 10)}}
	resp, err := cl.do(ctx, http.MethodGet, "/v1/blocks", q, nil, nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	in := bufio.NewReaderSize(resp.Body, 1<<20)
	for {
		var head [12]byte
		if _, err := io.ReadFull(in, head[:]); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("read block from the node: %w", err)
		}
		n := binary.BigEndian.Uint32(head[8:])
		if n > block.MaxBytes {
			return fmt.Errorf("the node sent a block of %d bytes; the limit is %d", n, block.MaxBytes)
		}
		raw := make([]byte, n)
		if _, err := io.ReadFull(in, raw); err != nil {
			return fmt.Errorf("read block from the node: %w", err)
		}
		if err := fn(rawBlock{first: binary.BigEndian.Uint64(head[:]), raw: raw}); err != nil {
			return err
		}
	}
}
