package index

import (
	"bytes"
	"errors"
	"fmt"
	"sync"

	"dashd/internal/errs"
	"dashd/internal/kv"
)

// residentKinds is the length up to which the table of kinds of a sealed segment
// stays in memory. Longer ones, which only a producer that makes up type names
// brings about, are loaded when needed.
const residentKinds = 256

// sealed is a segment in the database. Its parts are loaded when a query needs
// them, and cached. Immutable.
type sealed struct {
	meta    // table is nil if it is not resident
	loader  *loader
	edition uint32 // of its parts in the database: see Forget
}

// loader reads parts of sealed segments through a cache.
type loader struct {
	still *sync.Mutex // while it is held, no part is replaced
	db    *kv.DB
	cache *cache
	pool  *kindPool
	fatal func(error) // called when a stored value is wrong
}

func newSealed(m meta, l *loader) *sealed {
	if len(m.table.kinds) > residentKinds {
		m.table = nil
	}
	return &sealed{meta: m, loader: l}
}

func (s *sealed) start() uint64             { return s.first }
func (s *sealed) rows() int                 { return s.n }
func (s *sealed) span() (first, last int64) { return s.min, s.max }
func (s *sealed) sorted() bool              { return s.inOrder }

func (s *sealed) kindTable() (*kindTable, error) {
	if s.table != nil {
		return s.table, nil
	}
	return load(s, letterSegment, func(b []byte) (*kindTable, int, error) {
		m, err := decodeMeta(b, s.number, s.loader.pool)
		if err != nil {
			return nil, 0, err
		}
		return m.table, len(m.table.kinds) * 160, nil
	})
}

func (s *sealed) kindColumn() ([]uint16, error) {
	t, err := s.kindTable()
	if err != nil {
		return nil, err
	}
	return load(s, letterKinds, s.decodeKinds(t))
}

func (s *sealed) decodeKinds(t *kindTable) func(b []byte) ([]uint16, int, error) {
	return func(b []byte) ([]uint16, int, error) {
		c, err := decodeKindColumn(b, s.number, s.n, len(t.kinds))
		return c, 2 * len(c), err
	}
}

func (s *sealed) timeColumn() (timeColumn, error) { return load(s, letterTimes, s.decodeTimes) }

func (s *sealed) decodeTimes(b []byte) (timeColumn, int, error) {
	c, err := decodeTimeColumn(b, s.number, s.n)
	return c, c.bytes(), err
}

// hourTable is made of two columns, which are looked at once: they do not stay in the cache.
func (s *sealed) hourTable() (*hourTable, error) {
	if known, ok := s.loader.cache.get(s.part(letterHours)).(*hourTable); ok {
		return known, nil
	}
	t, err := s.kindTable()
	if err != nil {
		return nil, err
	}
	kinds, _, err := read(s, letterKinds, s.decodeKinds(t))
	if err != nil {
		return nil, err
	}
	times, _, err := read(s, letterTimes, s.decodeTimes)
	if err != nil {
		return nil, err
	}
	made := newHourTable(kinds, &times, len(t.kinds))
	s.loader.cache.put(s.part(letterHours), made, len(made.cells)*hourCellBytes)
	return made, nil
}

func (s *sealed) find(clause []term) ([]uint16, error) {
	var found rowSet
	for _, t := range clause {
		rows, err := s.findTerm(t)
		if err != nil {
			return nil, err
		}
		found.add(rows)
	}
	return found.rows(), nil
}

func (s *sealed) findTerm(t term) (rows []uint16, err error) {
	err = s.lookUp(t, func(g *guide, table []byte, from, to int) (err error) {
		rows, err = g.list(table, from, to, s.n)
		return err
	})
	return rows, err
}

// count is the number of rows for which t holds.
func (s *sealed) count(t term) (n int, err error) {
	err = s.lookUp(t, func(_ *guide, _ []byte, from, to int) error {
		n = to - from
		return nil
	})
	return n, err
}

// found is called with a stored table, and with where in its rows those of a term are. The table is
// good during the call.
type found func(g *guide, table []byte, from, to int) error

// lookUp calls fn if some rows are those of t.
func (s *sealed) lookUp(t term, fn found) error {
	if s.distinct[t.field] == 0 {
		return nil
	}
	g, err := s.guide(t.field)
	if err != nil {
		return err
	}
	if looked, err := s.peek(g, t, fn); looked || err != nil {
		return err
	}
	if agreed, err := s.get(g, t, fn); agreed || err != nil {
		return err
	}
	// Forget replaced guide and table between one look and the other. Held still, they agree, or
	// the database cannot be trusted.
	s.loader.still.Lock()
	defer s.loader.still.Unlock()
	if g, err = s.readGuide(t.field); err != nil {
		return err
	}
	agreed, err := s.get(g, t, fn)
	if err == nil && !agreed {
		err = s.wrong(letters[t.field], errOtherTable)
	}
	return err
}

// peek looks t up in the memory map of the database. It reports false if the table is elsewhere, or
// is not that of g: Peek can find one that has been replaced.
func (s *sealed) peek(g *guide, t term, fn found) (looked bool, err error) {
	p := g.pageOf(t.hash)
	if p < 0 {
		return true, nil
	}
	var place kv.Place
	known := g.at.Load()
	if known != nil {
		place = *known
	}
	var wrong error
	looked, err = s.loader.db.Peek(kv.IndexKey(letters[t.field], s.number), &place, func(b []byte) error {
		wrong = g.use(b, t.hash, p, fn)
		return nil
	})
	if wrong != nil {
		g.at.Store(nil)
		return false, nil
	}
	if looked && (known == nil || *known != place) {
		g.at.Store(&place)
	}
	return looked, s.failed(err)
}

// get looks t up in a copy of the table, and reports whether it is that of g. Copies are kept in the
// cache: the newest tables are in memtables, where nothing can be looked up in place.
func (s *sealed) get(g *guide, t term, fn found) (agreed bool, err error) {
	p := g.pageOf(t.hash)
	if p < 0 {
		return true, nil
	}
	id := s.part(letters[t.field])
	if b, ok := s.loader.cache.get(id).([]byte); ok {
		if err := g.use(b, t.hash, p, fn); err == nil {
			return true, nil
		}
	}
	_, _, err = read(s, letters[t.field], func(b []byte) (none struct{}, _ int, err error) {
		err = g.use(b, t.hash, p, fn)
		if agreed = !errors.Is(err, errOtherTable); !agreed {
			err = nil
		} else if err == nil {
			s.loader.cache.put(id, bytes.Clone(b), len(b))
		}
		return none, 0, err
	})
	return agreed, err
}

// use calls fn if table b, whose guide is g, has h, which has to be on page p.
func (g *guide) use(b []byte, h uint64, p int, fn found) error {
	from, to, err := g.span(b, h, p)
	if err != nil || from == to {
		return err
	}
	return fn(g, b, from, to)
}

func (s *sealed) decodeTable(field int) func(b []byte) (*table, int, error) {
	return func(b []byte) (*table, int, error) {
		t, err := decodeTable(b, field, s.number, s.n)
		return t, 0, err
	}
}

func (s *sealed) guide(field int) (*guide, error) {
	id := s.part(guideLetters[field])
	if g, ok := s.loader.cache.get(id).(*guide); ok {
		return g, nil
	}
	g, err := s.readGuide(field)
	if err == nil {
		s.loader.cache.put(id, g, g.bytes())
	}
	return g, err
}

// readGuide is guide without the cache.
func (s *sealed) readGuide(field int) (*guide, error) {
	g, _, err := read(s, guideLetters[field], func(b []byte) (*guide, int, error) {
		g, err := decodeGuide(b, field, s.number, s.n)
		return g, 0, err
	})
	if g != nil || err != nil {
		return g, err
	}
	g, _, err = read(s, letters[field], func(b []byte) (*guide, int, error) {
		if _, err := decodeTable(b, field, s.number, s.n); err != nil {
			return nil, 0, err
		}
		return newGuide(b), 0, nil
	})
	return g, err
}

// part names the part with that letter in the cache.
func (s *sealed) part(letter byte) partID { return partID{letter, s.edition, s.number} }

// load returns a part of s, from the cache or decoded from the database. A part
// that is missing or wrong stops the node.
func load[T any](s *sealed, letter byte, decode func([]byte) (value T, bytes int, err error)) (T, error) {
	l, id := s.loader, s.part(letter)
	if v, ok := l.cache.get(id).(T); ok {
		return v, nil
	}
	value, bytes, err := read(s, letter, decode)
	if err == nil {
		l.cache.put(id, value, bytes)
	}
	return value, err
}

// read is load without the cache.
func read[T any](s *sealed, letter byte, decode func([]byte) (value T, bytes int, err error)) (value T, bytes int, err error) {
	l := s.loader
	key := kv.IndexKey(letter, s.number)
	if letter == letterSegment {
		key = kv.SegmentKey(s.number)
	}
	var wrong error
	found, err := l.db.Get(key, func(b []byte) error {
		value, bytes, wrong = decode(b)
		return nil
	})
	if err == nil && !found {
		wrong = errors.New("missing")
	}
	if wrong != nil {
		return value, bytes, s.wrong(letter, wrong)
	}
	return value, bytes, s.failed(err)
}

// wrong stops the node, for a part that is not what was written.
func (s *sealed) wrong(letter byte, why error) error {
	return s.failed(errs.Stop(errs.ExitIntegrity, fmt.Errorf("index: segment %d, part %c: %w", s.number, letter, why)))
}

// failed tells of an error that stops the node, and returns err.
func (s *sealed) failed(err error) error {
	if fatal := (*errs.Fatal)(nil); errors.As(err, &fatal) {
		s.loader.fatal(err)
	}
	return err
}
