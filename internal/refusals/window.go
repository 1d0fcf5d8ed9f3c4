package refusals

import (
	"cmp"
	"net/netip"
	"slices"
	"time"

	"dashd/internal/commands"
)

// Limits bound what is written. A field that is zero has the recommended value.
type Limits struct {
	Window    time.Duration // 10 min
	PerSource int           // refusals of a source that are events, in a window: 20
	Events    int           // those of all sources: 400
	Counts    int           // sources with a count of their own: 90
	Sources   int           // sources that are told apart at a time: 10,000
}

func (l Limits) orDefault() Limits {
	return Limits{
		Window:    cmp.Or(l.Window, 10*time.Minute),
		PerSource: cmp.Or(l.PerSource, 20),
		Events:    cmp.Or(l.Events, 400),
		Counts:    cmp.Or(l.Counts, 90),
		Sources:   cmp.Or(l.Sources, 10_000),
	}
}

// window is a time in which refusals are limited, and what was refused in it.
type window struct {
	limits  Limits
	began   time.Time
	from    int64              // the same on the clock of events, ms
	noted   []commands.Refusal // that are to be events and were not taken yet
	events  int                // refusals that are events
	sources map[netip.Prefix]*source
	order   []netip.Prefix // of sources, the oldest first
	others  source         // of those that had to make room for newer ones
	gone    int            // how many those are
}

// source is what came from one place.
type source struct {
	events  int // refusals that are events
	refused int // others
	reasons map[commands.RefusalReason]int
}

func newWindow(l Limits, from int64) *window {
	return &window{limits: l, began: time.Now(), from: from, sources: map[netip.Prefix]*source{}}
}

// note makes an event of a refusal and returns true, or counts it.
func (w *window) note(r commands.Refusal) bool {
	s := w.source(sourceOf(r.Peer))
	if s.events < w.limits.PerSource && w.events < w.limits.Events {
		s.events++
		w.events++
		w.noted = append(w.noted, r)
		return true
	}
	s.count(r.Reason, 1)
	return false
}

// source finds a source, or makes room for it: the oldest one leaves then, and its count
// becomes one of the others'.
func (w *window) source(at netip.Prefix) *source {
	if s := w.sources[at]; s != nil {
		return s
	}
	if len(w.order) >= w.limits.Sources {
		w.others.merge(w.sources[w.order[0]], &w.gone)
		delete(w.sources, w.order[0])
		w.order = w.order[1:]
	}
	s := &source{}
	w.sources[at], w.order = s, append(w.order, at)
	return s
}

func (s *source) count(reason commands.RefusalReason, n int) {
	if s.reasons == nil {
		s.reasons = map[commands.RefusalReason]int{}
	}
	s.refused += n
	s.reasons[reason] += n
}

// merge adds the count of another source, if it has one, and its source to n.
func (s *source) merge(other *source, n *int) {
	if other.refused > 0 {
		*n++
	}
	for reason, refused := range other.reasons {
		s.count(reason, refused)
	}
}

// counts are the events that say what else was refused until now (ms): one for each of
// the sources that had most, and one for all others.
func (w *window) counts(now int64) []commands.RefusalCount {
	var counted []netip.Prefix
	for _, at := range w.order {
		if w.sources[at].refused > 0 {
			counted = append(counted, at)
		}
	}
	slices.SortStableFunc(counted, func(a, b netip.Prefix) int {
		return cmp.Compare(w.sources[b].refused, w.sources[a].refused)
	})
	own := min(len(counted), w.limits.Counts)
	var all []commands.RefusalCount
	for _, at := range counted[:own] {
		c := w.sources[at].told(w.from, now)
		c.Source = name(at)
		all = append(all, c)
	}
	for _, at := range counted[own:] {
		w.others.merge(w.sources[at], &w.gone)
	}
	if w.others.refused > 0 {
		c := w.others.told(w.from, now)
		c.Sources = w.gone
		all = append(all, c)
	}
	return all
}

// told is the count as an event.
func (s *source) told(from, until int64) commands.RefusalCount {
	text := func(ms int64) string { return time.UnixMilli(ms).UTC().Format("2006-01-02T15:04:05.000Z") }
	return commands.RefusalCount{At: until, From: text(from), Until: text(until), Refused: s.refused, Reasons: s.reasons}
}

// sourceOf is the source that an address is of: an IPv4 address is one; of IPv6, whoever
// has one address has the 2^64 of its network.
func sourceOf(a netip.Addr) netip.Prefix {
	a = a.Unmap().WithZone("")
	bits := 32
	if a.Is6() {
		bits = 64
	}
	p, _ := a.Prefix(bits) // of no address, no prefix: one source as well
	return p
}

// name is what a source is called.
func name(p netip.Prefix) string {
	switch {
	case !p.IsValid():
		return "unknown"
	case p.Addr().Is4():
		return p.Addr().String()
	}
	return p.String()
}
