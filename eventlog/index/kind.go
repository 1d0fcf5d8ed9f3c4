package index

import (
	"slices"
	"sync"

	"dashd/eventlog"
)

// kindKey is what events of one kind have in common. A segment has few kinds, so
// that filters on these fields are decided once per kind, not once per event.
type kindKey struct {
	project string
	typ     string
	status  eventlog.Status
	source  eventlog.Source
	shown   eventlog.Severity
}

// kind is a kindKey with what follows from it. Immutable.
type kind struct {
	kindKey
	category string
	severity eventlog.Severity
}

func newKind(k kindKey) *kind {
	t := eventlog.Type(k.typ)
	return &kind{kindKey: k, category: t.Category(), severity: eventlog.SeverityOf(t, k.status, k.shown)}
}

// kindTable lists the kinds of a segment; an event's kind number is an index
// into it. Immutable.
type kindTable struct {
	kinds []*kind
	// counts has the number of events of each kind. It is nil for the open
	// segment, whose numbers change.
	counts []uint32
}

// poolKinds bounds the pool: producers choose type names, and nothing that they
// choose may grow without bound in memory.
const poolKinds = 4096

// kindPool lets segments share their kinds. Safe for concurrent use.
type kindPool struct {
	mu    sync.Mutex
	kinds map[kindKey]*kind
}

// get returns the kind of k: a shared one, unless the pool is full.
func (p *kindPool) get(k kindKey) *kind {
	p.mu.Lock()
	defer p.mu.Unlock()
	if known := p.kinds[k]; known != nil {
		return known
	}
	made := newKind(k)
	if len(p.kinds) < poolKinds {
		if p.kinds == nil {
			p.kinds = make(map[kindKey]*kind)
		}
		p.kinds[k] = made
	}
	return made
}

// kindFilter is the part of a query that an event's kind decides.
type kindFilter struct {
	project    string
	types      []eventlog.Type
	categories []string
	statuses   uint64 // bit sets by value
	severities uint64
	sources    uint64
}

func newKindFilter(q *Query) kindFilter {
	return kindFilter{
		project:    q.Project,
		types:      q.Types,
		categories: q.Categories,
		statuses:   setOf(q.Statuses),
		severities: setOf(q.Severities),
		sources:    setOf(q.Sources),
	}
}

// setOf returns the set of values; no values means all.
func setOf[T ~uint8](values []T) uint64 {
	if len(values) == 0 {
		return ^uint64(0)
	}
	var set uint64
	for _, v := range values {
		set |= 1 << v
	}
	return set
}

func (f *kindFilter) pass(k *kind) bool {
	if k.project != f.project ||
		f.statuses>>k.status&1 == 0 || f.severities>>k.severity&1 == 0 || f.sources>>k.source&1 == 0 {
		return false
	}
	if len(f.types) == 0 && len(f.categories) == 0 {
		return true
	}
	return slices.Contains(f.types, eventlog.Type(k.typ)) || slices.Contains(f.categories, k.category)
}
