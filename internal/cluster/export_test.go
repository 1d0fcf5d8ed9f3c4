package cluster

import "github.com/hashicorp/raft"

// MinTrailing is how many entries a truncation leaves at least.
const MinTrailing = minTrailing

// Raft is what is inside.
func (c *Cluster) Raft() *raft.Raft { return c.raft }

// Logs is what raft has for a disk.
func (c *Cluster) Logs() raft.LogStore { return c.logs }

// Truncate is what Run does when the raft log has grown.
func (c *Cluster) Truncate() { c.truncate() }

// BreakLog makes every operation on the raft log fail.
func (c *Cluster) BreakLog() error { return c.logs.bolt.Close() }

// PieceKey is the index under which raft-boltdb has a piece of an entry.
var PieceKey = pieceKey

// EntryOf is the inverse of PieceKey.
var EntryOf = entryOf

// NewLogger is the bridge to slog.
var NewLogger = newLogger

// CheckPages looks at the structure of a raft log's file.
var CheckPages = checkPages

// BareLogs is a raft log in a new file, of a node whose event log has persisted so much.
func BareLogs(path string, persisted uint64) (raft.LogStore, error) {
	bolt, err := openBolt(path)
	return &logStore{bolt: bolt, truncatable: func() uint64 { return persisted }, grown: make(chan struct{}, 1)}, err
}

// DropPassed is what Open does with entries that the event log has passed.
func DropPassed(s raft.LogStore, persisted uint64) error { return s.(*logStore).dropPassed(persisted) }

// Confirmed reports whether a node leads in a term, by what others answer to its messages of that term.
func Confirmed(term uint64, answers map[string]uint64, servers []raft.Server, self raft.ServerID) bool {
	p := &poll{term: term, news: make(chan struct{}, 1), agreed: make(map[raft.ServerID]bool)}
	for id, answered := range answers {
		p.heard(raft.ServerID(id), term, answered)
	}
	return p.majority(servers, self)
}

// Hold is called before each write of a raft log.
func Hold(s raft.LogStore, hold func()) {
	s.(*logStore).working = func() func() { hold(); return func() {} }
}

// Orderly gives a transport to a node that runs.
func Orderly(t raft.Transport, c *Cluster) raft.Transport { return newOrderly(t, c) }

// CloseLogs closes what BareLogs opened.
func CloseLogs(s raft.LogStore) error { return s.(*logStore).close() }
