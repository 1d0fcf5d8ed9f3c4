package node_test

import (
	"testing"

	"dashd/internal/node"
)

func TestHowFarTheLogMayBeAheadOfItsFollowers(t *testing.T) {
	for _, tt := range []struct {
		name              string
		opened, seq, head uint64
		want              bool
	}{
		{"an empty log", 0, 0, 0, false},
		{"at the bound", 0, 50, 150, false},
		{"beyond it", 0, 50, 151, true},
		{"the past is caught up with", 1000, 10, 1100, false},
		{"and too much has come meanwhile", 1000, 10, 1101, true},
		{"the past has been caught up with", 1000, 1001, 1102, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := node.LagTooLong(tt.opened, 100, tt.seq, tt.head); got != tt.want {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}
