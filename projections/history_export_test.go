package projections

import (
	"fmt"
	"strings"
	"time"

	"dashd/internal/cow"
	"dashd/internal/kv"
)

// HistoryOf is a history that keeps nothing yet, with the checkpoints of a database that the follower
// itself does not have, and all patience.
func HistoryOf(log HistoryLog, live *DashFollower, db *kv.DB) *History {
	h := NewHistory(log, live, HistoryOptions{Patience: time.Hour})
	h.db = db
	return h
}

// RowsOf writes down every row of the tables of a project as a checkpoint holds it.
func RowsOf(t *Tables) string {
	var b strings.Builder
	for _, k := range t.kept() {
		first, end := k.span()
		fmt.Fprintf(&b, "%s %d-%d\n", k.tableName(), first, end)
		for i := first; i < end; i++ {
			var c coder
			k.write(&c, i)
			fmt.Fprintf(&b, "%d %q\n", i, c.b)
		}
	}
	return b.String()
}

// KeptFolds is how many folds a history keeps, how many images, and how much memory it thinks they take.
func KeptFolds(h *History) (folds, images int, bytes int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, p := range h.past {
		folds++
		images += len(p.images)
	}
	return folds, images, h.weight()
}

// WeightOf is how much memory a history thinks that a fold of the whole log takes.
func WeightOf(f *DashFollower) int64 { return f.fold.weight() }

// Forget makes a history forget what was not used since a moment.
func Forget(h *History, since time.Time) { h.forget(since) }

// CheckpointSeqs are the seqs of the checkpoints that a history can begin at.
func CheckpointSeqs(h *History) (seqs []uint64, err error) {
	roots, err := h.roots(1 << 62)
	for _, r := range roots {
		seqs = append(seqs, r.seq)
	}
	return seqs, err
}

// SharedRows is how many users and how many instants have the same place in memory in two tables.
func SharedRows(a, b *Tables) (users, instants int) {
	return shared(&a.users, &b.users), shared(&a.presence.sightings, &b.presence.sightings)
}

func shared[T any](a, b *cow.Array[T]) (n int) {
	for first, page := range a.Pages(0) {
		if b.At(first) == &page[0] {
			n += len(page)
		}
	}
	return n
}
