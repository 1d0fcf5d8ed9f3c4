package projections

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"strings"
	"time"

	"dashd/eventlog/block"
	"dashd/internal/cow"
	"dashd/internal/kv"
)

// AccessTypes and FoldedTypes are two statements of one fact.
var AccessTypes = accessTypes

// Folded reports whether Access folds events of type t.
func Folded(t string) bool {
	for have := range accessFolds {
		if string(have) == t {
			return true
		}
	}
	return false
}

// LoadPage is how many events the follower reads at a time while loading.
const LoadPage = loadPage

// FoldBlock folds one block.
func FoldBlock(f *Follower, first uint64, b block.Block) error { return f.foldBlock(first, nil, b) }

// DashTest sets what tests choose: the version of the folds, the length of chunks, and
// what is called after each commit of a checkpoint.
func DashTest(o DashOptions, version, chunkBytes int, wrote func()) DashOptions {
	o.version, o.chunkBytes, o.wrote = version, chunkBytes, wrote
	return o
}

// StoredRows writes down every row of an image as a checkpoint holds it, dead ones too.
func StoredRows(m *DashImage) string {
	var b strings.Builder
	for project, tables := range m.Projects() {
		for _, k := range tables.kept() {
			first, end := k.span()
			fmt.Fprintf(&b, "%s/%s %d-%d\n", project, k.tableName(), first, end)
			for i := first; i < end; i++ {
				var c coder
				k.write(&c, i)
				fmt.Fprintf(&b, "%d %q\n", i, c.b)
			}
		}
	}
	return b.String()
}

// KeptTables are the names of the tables that checkpoints hold.
func KeptTables() (names []string) {
	for _, k := range new(Tables).kept() {
		names = append(names, k.tableName())
	}
	return names
}

// ReadRows reads a chunk of so many rows of a table, at most those of a node, and reports whether it is one.
func ReadRows(table string, raw []byte, rows int) bool {
	if rows <= 0 || rows > cow.NodeLen {
		return false
	}
	for _, k := range new(Tables).kept() {
		if k.tableName() == table {
			k.reserve(0, rows)
			chunk := chunkReader{rows: coder{reading: true, text: string(raw)}}
			return k.load(&coder{reading: true}, 0, &chunk) == nil
		}
	}
	return false
}

// ReadManifest parses a root and a body, and reports whether encoding what was read
// gives the same bytes.
func ReadManifest(root, body []byte) (ok, same bool) {
	m, pieces, err := readRoot(root)
	if err != nil || m.readBody(body) != nil {
		return false, true
	}
	return true, bytes.Equal(m.appendRoot(nil, pieces), root) && bytes.Equal(m.appendBody(nil), body)
}

// CheckpointParts are the keys of all that checkpoints hold in a database, and CheckpointRoots those of
// the roots of manifests.
func CheckpointParts(db *kv.DB) (keys [][]byte, err error) {
	err = db.Keys(checkpointPrefix, nil, func(key []byte) (bool, error) {
		keys = append(keys, bytes.Clone(key))
		return true, nil
	})
	return keys, err
}

// ParseChunkKey says what a key of CheckpointParts stands for.
func ParseChunkKey(key []byte) (version int, generation uint64, root bool) {
	version, generation, chunk, _ := parseChunkKey(key)
	return version, generation, chunk == rootChunk
}

// Unused are the chunks in a database that no manifest refers to.
func Unused(db *kv.DB, version int) (n int, err error) {
	c := &checkpoints{db: db, version: version, days: 1 << 20, bad: map[uint64]bool{}}
	used, err := c.used()
	if err != nil {
		return 0, err
	}
	keys, err := CheckpointParts(db)
	for _, key := range keys {
		_, generation, chunk, _ := parseChunkKey(key)
		if _, ok := used[chunkRef{generation, chunk}]; !ok {
			n++
		}
	}
	return n, err
}

// Kept are the generations that are kept of those with the given days, numbered from 0, if so many
// days are.
func Kept(days int, daysOf ...int64) (numbers []uint64) {
	var all []keptGeneration
	for i, d := range daysOf {
		all = append(all, keptGeneration{uint64(i), d*msPerDay + int64(i)})
	}
	for _, g := range (&checkpoints{days: days}).kept(all) {
		numbers = append(numbers, g.number)
	}
	return numbers
}

// SampleManifest is a root and a body.
func SampleManifest() (root, body []byte) {
	m := manifest{version: 1, seq: 70_000, received: 1_750_000_000_000, written: -1, tables: []tableManifest{
		{project: "shop", name: "users", first: 64, end: 5000, nodes: [][]piece{
			{{generation: 1, chunk: 1, length: 5}, {generation: 3, chunk: 2, length: 70_000}}, {{generation: 2, chunk: 9, length: 1}},
		}},
		{project: "shop", name: "clock", end: 1, nodes: [][]piece{{{generation: 1, chunk: 7, length: 2}}}},
	}}
	return m.appendRoot(nil, []piece{{generation: 3, chunk: 4, length: 100}}), m.appendBody(nil)
}

// Resum puts the right checksum at the end of a root.
func Resum(root []byte) []byte {
	end := max(len(root)-sha256.Size, 0)
	sum := sha256.Sum256(root[:end])
	return append(bytes.Clone(root[:end]), sum[:]...)
}

// RootOfFormat is the root of an empty checkpoint of a format.
func RootOfFormat(format byte) []byte {
	root := (&manifest{version: 1}).appendRoot(nil, nil)
	root[len(checkpointMagic)] = format
	return Resum(root)
}

// ImagesIn counts the images that are published in a time if each is as soon as it is due, while so many
// events are left to fold.
func ImagesIn(d, cost time.Duration, behind uint64) (n int) {
	var p pace
	for now, end := time.Unix(0, 0), time.Unix(0, 0).Add(d); now.Before(end); n++ {
		p.published(now, now.Add(cost), cadence(behind))
		now = now.Add(cost)
		now = now.Add(max(p.left(now), 0))
	}
	return n
}

// Remade are tables made of nothing but the rows that a checkpoint of t holds.
func Remade(t *Tables) *Tables {
	var fresh Tables
	is := fresh.kept()
	for k, was := range t.kept() {
		first, end := was.span()
		is[k].start(first)
		for i := first; i < end; i++ {
			var out coder
			was.write(&out, i)
			in := coder{reading: true, text: string(out.b)}
			if is[k].read(&in); in.err != nil || in.left() > 0 {
				panic(fmt.Sprint("row ", i, " of ", was.tableName(), " cannot be read back: ", in.err))
			}
		}
	}
	for _, part := range fresh.parts() {
		part.reindex()
	}
	return fresh.freeze()
}

// FoldInTwo folds the events of a project, or of all if it is "", up to a first seq and on to a second, there
// decoding ahead or not.
func FoldInTwo(ctx context.Context, log DashLog, project string, first, second uint64, ahead bool) (*DashImage, error) {
	d := &dashFold{dash: NewDash(), only: project, end: first}
	plain := func() error {
		return ignoreReached(log.Blocks(ctx, d.seq+1, func(at uint64, _ []byte, b block.Block) error {
			if at > d.end {
				return errReached
			}
			return d.block(at, &b)
		}))
	}
	if err := plain(); err != nil {
		return nil, err
	}
	d.end = second
	on := plain
	if ahead {
		on = func() error { return d.followAhead(ctx, log, func() {}) }
	}
	if err := on(); err != nil {
		return nil, err
	}
	d.dash.Publish(d.seq)
	return d.dash.Image(), nil
}
