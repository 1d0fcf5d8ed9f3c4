package projections

import (
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"slices"
	"time"

	"dashd/internal/cow"
	"dashd/internal/kv"
)

// saved is a checkpoint that the next one can refer to.
type saved struct {
	generation uint64
	manifest   manifest
	nodes      map[tableName]savedTable
}

type tableName struct{ project, table string }

// savedTable says which chunks hold the rows of an array as of an epoch of it.
type savedTable struct {
	first int
	nodes [][]piece
	epoch uint64
	// disowned says that the array is another one now, whose epochs mean nothing here.
	disowned bool
}

// disown makes what was saved that of rows which have been replaced. The chunks are good to be
// referred to where they are what would be written.
func (s *saved) disown() {
	if s == nil {
		return
	}
	nodes := make(map[tableName]savedTable, len(s.nodes)) // a lender has the others
	for name, t := range s.nodes {
		t.disowned = true
		nodes[name] = t
	}
	s.nodes = nodes
}

// node is where node k was stored, nil if it was not.
func (t *savedTable) node(k int) []piece {
	k -= t.first / cow.NodeLen
	if k < 0 || k >= len(t.nodes) {
		return nil
	}
	return t.nodes[k]
}

// remember makes the manifest of an image one that the next can refer to. The image is
// that of the manifest, frozen.
func remember(generation uint64, m manifest, image *DashImage) *saved {
	s := &saved{generation: generation, manifest: m, nodes: make(map[tableName]savedTable, len(m.tables))}
	for i := range m.tables {
		t := &m.tables[i]
		s.nodes[tableName{t.project, t.name}] = savedTable{first: t.first, nodes: t.nodes}
	}
	for project, tables := range image.Projects() {
		for _, k := range tables.kept() {
			name := tableName{project, k.tableName()}
			if t, ok := s.nodes[name]; ok {
				t.epoch = k.epoch()
				s.nodes[name] = t
			}
		}
	}
	return s
}

// saver writes one checkpoint. It needs the memory of a few chunks, and of the manifest.
type saver struct {
	db         *kv.DB
	version    int
	generation uint64
	before     *saved // nil: there is none to refer to
	chunkBytes int
	pace       func(worked time.Duration) // called after each commit

	chunk   uint32 // the last that was made
	pending []pendingChunk
	bytes   int       // of pending
	since   time.Time // of the last commit
	coder   coder
	raw     []byte

	wrote int64 // bytes
}

type pendingChunk struct{ key, val []byte }

// batch is how much is written at a time, a few chunks.
func (s *saver) batch() int { return 4 * s.chunkBytes }

// tables writes the rows of image and returns where they are. They are durable when flush
// returns.
func (s *saver) tables(ctx context.Context, image *DashImage) ([]tableManifest, error) {
	var all []tableManifest
	for project, tables := range image.Projects() {
		for _, k := range tables.kept() {
			if _, end := k.span(); end == 0 {
				continue
			}
			t, err := s.table(ctx, project, k)
			if err != nil {
				return nil, fmt.Errorf("table %s: %w", k.tableName(), err)
			}
			all = append(all, t)
		}
	}
	slices.SortStableFunc(all, func(a, b tableManifest) int { return cmp.Compare(a.project, b.project) })
	return all, nil
}

func (s *saver) table(ctx context.Context, project string, k keptTable) (tableManifest, error) {
	first, end := k.span()
	t := tableManifest{project: project, name: k.tableName(), first: first, end: end}
	var before savedTable
	if s.before != nil {
		before = s.before.nodes[tableName{project, t.name}]
	}
	for n := range nodesOf(first, end) {
		n += first / cow.NodeLen
		if err := ctx.Err(); err != nil {
			return t, err
		}
		had := before.node(n)
		if had != nil && !before.disowned && !k.changed(n, before.epoch) {
			t.nodes = append(t.nodes, had)
			continue
		}
		pieces, err := s.node(k, max(first, n*cow.NodeLen), min(end, (n+1)*cow.NodeLen), had)
		if err != nil {
			return t, err
		}
		t.nodes = append(t.nodes, pieces)
	}
	return t, nil
}

// node writes the rows from from up to end. Chunks that are what they were in the checkpoint before are
// not written again: a node that was read back is another one in memory.
func (s *saver) node(k keptTable, from, end int, had []piece) (pieces []piece, err error) {
	s.raw = s.raw[:0]
	for i := from; i < end; i++ {
		s.coder.b = s.coder.b[:0]
		k.write(&s.coder, i)
		s.raw = binary.AppendUvarint(s.raw, uint64(len(s.coder.b)))
		s.raw = append(s.raw, s.coder.b...)
		if len(s.raw) < s.chunkBytes && i+1 < end {
			continue
		}
		var same *piece
		if len(pieces) < len(had) {
			same = &had[len(pieces)]
		}
		p, err := s.put(s.raw, same)
		if err != nil {
			return nil, err
		}
		pieces = append(pieces, p)
		s.raw = s.raw[:0]
	}
	return pieces, nil
}

// put stores raw as a chunk, unless it is what same is.
func (s *saver) put(raw []byte, same *piece) (piece, error) {
	packed, p := packChunk(nil, raw)
	if same != nil && p.length == same.length && p.hash == same.hash {
		return *same, nil
	}
	s.chunk++
	p.generation, p.chunk = s.generation, s.chunk
	s.pending = append(s.pending, pendingChunk{chunkKey(s.version, p.generation, p.chunk), packed})
	if s.bytes += len(packed); s.bytes < s.batch() {
		return p, nil
	}
	return p, s.flush()
}

// flush makes all that was put durable.
func (s *saver) flush() error {
	for len(s.pending) > 0 {
		n, size := 0, 0
		for n < len(s.pending) && (n == 0 || size+len(s.pending[n].val) <= s.batch()) {
			size += len(s.pending[n].val)
			n++
		}
		if err := s.write(s.pending[:n]); err != nil {
			return err
		}
		s.pending = slices.Delete(s.pending, 0, n)
		s.wrote += int64(size)
	}
	s.bytes = 0
	return nil
}

func (s *saver) write(chunks []pendingChunk) error {
	err := s.db.Write(func(put func(key, val []byte) error) error {
		for _, c := range chunks {
			if err := put(c.key, c.val); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil {
		s.pace(time.Since(s.since))
		s.since = time.Now()
	}
	return err
}

// body writes the tables of m, in pieces.
func (s *saver) body(m *manifest) (pieces []piece, err error) {
	text := m.appendBody(nil)
	for part := range slices.Chunk(text, s.chunkBytes) {
		p, err := s.put(part, nil)
		if err != nil {
			return nil, err
		}
		pieces = append(pieces, p)
	}
	return pieces, nil
}

// root writes the root of m. With it, the checkpoint exists.
func (s *saver) root(m *manifest, body []piece) error {
	return s.write([]pendingChunk{{chunkKey(s.version, s.generation, rootChunk), m.appendRoot(nil, body)}})
}
