package node

import (
	"context"
	"fmt"
	"time"

	"dashd/internal/errs"
	"dashd/internal/kv"
)

// Watermarks are the levels of free space on the data file system at which the
// node acts.
type Watermarks struct {
	Alarm  kv.Watermark // below: an operator is told
	Refuse kv.Watermark // below: no writes are taken
	Stop   kv.Watermark // below: the node stops, or does not start
}

// DefaultWatermarks leave room for what the databases do on their own account. A
// full file system is a bus error in their memory maps, and then a crash loop.
var DefaultWatermarks = Watermarks{Alarm: kv.AlarmBelow, Refuse: kv.RefuseBelow, Stop: kv.StopBelow}

// headroom bounds the share of a large file system that a watermark asks for: it
// counts up to so many times the watermark's number of bytes.
const headroom = 5

func below(s kv.Space, w kv.Watermark) bool {
	share := s.Total / 100 * w.Percent
	if w.Bytes > 0 {
		share = min(share, headroom*w.Bytes)
	}
	return s.Free < max(w.Bytes, share)
}

const diskInterval = 5 * time.Second

// watchDisk looks at the free space until ctx ends.
func (n *Node) watchDisk(ctx context.Context) error {
	tick := time.NewTicker(diskInterval)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			if err := n.checkDisk(); err != nil {
				return err
			}
		case <-ctx.Done():
			return nil
		}
	}
}

// checkDisk takes or refuses writes from now on, by the free space there is. An
// error means that the node must stop.
func (n *Node) checkDisk() error {
	s, err := n.cfg.Space(n.cfg.Dir)
	if err != nil {
		return errs.Stop(errs.ExitIO, err)
	}
	w := n.cfg.Watermarks
	if below(s, w.Stop) {
		return errs.Stop(errs.ExitDiskLow, fmt.Errorf("%d MiB of %d are free on the file system of %s: too little to go on; make room and start again",
			s.Free>>20, s.Total>>20, n.cfg.Dir))
	}
	if low := below(s, w.Refuse); n.diskLow.Swap(low) != low {
		if low {
			n.log.Error("disk is nearly full: writes are refused", "bytes", s.Free)
		} else {
			n.log.Info("disk has room: writes are taken", "bytes", s.Free)
		}
	}
	if alarm := below(s, w.Alarm); n.diskAlarm.Swap(alarm) != alarm && alarm {
		n.log.Warn("disk is filling up", "bytes", s.Free)
	}
	return nil
}
