package projections

import (
	"time"

	"dashd/internal/kv"
)

// HistoryOf is a history that keeps nothing yet, with the checkpoints of a database that the follower
// itself does not have, and all patience.
func HistoryOf(log HistoryLog, live *DashFollower, db *kv.DB) *History {
	h := NewHistory(log, live, HistoryOptions{Patience: time.Hour})
	h.db = db
	return h
}
