package main

import (
	"context"
	"fmt"

	"dashd/internal/errs"
)

// checkLog recomputes what can be recomputed of the events from from to to, whole
// if that is the whole log, and returns their number.
func checkLog(ctx context.Context, src *source, from, to uint64, whole bool, p *progress) (uint64, error) {
	if whole && src.check != nil {
		return to, src.check(ctx, func(seq, _ uint64) { p.at(seq) })
	}
	if from > to {
		return 0, nil
	}
	next := from
	err := src.blocks(ctx, from, to, func(b rawBlock) error {
		opened, err := b.open()
		if err != nil {
			return err
		}
		end := b.first + uint64(opened.Len())
		if b.first > next || end <= next {
			return errs.Stop(errs.ExitIntegrity, fmt.Errorf("the log has a hole: seq %d is followed by %d", next-1, b.first))
		}
		next = end
		p.at(min(end-1, to))
		return nil
	})
	if err == nil && next <= to {
		err = errs.Stop(errs.ExitIntegrity, fmt.Errorf("the log ends at seq %d, not %d", next-1, to))
	}
	return min(next, to+1) - from, err
}
