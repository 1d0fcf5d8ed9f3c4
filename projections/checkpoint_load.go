package projections

import (
	"cmp"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sync/errgroup"

	"dashd/internal/cow"
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

// loadOptions are those of loadImage.
type loadOptions struct {
	lender     *lender // what it has of the rows is not read; nil: nobody lends any
	deferWorld bool    // maps of the world are made when they are asked for
}

// loadImage makes the projection that m describes. It is not published yet.
func loadImage(db *kv.DB, m *manifest, o loadOptions) (*Dash, error) {
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
	if err := loadTables(db, m, tables, o.lender); err != nil {
		return nil, err
	}
	var jobs errgroup.Group
	for _, p := range d.projects {
		if o.deferWorld {
			p.tables.world.deferred = new(deferredWorld)
		}
		for _, part := range p.tables.parts() {
			jobs.Go(func() error { part.reindex(); return nil })
		}
	}
	_ = jobs.Wait() // never fails
	return d, nil
}

// nodeToLoad is a node of a table that is to be loaded.
type nodeToLoad struct {
	table  keptTable
	name   string
	node   int
	pieces []piece
	bytes  int // that are stored of it
}

// loadTables reads the rows of tables, node by node, on all processors.
func loadTables(db *kv.DB, m *manifest, tables []keptTable, lender *lender) error {
	var nodes []nodeToLoad
	for i, table := range tables {
		at := &m.tables[i]
		table.reserve(at.first, at.end)
		lends := lender.table(tableName{at.project, at.name})
		for k, pieces := range at.nodes {
			if lends.lend(table, at.first/cow.NodeLen+k, pieces) {
				continue
			}
			n := nodeToLoad{table: table, name: at.name, node: at.first/cow.NodeLen + k, pieces: pieces}
			for i := range pieces {
				n.bytes += pieces[i].length
			}
			nodes = append(nodes, n)
		}
	}
	// The longest first, so that no processor is left with one at the end.
	slices.SortStableFunc(nodes, func(a, b nodeToLoad) int { return cmp.Compare(b.bytes, a.bytes) })
	var next atomic.Int64
	var jobs errgroup.Group
	for range runtime.GOMAXPROCS(0) {
		jobs.Go(func() error {
			c, chunks := coder{reading: true}, chunkReader{db: db, version: m.version}
			for i := next.Add(1); i <= int64(len(nodes)); i = next.Add(1) {
				n := &nodes[i-1]
				chunks.pieces = n.pieces
				if err := n.table.load(&c, n.node, &chunks); err != nil {
					next.Store(int64(len(nodes)))
					return fmt.Errorf("table %s: %w", n.name, err)
				}
			}
			return nil
		})
	}
	return jobs.Wait()
}

// chunkReader reads the rows in the chunks of a node.
type chunkReader struct {
	db      *kv.DB
	version int
	pieces  []piece // that were not begun
	raw     []byte  // of the chunk in work; used again for the next
	rows    coder   // reads it
}

// row is the next row. It is good until the next call.
func (r *chunkReader) row() (string, error) {
	for r.rows.left() == 0 {
		if len(r.pieces) == 0 {
			return "", damageError{errors.New("rows are missing")}
		}
		if err := r.next(); err != nil {
			return "", err
		}
	}
	row := r.rows.readText()
	if r.rows.err != nil {
		return "", damageError{errRow}
	}
	return row, nil
}

// next begins with the next chunk.
func (r *chunkReader) next() (err error) {
	if r.raw, err = readChunk(r.db, r.raw, r.version, &r.pieces[0]); err != nil {
		return err
	}
	r.pieces = r.pieces[1:]
	r.rows = coder{reading: true, text: unsafe.String(unsafe.SliceData(r.raw), len(r.raw))}
	return nil
}

// end fails if there are more rows.
func (r *chunkReader) end() error {
	for r.rows.left() == 0 && len(r.pieces) > 0 {
		if err := r.next(); err != nil {
			return err
		}
	}
	if r.rows.left() > 0 {
		return damageError{errRow}
	}
	return nil
}
