package drains

import (
	"context"
	"encoding/binary"
	"fmt"
	"maps"
	"time"

	"dashd/internal/errs"
	"dashd/internal/kv"
	"dashd/projections"
)

// position is how far a drain has come, and how it is doing.
type position struct {
	epoch        uint64 // of the drain's row: after a replay an older position is void
	seq          uint64 // everything up to it is delivered, or none of the drain's business
	lastDelivery int64  // ms; 0: none yet
	failingSince int64  // ms: the first failure since the last success; 0: the last attempt succeeded
	attempts     uint32 // that have failed since the last success
	lastError    string // the class of the last one
}

// Format 1 of a position; integers are big-endian.
//
//	byte   0      1, the format
//	bytes  1-8    epoch
//	bytes  9-16   seq
//	bytes 17-24   lastDelivery
//	bytes 25-32   failingSince
//	bytes 33-36   attempts
//	bytes 37-     lastError, at most 64 bytes
const (
	positionFormat = 1
	positionHeader = 37
	maxErrorClass  = 64
)

func (p position) encode() []byte {
	b := make([]byte, 0, positionHeader+len(p.lastError))
	b = append(b, positionFormat)
	b = binary.BigEndian.AppendUint64(b, p.epoch)
	b = binary.BigEndian.AppendUint64(b, p.seq)
	b = binary.BigEndian.AppendUint64(b, uint64(p.lastDelivery))
	b = binary.BigEndian.AppendUint64(b, uint64(p.failingSince))
	b = binary.BigEndian.AppendUint32(b, p.attempts)
	return append(b, p.lastError[:min(len(p.lastError), maxErrorClass)]...)
}

func decodePosition(b []byte) (position, error) {
	if len(b) < positionHeader || len(b) > positionHeader+maxErrorClass || b[0] != positionFormat {
		return position{}, errs.Stop(errs.ExitIntegrity, fmt.Errorf("the position of a log drain is damaged: %d bytes", len(b)))
	}
	return position{
		epoch:        binary.BigEndian.Uint64(b[1:]),
		seq:          binary.BigEndian.Uint64(b[9:]),
		lastDelivery: int64(binary.BigEndian.Uint64(b[17:])),
		failingSince: int64(binary.BigEndian.Uint64(b[25:])),
		attempts:     binary.BigEndian.Uint32(b[33:]),
		lastError:    string(b[positionHeader:]),
	}, nil
}

// load returns the position of a drain, the later one of those that this node has stored and that the
// log was told, or the beginning.
func (d *Deliverer) load(project string, row projections.Drain) (position, error) {
	begin := position{epoch: row.Epoch, seq: max(row.FromSeq, 1) - 1}
	p := begin
	_, err := d.o.Positions.Get(kv.DrainKey(project, row.ID), func(val []byte) (err error) {
		p, err = decodePosition(val)
		return err
	})
	if err != nil {
		return p, fmt.Errorf("position of drain %s: %w", row.ID, err)
	}
	if p.epoch != row.Epoch {
		begin.lastDelivery = p.lastDelivery
		p = begin
	}
	if t, ok := d.told(project, row); ok && t.Seq > p.seq {
		// Another node has led since. Whether attempts fail is for this one to find out.
		p = position{epoch: row.Epoch, seq: t.Seq, lastDelivery: max(p.lastDelivery, int64(t.At))}
	}
	return p, nil
}

// told is what the log was told of a drain.
func (d *Deliverer) told(project string, row projections.Drain) (projections.DrainPosition, bool) {
	return d.o.Dash.Image().Tables(project).DrainPosition(row)
}

// stored is load for readers, to whom a disk that fails is no matter here.
func (d *Deliverer) stored(project string, row projections.Drain) position {
	p, err := d.load(project, row)
	if err != nil {
		d.log.Warn("the position of a drain cannot be read", "drain", row.ID, "err", err)
	}
	return p
}

// saveEvery is how long positions gather before they are saved: each save is an fsync.
const saveEvery = time.Second

// savePositions saves what has moved, at most once in saveEvery, until ctx ends, and then
// once more.
func (d *Deliverer) savePositions(ctx context.Context) error {
	for {
		select {
		case <-d.unsaved:
		case <-ctx.Done():
			return d.save(true)
		}
		if err := d.save(false); err != nil {
			return err
		}
		select {
		case <-time.After(saveEvery):
		case <-ctx.Done():
		}
	}
}

// save writes the positions that have moved in one transaction: durable when it
// returns. Drains that have merely had no events are saved only if all is set.
func (d *Deliverer) save(all bool) error {
	moved := map[*worker]position{}
	d.mu.Lock()
	for _, w := range d.drains {
		if p := w.position(); p != w.saved && (all || w.moved) {
			moved[w], w.moved = p, false
		}
	}
	gone := d.gone
	d.gone = nil
	d.mu.Unlock()

	if len(moved) > 0 {
		err := d.o.Positions.Write(func(put func(key, val []byte) error) error {
			for w, p := range moved {
				if err := put(kv.DrainKey(w.id.project, w.id.id), p.encode()); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("save the positions of drains: %w", err)
		}
	}
	if len(gone) > 0 {
		if err := d.o.Positions.Delete(gone); err != nil {
			return fmt.Errorf("delete the positions of drains: %w", err)
		}
	}
	d.mu.Lock()
	for w, p := range moved {
		w.saved = p
	}
	d.mu.Unlock()
	return nil
}

// forgetStrangers deletes the positions of drains that are no more.
func (d *Deliverer) forgetStrangers() error {
	d.mu.Lock()
	known := map[string]bool{}
	for id := range maps.Keys(d.drains) {
		known[string(kv.DrainKey(id.project, id.id))] = true
	}
	d.mu.Unlock()
	var gone [][]byte
	err := d.o.Positions.Scan(kv.PrefixDrain, nil, func(key, _ []byte) (bool, error) {
		if !known[string(key)] {
			gone = append(gone, append([]byte(nil), key...))
		}
		return true, nil
	})
	if err == nil && len(gone) > 0 {
		err = d.o.Positions.Delete(gone)
	}
	return err
}

// token puts a token into ch, unless there is one.
func token(ch chan<- struct{}) {
	select {
	case ch <- struct{}{}:
	default:
	}
}
