package node

import (
	"bytes"
	"context"
	"errors"
	"os"
	"strconv"
	"time"

	"dashd/internal/kv"
)

const (
	// mappedAtMost is how much of mapped files may be in the memory of the process. It is
	// room for what is read again and again.
	mappedAtMost = 256 << 20
	// pagesInterval is how often it is looked at.
	pagesInterval = 2 * time.Second
)

// boundPages keeps mapped files from counting as memory that the node needs, until ctx
// ends.
func (n *Node) boundPages(ctx context.Context) error {
	tick := time.NewTicker(pagesInterval)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
		if mappedBytes() < mappedAtMost {
			continue
		}
		if err := n.KV.ReleasePages(); err != nil && !errors.Is(err, kv.ErrClosed) {
			return err
		}
	}
}

// mappedBytes is how much of mapped files is in the memory of the process; 0 where the
// system does not tell.
func mappedBytes() int64 {
	text, err := os.ReadFile("/proc/self/statm") // proc(5): the third number is that of such pages
	if err != nil {
		return 0
	}
	fields := bytes.Fields(text)
	if len(fields) < 3 {
		return 0
	}
	pages, err := strconv.ParseInt(string(fields[2]), 10, 64)
	if err != nil {
		return 0
	}
	return pages * int64(os.Getpagesize())
}
