package node

import (
	"fmt"
	"time"
)

const (
	// alarmSkew and mostSkew are how far this node's clock may be from the others' before an
	// operator is told, and before it does not lead.
	alarmSkew = 500 * time.Millisecond
	mostSkew  = 5 * time.Second
)

// SetSkew notes how far this node's clock is before that of the cluster, or behind it if d is
// negative. From any goroutine.
func (n *Node) SetSkew(d time.Duration) {
	was := time.Duration(n.skew.Swap(int64(d)))
	wrong := d.Abs() > alarmSkew
	if wrong == (was.Abs() > alarmSkew) {
		return
	}
	if wrong {
		n.log.Error("the clock of this node is wrong", "off", d)
	} else {
		n.log.Info("the clock of this node is right again", "off", d)
	}
}

// Skew is what SetSkew was told last.
func (n *Node) Skew() time.Duration { return time.Duration(n.skew.Load()) }

func offText(d time.Duration) string {
	return fmt.Sprintf("the clock of this node is %v off those of the others", d.Round(time.Millisecond))
}
