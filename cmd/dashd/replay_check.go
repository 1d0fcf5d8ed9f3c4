package main

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"

	"dashd/eventlog/store"
	"dashd/internal/errs"
	"dashd/projections"
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
	var chain [32]byte
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
		chain = store.Link(chain, b.raw)
		p.at(min(end-1, to))
		return nil
	})
	if err == nil && next <= to {
		err = errs.Stop(errs.ExitIntegrity, fmt.Errorf("the log ends at seq %d, not %d", next-1, to))
	}
	if err == nil && whole && next == src.head+1 && hex.EncodeToString(chain[:]) != src.chain {
		err = errs.Stop(errs.ExitIntegrity, fmt.Errorf("the blocks up to seq %d are not those whose chain the node has", src.head))
	}
	return min(next, to+1) - from, err
}

// comparedRows is what was compared with the log.
type comparedRows struct {
	What       string `json:"what"` // live, or checkpoint
	Generation uint64 `json:"generation,omitempty"`
	projections.Compared
	Skipped string `json:"skipped,omitempty"` // why it was not compared
}

func (c *comparedRows) print(w io.Writer) error {
	what := "the rows that the node serves"
	if c.What != "live" {
		what = fmt.Sprintf("checkpoint %d", c.Generation)
	}
	if c.Skipped != "" {
		_, err := fmt.Fprintf(w, "%s: not compared: %s\n", what, c.Skipped)
		return err
	}
	verdict := "as the log says"
	if c.Differ > 0 {
		verdict = fmt.Sprintf("%d differ from what the log says", c.Differ)
	}
	if _, err := fmt.Fprintf(w, "%s, as of seq %d: %d rows of %d tables, %s\n", what, c.Seq, c.Rows, c.Tables, verdict); err != nil {
		return err
	}
	for _, d := range c.Differences {
		if _, err := fmt.Fprintf(w, "  %s\n", printable(d.String())); err != nil {
			return err
		}
	}
	if n := uint64(len(c.Differences)); n < c.Differ {
		_, err := fmt.Fprintf(w, "  and %d more\n", c.Differ-n)
		return err
	}
	return nil
}

// checkAll checks the log, and, if it is all of it, the rows that the node has made of it.
func (o *replayOptions) checkAll(ctx context.Context, src *source, _ io.Writer, p *progress, r *replayed) (uint64, error) {
	whole := o.from == 1 && o.to >= src.head
	p.does("log")
	n, err := checkLog(ctx, src, o.from, o.to, whole, p)
	if err != nil || !whole {
		return n, err
	}
	p.does("rows")
	c := rowCheck{src: src, fold: projections.NewRefold(""), progress: p}
	compare := c.live
	if src.stopped {
		compare = func(ctx context.Context) error { return c.checkpoints(ctx, o.allCheckpoints) }
	}
	err = compare(ctx)
	r.Compared = c.done
	if err != nil {
		return n, err
	}
	for i := range c.done {
		if d := &c.done[i]; d.Differ > 0 {
			return n, errs.Stop(errs.ExitIntegrity, fmt.Errorf("%d rows are not what the log says", d.Differ))
		}
	}
	return n, nil
}

// rowCheck compares rows with what this program folds from the log.
type rowCheck struct {
	src      *source
	fold     *projections.Refold
	progress *progress
	done     []comparedRows
}

// to folds on up to a seq.
func (c *rowCheck) to(ctx context.Context, seq uint64) error {
	if seq <= c.fold.Seq() {
		return nil
	}
	return c.src.open(ctx, c.fold.Seq()+1, seq, func(b openBlock) error {
		err := c.fold.Block(b.first, &b.Block, seq)
		c.progress.at(c.fold.Seq())
		return err
	})
}

// checkpoints compares with the newest checkpoint of a stopped node, or with all.
func (c *rowCheck) checkpoints(ctx context.Context, all bool) error {
	list, err := projections.Checkpoints(c.src.off.KV)
	if err != nil {
		return err
	}
	if !all && len(list) > 1 {
		list = list[len(list)-1:]
	}
	if len(list) == 0 {
		c.done = append(c.done, comparedRows{What: "checkpoint", Skipped: "there is none"})
	}
	for _, at := range list {
		row := comparedRows{What: "checkpoint", Generation: at.Generation, Compared: projections.Compared{Seq: at.Seq}}
		switch {
		case at.Version != c.fold.Version():
			row.Skipped = fmt.Sprintf("its rows are of version %d of the folds, those of this program of %d", at.Version, c.fold.Version())
		case at.Seq > c.src.head:
			return errs.Stop(errs.ExitIntegrity, fmt.Errorf("checkpoint %d is as of seq %d, and the log ends at %d", at.Generation, at.Seq, c.src.head))
		default:
			if err := c.to(ctx, at.Seq); err != nil {
				return err
			}
			if row.Compared, err = projections.CompareCheckpoint(c.src.off.KV, at, c.fold.Image()); err != nil {
				return err
			}
		}
		c.done = append(c.done, row)
	}
	return nil
}

// live compares with the rows that a running node serves. They are those of a moment that passes: the log is folded
// up to where it is, then the rows are asked for, then what came in between is folded.
func (c *rowCheck) live(ctx context.Context) error {
	if err := c.to(ctx, c.src.head); err != nil {
		return err
	}
	var s nodeStatus
	if err := c.src.cl.call(ctx, http.MethodGet, "/v1/status", nil, nil, &s); err != nil {
		return err
	}
	c.progress.until(s.Head)
	if err := c.to(ctx, s.Head); err != nil {
		return err
	}
	q := url.Values{"after": {strconv.FormatUint(c.fold.Seq(), 10)}}
	resp, err := c.src.cl.do(ctx, http.MethodGet, "/v1/projections/dash/rows", q, nil, nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	rows, err := projections.ReadImage(resp.Body)
	if err != nil {
		return err
	}
	row := comparedRows{What: "live", Compared: projections.Compared{Seq: rows.Info.Seq}}
	if rows.Info.Version != c.fold.Version() {
		row.Skipped = fmt.Sprintf("the node's rows are of version %d of the folds, those of this program of %d", rows.Info.Version, c.fold.Version())
		c.done = append(c.done, row)
		return nil
	}
	if err := c.to(ctx, rows.Info.Seq); err != nil {
		return err
	}
	if row.Compared, err = rows.Compare(c.fold.Image()); err != nil {
		return errors.Join(err, ctx.Err())
	}
	c.done = append(c.done, row)
	return nil
}
