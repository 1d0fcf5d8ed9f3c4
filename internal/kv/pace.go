package kv

import (
	"strings"
	"sync/atomic"
	"time"
)

// A compaction of Badger builds tables in up to five goroutines at once, all of the processors'
// time for seconds: whoever stores an event waits in line behind them, once for each of the
// goroutines that it passes through. So they rest, each after every table that it has built.
//
// Badger has no option for it. But it tells its logger of each table, from the goroutine that has
// built it, and what that goroutine holds then is the compaction only: the logger may take its
// time. Another release of Badger that says it in other words compacts without resting.
const saysBuilt = "[%d] LOG Compact."

const (
	// restFactor is how many times as long as it has worked a goroutine rests: of five, one
	// half is at work on the average.
	restFactor = 9
	// longestRest bounds a rest after a table that took long since the processors were taken.
	longestRest = time.Second
	// Tables in level 0 from which rests are shorter, and from which there are none. Those of a compaction,
	// at least levelZeroTables, are counted until it ends; at levelZeroStall writes would wait.
	hurryFrom, hurryFully = levelZeroTables + 3, levelZeroTables + 8
)

// pacer has compactions rest.
type pacer struct {
	levelZero func() int    // tables in level 0
	closing   chan struct{} // closed: no more rests
	rests     atomic.Int64  // counted for a test, which sees that Badger still says it
}

// told is called with what Badger tells its logger.
func (p *pacer) told(format string, args []any) {
	if !strings.HasPrefix(format, saysBuilt) || len(args) == 0 {
		return
	}
	worked, ok := args[len(args)-1].(time.Duration) // the last argument
	if !ok {
		return
	}
	p.rests.Add(1)
	rest := time.NewTimer(restAfter(worked, p.levelZero()))
	defer rest.Stop()
	select {
	case <-rest.C:
	case <-p.closing:
	}
}

// restAfter is how long to rest after some work, with so many tables in level 0.
func restAfter(worked time.Duration, levelZero int) time.Duration {
	rest := min(restFactor*worked, longestRest)
	haste := time.Duration(min(max(levelZero-hurryFrom, 0), hurryFully-hurryFrom))
	return rest - rest*haste/(hurryFully-hurryFrom)
}

// levelZero is the number of tables in level 0, where writes are. Where Badger's levels are not found, it is one that
// leaves no time for rests.
func (db *DB) levelZero() int {
	if len(db.levels) == 0 {
		return hurryFully
	}
	l := db.levels[0]
	l.lock.RLock()
	defer l.lock.RUnlock()
	return len(*l.tables)
}
