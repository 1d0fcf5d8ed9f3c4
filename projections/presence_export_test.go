package projections

import (
	"iter"
	"slices"
)

// DashVersion is that of the folds.
var DashVersion = NewDash().Version()

// ActiveByEvents are the ids of those who were active from from up to to, in order.
func ActiveByEvents(t *Tables, from, to int64) []string {
	return slices.Sorted(t.idsOf(t.activeByEvents(span{from, to}).Iterator()))
}

// idsOf are the ids of users.
func (t *Tables) idsOf(ordinals interface {
	HasNext() bool
	Next() uint32
},
) iter.Seq[string] {
	return func(yield func(string) bool) {
		for ordinals.HasNext() && yield(t.users.At(int(ordinals.Next())).userID()) {
		}
	}
}
