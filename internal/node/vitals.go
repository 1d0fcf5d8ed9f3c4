package node

import (
	"sync/atomic"
	"time"
)

// vitals is what the node knows of its disk and its clock. What is atomic may be read from any
// goroutine.
type vitals struct {
	works works

	late, silent       atomic.Bool // the disk answers late; other nodes are kept away
	diskLow, diskAlarm atomic.Bool
	noBallast          atomic.Bool // there should be one, and there was too little room for it
	skew               atomic.Int64

	dirsSynced map[string]time.Time // the modification times of directories as of their last fsync
}

// Alarms returns a sentence for each thing that an operator should see to, although the
// node works.
func (n *Node) Alarms() []string {
	alarms := []string{}
	if n.diskAlarm.Load() {
		alarms = append(alarms, "the disk is filling up")
	}
	if n.noBallast.Load() {
		alarms = append(alarms, "there was no room for the ballast file")
	}
	if d := n.Skew(); d.Abs() > alarmSkew {
		alarms = append(alarms, offText(d))
	}
	return alarms
}

// troubles are the reasons why the node does not do all of its work that lie in its disk and
// its clock.
func (n *Node) troubles() []string {
	var why []string
	if n.diskLow.Load() {
		why = append(why, "the disk is nearly full")
	}
	if n.late.Load() {
		why = append(why, "the disk does not answer")
	}
	if d := n.Skew(); d.Abs() > mostSkew {
		why = append(why, offText(d))
	}
	return why
}

// unfit says why this node should not lead, "" if it may. It is told to the others with each
// contact.
func (n *Node) unfit() string {
	switch {
	case n.diskLow.Load():
		return "its disk is nearly full"
	case n.Skew().Abs() > mostSkew:
		return "its clock is wrong"
	}
	return ""
}
