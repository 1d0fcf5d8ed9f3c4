package projections

import "slices"

// A lender has the rows of its last checkpoint in memory, but for the nodes that have changed since.
// Whoever loads an older checkpoint, in which many nodes are the same chunks, has those for nothing.
type lender struct {
	dash  *Dash
	nodes map[tableName]savedTable // of the checkpoint; never changed
}

// lends is who lends rows of the image that serves; nil if nobody does.
func (f *DashFollower) lends() *lender {
	if l := f.lender.Load(); l != nil && l.dash == f.serving.Load() {
		return l
	}
	return nil
}

// lentTable is a table of a lender.
type lentTable struct {
	rows  keptTable // of an image; nil: there is none
	saved savedTable
}

// table is the table with a name.
func (l *lender) table(name tableName) (t lentTable) {
	if l == nil {
		return t
	}
	saved, ok := l.nodes[name]
	if !ok || saved.disowned {
		return t
	}
	kept := l.dash.Image().Tables(name.project).kept()
	if n := slices.IndexFunc(kept, func(k keptTable) bool { return k.tableName() == name.table }); n >= 0 {
		t = lentTable{kept[n], saved}
	}
	return t
}

// lend puts node k into a table, if it is what the pieces hold.
func (t *lentTable) lend(to keptTable, k int, pieces []piece) bool {
	return t.rows != nil && len(pieces) > 0 && !t.rows.changed(k, t.saved.epoch) &&
		slices.EqualFunc(t.saved.node(k), pieces, func(a, b piece) bool { return a.hash == b.hash && a.length == b.length }) &&
		to.borrow(k, t.rows)
}
