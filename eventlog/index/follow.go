package index

import (
	"context"
	"fmt"
	"slices"

	"dashd/eventlog/block"
	"dashd/internal/kv"
)

// waitingSegments bounds the full segments in memory that could be written, so that
// a rebuild that is faster than the disk does not fill the memory. Each takes 4 MiB.
const waitingSegments = 4

// Run follows the log until ctx ends, and then returns nil. It first reads what is
// behind the last sealed segment. Full segments are written as soon as the log
// holds them durably; those that are not when Run returns are built again at the next
// start.
func (x *Index) Run(ctx context.Context) error {
	work, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	jobs := make(chan *dense, waitingSegments)
	sealed := make(chan struct{}) // closed when the sealer is done; Run waits
	go func() {
		defer close(sealed)
		if err := x.seal(work, jobs); err != nil {
			stop(err)
		}
	}()
	stop(x.follow(work, jobs))
	<-sealed
	if ctx.Err() != nil {
		return nil // what failed besides, fails again after the next start
	}
	return context.Cause(work)
}

// follow adds blocks as the log grows. It always ends with an error: ctx's, or the log's.
func (x *Index) follow(ctx context.Context, jobs chan<- *dense) error {
	for {
		if x.Indexed() == x.source.Head() {
			if err := x.source.Wait(ctx, x.Indexed()+1); err != nil {
				return err
			}
		}
		err := x.source.Blocks(ctx, x.Indexed()+1, func(first uint64, _ []byte, b block.Block) error {
			if err := x.add(first, &b); err != nil {
				return err
			}
			return x.handOver(ctx, jobs)
		})
		if err != nil {
			return err
		}
	}
}

// add appends the events of b behind Indexed and publishes them, all at once.
func (x *Index) add(first uint64, b *block.Block) error {
	x.building.Lock()
	defer x.building.Unlock()
	next := x.Indexed() + 1
	if first > next || first+uint64(b.Len()) < next {
		return fmt.Errorf("index: block of %d events from seq %d, expected seq %d", b.Len(), first, next)
	}
	skip := int(next - first)
	var closed []segment
	groups := b.Groups()
	for i := range groups {
		g := &groups[i]
		x.hasher.next()
		for from := max(skip-g.First(), 0); from < g.Len(); {
			if x.open == nil {
				seq := first + uint64(g.First()+from)
				x.open = newDense((seq-1)/uint64(x.segmentEvents), seq, x.segmentEvents)
			}
			to := min(g.Len(), from+x.segmentEvents-x.open.n)
			x.open.append(g, from, to, x.hasher, x.pool)
			from = to
			if x.open.full() {
				x.full = append(x.full, x.open)
				closed = append(closed, x.open.view())
				x.open = nil
			}
		}
	}
	last := first + uint64(b.Len()) - 1
	x.publish(func(v *view) {
		v.done = append(slices.Clip(v.done), closed...)
		v.open, v.seq = nil, last
		if x.open != nil {
			v.open = x.open.view()
		}
	})
	return nil
}

// handOver gives the sealer the full segments that the log holds durably.
func (x *Index) handOver(ctx context.Context, jobs chan<- *dense) error {
	for len(x.full) > 0 && x.full[0].last() <= x.source.PersistedSeq() {
		select {
		case jobs <- x.full[0]:
			x.full = x.full[1:]
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// seal writes segments, in the order in which they come, until ctx ends.
func (x *Index) seal(ctx context.Context, jobs <-chan *dense) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case d := <-jobs:
			if err := x.write(d); err != nil {
				return fmt.Errorf("index: write segment %d: %w", d.number, err)
			}
			x.log.Debug("segment sealed", "segment", d.number, "seq", d.last())
		}
	}
}

// write stores a full segment and publishes it as a sealed one.
func (x *Index) write(d *dense) error {
	x.sealing.Lock()
	defer x.sealing.Unlock()
	m, parts := d.encode()
	if err := x.store(parts); err != nil {
		return err
	}
	x.publish(func(v *view) {
		v.done = slices.Clone(v.done)
		v.done[d.number] = newSealed(m, x.loader)
	})
	return nil
}

// store writes parts of a segment in order, and durably. The s/ value is the last:
// with it the segment exists, without it the others mean nothing.
func (x *Index) store(parts []stored) error {
	for len(parts) > 0 {
		n, bytes := 0, 0
		for n < len(parts) && (n == 0 || bytes+len(parts[n].val) <= kv.MaxWrite) {
			bytes += len(parts[n].val)
			n++
		}
		err := x.db.Write(func(put func(key, val []byte) error) error {
			for _, p := range parts[:n] {
				if err := put(p.key, p.val); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		parts = parts[n:]
	}
	return nil
}

// stored is a value with its key.
type stored struct{ key, val []byte }

// encode returns what is stored of a full segment, in the order in which it must be.
func (d *dense) encode() (meta, []stored) {
	m := meta{
		number: d.number, first: d.first, n: d.n,
		min: d.min, max: d.max, inOrder: d.sorted,
		table: &kindTable{kinds: d.table, counts: make([]uint32, len(d.table))},
	}
	for _, k := range d.kinds {
		m.table.counts[k]++
	}
	var parts []stored
	add := func(key, val []byte) { parts = append(parts, stored{key, val}) }
	var s sorter
	for f, column := range d.hashes {
		t := newTable(column, &s)
		if m.distinct[f] = uint32(len(t.hashes)); len(t.hashes) == 0 {
			continue // no event has a value: find does not look for the parts
		}
		encoded := appendTable(nil, f, d.number, d.n, &t)
		add(kv.IndexKey(letters[f], d.number), encoded)
		add(kv.IndexKey(guideLetters[f], d.number), appendGuide(nil, f, d.number, d.n, newGuide(encoded)))
	}
	add(kv.IndexKey(letterKinds, d.number), appendKindColumn(nil, d.number, d.kinds, len(d.table)))
	add(kv.IndexKey(letterTimes, d.number), appendTimeColumn(nil, d.number, d.times, d.min, d.max))
	add(kv.SegmentKey(d.number), appendMeta(nil, &m))
	return m, parts
}
