package projections

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"unsafe"

	"golang.org/x/sync/errgroup"

	"dashd/internal/kv"
)

var errMissing = errors.New("a part of the checkpoint is missing")

// damageError says why a checkpoint cannot be used. Other errors are the database's.
type damageError struct{ error }

func (e damageError) Unwrap() error { return e.error }

// readChunk reads what p names. The result may be in dst.
func readChunk(db *kv.DB, dst []byte, version int, p *piece) (raw []byte, err error) {
	found, err := db.Get(chunkKey(version, p.generation, p.chunk), func(val []byte) error {
		var err error
		if raw, err = unpackChunk(dst, val, p); err != nil {
			return damageError{err}
		}
		return nil
	})
	if err == nil && !found {
		err = damageError{errMissing}
	}
	return raw, err
}

// readRootOf reads the root of a generation.
func readRootOf(db *kv.DB, g generation) (m manifest, body []piece, err error) {
	found, err := db.Get(chunkKey(g.version, g.number, rootChunk), func(val []byte) (err error) {
		if m, body, err = readRoot(val); err != nil {
			return damageError{err}
		}
		return nil
	})
	if err == nil && (!found || m.version != g.version) {
		err = damageError{errManifest}
	}
	return m, body, err
}

// readManifest reads the manifest of a generation.
func readManifest(db *kv.DB, g generation) (m manifest, body []piece, err error) {
	m, body, err = readRootOf(db, g)
	if err != nil {
		return m, nil, err
	}
	var text, raw []byte
	for i := range body {
		if raw, err = readChunk(db, raw, g.version, &body[i]); err != nil {
			return m, nil, err
		}
		text = append(text, raw...)
	}
	if err := m.readBody(text); err != nil {
		return m, nil, damageError{err}
	}
	return m, body, nil
}

// of leaves only the tables of one project in m.
func (m *manifest) of(project string) {
	m.tables = slices.DeleteFunc(m.tables, func(t tableManifest) bool { return t.project != project })
}

// loadImage makes the projection that m describes. It is not published yet.
func loadImage(db *kv.DB, m *manifest) (*Dash, error) {
	d := NewDash()
	tables := make([]keptTable, len(m.tables))
	names := map[tableName]bool{}
	for i := range m.tables {
		name := tableName{m.tables[i].project, m.tables[i].name}
		kept := d.building(name.project).kept()
		n := slices.IndexFunc(kept, func(k keptTable) bool { return k.tableName() == name.table })
		if n < 0 || names[name] {
			return nil, damageError{fmt.Errorf("table %q is unknown, or comes twice", name.table)}
		}
		tables[i], names[name] = kept[n], true
	}
	defer announce(tables, m)()
	var jobs errgroup.Group
	jobs.SetLimit(runtime.GOMAXPROCS(0))
	for i, table := range tables {
		jobs.Go(func() error { return loadTable(db, m.version, &m.tables[i], table) })
	}
	if err := jobs.Wait(); err != nil {
		return nil, err
	}
	for _, p := range d.projects {
		for _, part := range p.tables.parts() {
			jobs.Go(func() error { part.reindex(); return nil })
		}
	}
	_ = jobs.Wait() // never fails
	return d, nil
}

// loadTable reads the rows of a table.
func loadTable(db *kv.DB, version int, at *tableManifest, table keptTable) error {
	table.start(at.first)
	rows := at.end - at.first
	c := coder{reading: true}
	var raw []byte
	for _, pieces := range at.nodes {
		for i := range pieces {
			var err error
			if raw, err = readChunk(db, raw, version, &pieces[i]); err != nil {
				return err
			}
			if rows, err = loadRows(&c, table, raw, rows); err != nil {
				return damageError{fmt.Errorf("table %s: %w", at.name, err)}
			}
		}
	}
	if rows != 0 {
		return damageError{fmt.Errorf("table %s: %d rows are missing", at.name, rows)}
	}
	return nil
}

// loadRows reads the rows of a chunk, of which there are to be at most left, and returns how many are left
// then.
func loadRows(c *coder, table keptTable, raw []byte, left int) (int, error) {
	in := coder{reading: true, text: unsafe.String(unsafe.SliceData(raw), len(raw))}
	for in.text != "" {
		row := in.readText()
		if in.err != nil || left == 0 {
			return 0, errRow
		}
		c.text, c.lent = row, true // the memory is that of the next chunk, too
		if table.read(c); c.err != nil || c.text != "" {
			return 0, errRow
		}
		left--
	}
	return left, nil
}
