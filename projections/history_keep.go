package projections

import (
	"slices"
	"time"
)

// past is what History keeps of a project: a fold, and the images it has shown on its way.
// What they share is in memory once.
type past struct {
	project string
	fold    *dashFold   // nil if somebody took it to fold it on
	images  []pastImage // that used last first
	used    time.Time
	weight  int64 // bytes of the fold, by an estimate
}

type pastImage struct {
	seq    uint64
	tables *Tables
	weight int64 // bytes that only this image has, by an estimate
}

// maxImages bounds the images of one past.
const maxImages = 8

// kept returns the tables of a moment if they are there. Called with mu held.
func (h *History) kept(of moment) *Tables {
	for i, p := range h.past {
		if p.project != of.project {
			continue
		}
		for k, image := range p.images {
			if image.seq != of.seq {
				continue
			}
			p.used = time.Now()
			p.images = slices.Insert(slices.Delete(p.images, k, k+1), 0, image)
			h.past = slices.Insert(slices.Delete(h.past, i, i+1), 0, p)
			return image.tables
		}
	}
	return nil
}

// rowsPerEvent is how many rows of a checkpoint are loaded in the time in which an event is folded: 16 million in 2.6 s, and
// 270,000 events in 1 s (bench, "Half a year").
const rowsPerEvent = 22

// take takes the best fold of a project that is kept, at or before the moment: the
// caller's from then on. It is worth while if the fold is not much behind a checkpoint that is at
// the given seq; nil if none is.
func (h *History) take(of moment, checkpoint uint64) *dashFold {
	h.mu.Lock()
	defer h.mu.Unlock()
	var best *past
	for _, p := range h.past {
		if p.project != of.project || p.fold == nil || p.fold.seq > of.seq {
			continue
		}
		if reach := p.fold.seq + uint64(p.fold.rowCount())/rowsPerEvent; reach < checkpoint {
			continue
		}
		if best == nil || p.fold.seq > best.fold.seq {
			best = p
		}
	}
	if best == nil {
		return nil
	}
	d := best.fold
	best.fold = nil
	return d
}

// keep keeps a fold that was brought to a moment by so many events, and its tables.
func (h *History) keep(of moment, d *dashFold, tables *Tables, events uint64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return
	}
	image := pastImage{seq: of.seq, tables: tables}
	weight := d.weight()
	p := &past{project: of.project}
	for i, have := range h.past {
		// The images of a fold that went on share most of it.
		if have.project == of.project && have.fold == nil {
			p, h.past = have, slices.Delete(h.past, i, i+1)
			for k := range min(1, len(p.images)) {
				p.images[k].weight = min(weight, int64(events)*copiedPerEvent)
			}
			break
		}
	}
	p.fold, p.weight, p.used = d, weight, time.Now()
	p.images = slices.Insert(p.images, 0, image)
	p.images = slices.Delete(p.images, min(maxImages, len(p.images)), len(p.images))
	h.past = slices.Insert(h.past, 0, p)
	h.shrink(h.o.Folds, h.o.Bytes)
}

// copiedPerEvent is how much memory a fold copies for an event when others hold what it
// changes: a page of each of three or four tables.
const copiedPerEvent = 16 << 10

// makeRoom forgets what would be too much together with one more fold.
func (h *History) makeRoom() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.shrink(h.o.Folds-1, h.o.Bytes/2)
}

// shrink forgets what was not used for the longest time until no more is left than so many
// folds and so many bytes; of the last, its images go first, and it stays. Called with mu held.
func (h *History) shrink(folds int, bytes int64) {
	for len(h.past) > 0 {
		last := h.past[len(h.past)-1]
		switch {
		case len(h.past) <= max(folds, 1) && h.weight() <= bytes:
			return
		case len(h.past) > 1:
			h.past = slices.Delete(h.past, len(h.past)-1, len(h.past))
		case len(last.images) > 1:
			last.images = slices.Delete(last.images, len(last.images)-1, len(last.images))
		default:
			return
		}
	}
}

// weight is the memory of all that is kept, by an estimate. Called with mu held.
func (h *History) weight() (n int64) {
	for _, p := range h.past {
		n += p.weight
		for i := range p.images {
			n += p.images[i].weight
		}
	}
	return n
}

// forget gives up what was not used since a moment.
func (h *History) forget(since time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.past = slices.DeleteFunc(h.past, func(p *past) bool { return p.used.Before(since) })
}

// rowCount is how many rows a fold of one project has.
func (d *dashFold) rowCount() (n int) {
	for _, p := range d.dash.projects {
		for _, k := range p.tables.kept() {
			first, end := k.span()
			n += end - first
		}
	}
	return n
}

// weight is how much memory a fold takes, by an estimate.
func (d *dashFold) weight() (n int64) {
	for _, p := range d.dash.projects {
		for _, k := range p.tables.kept() {
			first, end := k.span()
			n += rowWeight(k, end-first)
		}
	}
	return n
}
