package projections

import "dashd/eventlog/block"

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
