package index

import (
	"errors"
	"fmt"

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

func (s *sealed) findTerm(t term) ([]uint16, error) {
	if s.distinct[t.field] == 0 {
		return nil, nil
	}
	// The table answers if it is here. If not, the filter, a tenth of its
	// size, mostly makes loading it unnecessary.
	known, _ := s.loader.cache.get(s.part(letters[t.field])).(*table)
	if known == nil {
		f, err := load(s, filterLetters[t.field], func(b []byte) (filter, int, error) {
			f, err := decodeFilter(b, t.field, s.number, s.n)
			return f, 8 * len(f), err
		})
		if err != nil || !f.mayHave(t.hash) {
			return nil, err
		}
		if known, err = s.fieldTable(t.field); err != nil {
			return nil, err
		}
	}
	return known.find(t.hash), nil
}

func (s *sealed) fieldTable(field int) (*table, error) {
	return load(s, letters[field], func(b []byte) (*table, int, error) {
		t, err := decodeTable(b, field, s.number, s.n)
		if err != nil {
			return nil, 0, err
		}
		return t, 10*len(t.hashes) + 2*len(t.rows), nil
	})
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
		err = errs.Stop(errs.ExitIntegrity, fmt.Errorf("index: segment %d, part %c: %w", s.number, letter, wrong))
	}
	if err != nil {
		if fatal := (*errs.Fatal)(nil); errors.As(err, &fatal) {
			l.fatal(err)
		}
	}
	return value, bytes, err
}
