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
	Refuse kv.Watermark // below: the node takes no writes, and gives the lead away
	Stop   kv.Watermark // below: the node stops, or does not start
}

// DefaultWatermarks leave room for what the databases do on their own account. A
// full file system is a bus error in their memory maps, and then a crash loop.
var DefaultWatermarks = Watermarks{Alarm: kv.AlarmBelow, Refuse: kv.RefuseBelow, Stop: kv.StopBelow}

// headroom bounds the share of a large file system that a watermark asks for: it
// counts up to so many times the watermark's number of bytes.
const headroom = 5

func below(s kv.Space, w kv.Watermark) bool { return s.Free < level(s, w) }

// level is how much of a file system a watermark asks to be free.
func level(s kv.Space, w kv.Watermark) uint64 {
	share := s.Total / 100 * w.Percent
	if w.Bytes > 0 {
		share = min(share, headroom*w.Bytes)
	}
	return max(w.Bytes, share)
}

const diskInterval = 5 * time.Second

// watchDisk looks at the free space, and makes the names of new files durable, until ctx ends.
func (n *Node) watchDisk(ctx context.Context) error {
	tick := time.NewTicker(diskInterval)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
		if err := n.checkDisk(); err != nil {
			return err
		}
		if err := n.syncDirs(); err != nil {
			n.fail(err)
			return err
		}
	}
}

// checkDisk takes or refuses writes from now on, by the free space there is. An
// error means that the node must stop.
func (n *Node) checkDisk() error {
	dirs, err := n.fileSystems()
	if err != nil {
		return errs.Stop(errs.ExitIO, err)
	}
	w := n.cfg.Watermarks
	low, alarm, free := false, false, ^uint64(0)
	for _, dir := range dirs {
		s, err := n.cfg.Space(dir)
		if err != nil {
			return errs.Stop(errs.ExitIO, err)
		}
		if below(s, w.Stop) {
			return errs.Stop(errs.ExitDiskLow, fmt.Errorf("%d MiB of %d are free on the file system of %s, and dashd needs %d to go on; "+
				"make room and start again, or let `dashd recover-space` delete the ballast file", s.Free>>20, s.Total>>20, dir, level(s, w.Stop)>>20))
		}
		low, alarm, free = low || below(s, w.Refuse), alarm || below(s, w.Alarm), min(free, s.Free)
	}
	if n.diskLow.Swap(low) != low {
		if low {
			n.log.Error("disk is nearly full: writes are refused", "bytes", free)
		} else {
			n.log.Info("disk has room: writes are taken", "bytes", free)
		}
	}
	if n.diskAlarm.Swap(alarm) != alarm && alarm {
		n.log.Warn("disk is filling up", "bytes", free)
	}
	return nil
}
