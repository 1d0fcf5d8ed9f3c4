package projections

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"dashd/internal/errs"
	"dashd/internal/kv"
)

// checkpoints are the generations of a projection in the database. One goroutine at a time
// uses them.
type checkpoints struct {
	// Immutable.
	db      *kv.DB
	log     DashLog
	slog    *slog.Logger
	now     func() int64
	version int // of the folds of this program
	days    int // for how many days one generation each is kept
	// chunkBytes is the length at which a chunk ends.
	chunkBytes int

	next uint64          // the next generation
	last *saved          // what the next can refer to
	bad  map[uint64]bool // generations that turned out damaged
	// stored are the chunks in the database; nil if that is not known.
	stored map[storedChunk]struct{}
}

// storedChunk names a chunk of any version.
type storedChunk struct {
	generation
	chunk uint32
}

// generation is a checkpoint in the database.
type generation struct {
	version int
	number  uint64
}

// generations lists those that have a root, oldest first, and finds out the number of the next.
func (c *checkpoints) generations() ([]generation, error) {
	all, next, err := listGenerations(c.db)
	c.next = max(c.next, next)
	return all, err
}

// listGenerations lists the generations that have a root, oldest first, and tells the number after that of
// any that has left a chunk. It looks at the first chunk of each only: to list keys is to read what
// they stand for.
func listGenerations(db *kv.DB) (all []generation, next uint64, err error) {
	for from := checkpointPrefix; from != nil; {
		key := from
		from = nil
		err := db.Keys(checkpointPrefix, key, func(key []byte) (bool, error) {
			version, number, chunk, ok := parseChunkKey(key)
			if !ok {
				from = append(slices.Clone(key), 0) // the next there can be
				return false, nil
			}
			if next = max(next, number+1); chunk == rootChunk {
				all = append(all, generation{version, number})
			}
			from = chunkKey(version, number+1, rootChunk)
			return false, nil
		})
		if err != nil {
			return nil, 0, err
		}
	}
	slices.SortFunc(all, func(a, b generation) int { return cmp.Compare(a.number, b.number) })
	return all, next, nil
}

// load returns the newest checkpoint that is good, as an image that can be folded on;
// nil if there is none. One of this program's version comes before one of an older version,
// whose rows mean something else. A damaged one is passed over: it can be made again from the log.
func (c *checkpoints) load(ctx context.Context) (*dashFold, error) {
	all, err := c.generations()
	if err != nil {
		return nil, fmt.Errorf("list the checkpoints: %w", err)
	}
	all = slices.DeleteFunc(all, func(g generation) bool { return g.version > c.version })
	slices.SortStableFunc(all, func(a, b generation) int {
		return cmp.Or(cmp.Compare(b.version, a.version), cmp.Compare(b.number, a.number))
	})
	for _, g := range all {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		d, err := c.try(g)
		if err == nil {
			return d, nil
		}
		var damage damageError
		if !errors.As(err, &damage) {
			return nil, fmt.Errorf("read a checkpoint: %w", err)
		}
		c.bad[g.number] = true
		if errors.Is(err, errOtherFormat) {
			c.slog.Info("a checkpoint of another format is passed over", "generation", g.number)
		} else {
			c.slog.Error("a checkpoint cannot be used; an older one is, or the log is folded from its beginning",
				"generation", g.number, "err", err)
		}
	}
	return nil, nil
}

// try loads a generation.
func (c *checkpoints) try(g generation) (*dashFold, error) {
	start := time.Now()
	m, _, err := readManifest(c.db, g)
	if err != nil {
		return nil, err
	}
	if persisted := c.log.PersistedSeq(); m.seq > persisted {
		return nil, damageError{fmt.Errorf("it is as of seq %d, and the log ends at %d", m.seq, persisted)}
	}
	dash, err := loadImage(c.db, &m, loadOptions{})
	if err != nil {
		return nil, err
	}
	dash.Publish(m.seq)
	c.last = remember(g.number, m, dash.Image())
	c.slog.Info("checkpoint loaded", "generation", g.number, "seq", m.seq, "bytes", m.bytes(), "elapsed", time.Since(start))
	return &dashFold{dash: dash, seq: m.seq, received: m.received}, nil
}

// save writes a checkpoint of image, whose last event was received at the given time, and
// deletes those that are no longer kept. It is used once it is complete: the root of its
// manifest is written when all else is durable, the log up to it too. pace is called after each
// commit, with how long it took to get there. An error that is not about the database leaves
// the older checkpoints as they are.
func (c *checkpoints) save(ctx context.Context, image *DashImage, received int64, pace func(time.Duration)) error {
	start := time.Now()
	s := &saver{
		db: c.db, version: c.version, generation: c.next, before: c.last,
		chunkBytes: c.chunkBytes, pace: pace, since: start,
	}
	c.next++
	m := manifest{version: c.version, seq: image.Seq(), received: received, written: c.now()}
	var err error
	if m.tables, err = s.tables(ctx, image); err != nil {
		c.stored = nil
		return fmt.Errorf("write checkpoint %d: %w", s.generation, err)
	}
	body, err := s.body(&m)
	if err == nil {
		err = s.flush()
	}
	if err == nil {
		err = c.log.WaitPersistedSeq(ctx, m.seq)
	}
	if err == nil {
		err = s.root(&m, body) // it exists from here on
	}
	if err != nil {
		c.stored = nil // some of its chunks are there
		return fmt.Errorf("write checkpoint %d: %w", s.generation, err)
	}
	for chunk := range s.chunk + 1 {
		if c.stored != nil {
			c.stored[storedChunk{generation{c.version, s.generation}, chunk}] = struct{}{}
		}
	}
	c.last = remember(s.generation, m, image)
	c.slog.Info("checkpoint written", "generation", s.generation, "seq", m.seq,
		"bytes", m.bytes(), "written", s.wrote, "elapsed", time.Since(start))
	return c.sweep(ctx, pace)
}

const msPerDay = 24 * 60 * 60 * 1000

// kept selects the generations that are kept of those given, oldest first: the last two, and
// the last of each day within so many days of the newest. Days are those of the events.
func (c *checkpoints) kept(all []keptGeneration) []keptGeneration {
	if len(all) == 0 {
		return nil
	}
	day := func(g keptGeneration) int64 { return g.received / msPerDay }
	today := day(all[len(all)-1])
	var kept []keptGeneration
	for i, g := range all {
		lastOfDay := i+1 == len(all) || day(all[i+1]) != day(g)
		if i+2 >= len(all) || lastOfDay && today-day(g) <= int64(c.days) {
			kept = append(kept, g)
		}
	}
	return kept
}

// keptGeneration is a generation that could be loaded.
type keptGeneration struct {
	number   uint64
	received int64 // when its last event was, ms
}

// chunkRef names a chunk of this program's version.
type chunkRef struct {
	generation uint64
	chunk      uint32
}

// sweep deletes every chunk that no kept manifest refers to: those of dropped generations, of
// other versions, and what a save or a sweep that was cut short has left.
func (c *checkpoints) sweep(ctx context.Context, pace func(time.Duration)) error {
	used, err := c.used()
	if err != nil {
		return fmt.Errorf("find the chunks in use: %w", err)
	}
	if err := c.list(ctx, pace); err != nil {
		return fmt.Errorf("list the chunks: %w", err)
	}
	var unused []storedChunk
	for at := range c.stored {
		if _, needed := used[chunkRef{at.number, at.chunk}]; at.version != c.version || !needed {
			unused = append(unused, at)
		}
	}
	// Roots first: what is left of a generation without one means nothing.
	slices.SortFunc(unused, func(a, b storedChunk) int {
		return cmp.Or(cmp.Compare(a.chunk, b.chunk), cmp.Compare(a.number, b.number), cmp.Compare(a.version, b.version))
	})
	for part := range slices.Chunk(unused, kv.MaxDelete) {
		if err := ctx.Err(); err != nil {
			return err
		}
		start := time.Now()
		keys := make([][]byte, len(part))
		for i, at := range part {
			keys[i] = chunkKey(at.version, at.number, at.chunk)
			delete(c.stored, at)
		}
		if err := c.db.Delete(keys); err != nil {
			c.stored = nil
			return fmt.Errorf("delete chunks: %w", err)
		}
		pace(time.Since(start))
	}
	return nil
}

// listTogether is how many keys are listed before it is rested.
const listTogether = 1 << 10

// list finds out which chunks are stored, once in the life of a process: all of them are read
// for that. From then on it is known what is written and deleted.
func (c *checkpoints) list(ctx context.Context, pace func(time.Duration)) error {
	if c.stored != nil {
		return nil
	}
	stored := map[storedChunk]struct{}{}
	var strange [][]byte
	for from, more := checkpointPrefix, true; more; {
		if err := ctx.Err(); err != nil {
			return err
		}
		start, n := time.Now(), 0
		more = false
		err := c.db.Keys(checkpointPrefix, from, func(key []byte) (bool, error) {
			if version, number, chunk, ok := parseChunkKey(key); ok {
				stored[storedChunk{generation{version, number}, chunk}] = struct{}{}
			} else {
				strange = append(strange, slices.Clone(key))
			}
			if n++; n == listTogether {
				from, more = append(slices.Clone(key), 0), true
			}
			return !more, nil
		})
		if err != nil {
			return err
		}
		pace(time.Since(start))
	}
	for part := range slices.Chunk(strange, kv.MaxDelete) {
		if err := c.db.Delete(part); err != nil {
			return err
		}
	}
	c.stored = stored
	return nil
}

// used are the chunks of the generations that are kept.
func (c *checkpoints) used() (map[chunkRef]struct{}, error) {
	all, err := c.generations()
	if err != nil {
		return nil, err
	}
	var damage damageError
	var good []keptGeneration
	for _, g := range all {
		if g.version != c.version || c.bad[g.number] {
			continue
		}
		m, _, err := readRootOf(c.db, g)
		if errors.As(err, &damage) {
			continue
		}
		if err != nil {
			return nil, err
		}
		good = append(good, keptGeneration{g.number, m.received})
	}
	used := map[chunkRef]struct{}{}
	for _, g := range c.kept(good) {
		m, body, err := readManifest(c.db, generation{c.version, g.number})
		if errors.As(err, &damage) {
			continue
		}
		if err != nil {
			return nil, err
		}
		used[chunkRef{g.number, rootChunk}] = struct{}{}
		use := func(pieces []piece) {
			for i := range pieces {
				used[chunkRef{pieces[i].generation, pieces[i].chunk}] = struct{}{}
			}
		}
		use(body)
		for i := range m.tables {
			for _, pieces := range m.tables[i].nodes {
				use(pieces)
			}
		}
	}
	return used, nil
}

// fatal reports whether err says that the node must stop.
func fatal(err error) bool {
	var f *errs.Fatal
	return errors.As(err, &f)
}
