package projections_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"dashd/eventlog/block"
	"dashd/internal/errs"
	"dashd/projections"
)

// TestDecodingAheadChangesNothing begins and ends folds in the middle of blocks.
func TestDecodingAheadChangesNothing(t *testing.T) {
	d, g := newDisk(t), newGenerator(41)
	for d.log.Head() < 6_000 {
		d.grow(g, 1+g.IntN(900))
	}
	for range 40 {
		first := uint64(g.IntN(int(d.log.Head())))
		second := first + 1 + uint64(g.IntN(int(d.log.Head()-first)))
		project := pick(g, "", "shop", "nowhere")
		t.Run(fmt.Sprintf("project %q to seq %d and %d", project, first, second), func(t *testing.T) {
			want, err := projections.FoldInTwo(t.Context(), d.log, project, first, second, false)
			if err != nil {
				t.Fatal(err)
			}
			got, err := projections.FoldInTwo(t.Context(), d.log, project, first, second, true)
			if err != nil {
				t.Fatal(err)
			}
			if got.Seq() != second || got.Seq() != want.Seq() {
				t.Errorf("folded to seq %d; without decoding ahead, to %d", got.Seq(), want.Seq())
			}
			if got, want := projections.StoredRows(got), projections.StoredRows(want); got != want {
				t.Errorf("the rows differ: %s", difference(got, want))
			}
		})
	}
}

func TestDecodingAheadEnds(t *testing.T) {
	d, g := newDisk(t), newGenerator(42)
	for d.log.Head() < 3_000 {
		d.grow(g, 300)
	}
	head := d.log.Head()
	t.Run("with the error of a log that has a gap", func(t *testing.T) {
		_, err := projections.FoldInTwo(t.Context(), gap{d.log}, "", 1, head, true)
		if errs.ExitCode(err) != errs.ExitIntegrity {
			t.Errorf("the error is %v", err)
		}
	})
	t.Run("with the error of a log that cannot be read to its end", func(t *testing.T) {
		bad := errors.New("a bad disk")
		_, err := projections.FoldInTwo(t.Context(), torn{d.log, head - 1, bad}, "", 1, head, true)
		if !errors.Is(err, bad) {
			t.Errorf("the error is %v", err)
		}
	})
	t.Run("when its context does", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		_, err := projections.FoldInTwo(ctx, cancelling{d.log, cancel}, "", 1, head, true)
		if !errors.Is(err, context.Canceled) {
			t.Errorf("the error is %v", err)
		}
	})
}

// torn is a log that cannot be read from the block on that holds a seq.
type torn struct {
	projections.DashLog
	at  uint64
	err error
}

func (l torn) Blocks(ctx context.Context, from uint64, fn func(uint64, []byte, block.Block) error) error {
	return l.DashLog.Blocks(ctx, from, func(first uint64, raw []byte, b block.Block) error {
		if first+uint64(b.Len()) > l.at {
			return l.err
		}
		return fn(first, raw, b)
	})
}

// cancelling is a log whose second reading ends its reader's context.
type cancelling struct {
	projections.DashLog
	cancel context.CancelFunc
}

func (l cancelling) Blocks(ctx context.Context, from uint64, fn func(uint64, []byte, block.Block) error) error {
	return l.DashLog.Blocks(ctx, from, func(first uint64, raw []byte, b block.Block) error {
		if from > 1 && first > 1_000 {
			l.cancel()
		}
		return fn(first, raw, b)
	})
}
