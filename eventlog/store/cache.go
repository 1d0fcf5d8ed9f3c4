package store

import (
	"container/list"
	"sort"
	"sync"
)

// cacheBytes bounds the memory for blocks read from disk.
const cacheBytes = 32 << 20

// cache keeps the blocks that were read last. The zero value is ready.
type cache struct {
	mu    sync.Mutex
	byLog []*list.Element // ascending by seq
	byUse list.List       // *stored, newest use first
	bytes int
}

// get returns the block that holds seq, if it is there.
func (c *cache) get(seq uint64) (stored, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	i := c.search(seq+1) - 1
	if i < 0 {
		return stored{}, false
	}
	e := c.byLog[i]
	b := e.Value.(*stored)
	if seq > b.last() {
		return stored{}, false
	}
	c.byUse.MoveToFront(e)
	return *b, true
}

func (c *cache) add(b stored) {
	c.mu.Lock()
	defer c.mu.Unlock()
	i := c.search(b.first)
	if i < len(c.byLog) && c.byLog[i].Value.(*stored).first == b.first {
		return // somebody else read it meanwhile
	}
	c.byLog = append(c.byLog, nil)
	copy(c.byLog[i+1:], c.byLog[i:])
	c.byLog[i] = c.byUse.PushFront(&b)
	c.bytes += b.weight()
	for c.bytes > cacheBytes {
		old := c.byUse.Remove(c.byUse.Back()).(*stored)
		i := c.search(old.first)
		c.byLog = append(c.byLog[:i], c.byLog[i+1:]...)
		c.bytes -= old.weight()
	}
}

// weight is roughly the memory of b; a parsed block is more than its bytes.
func (b *stored) weight() int { return len(b.raw) + 1024 }

// search returns the index of the first block that begins at or behind seq.
func (c *cache) search(seq uint64) int {
	return sort.Search(len(c.byLog), func(i int) bool { return c.byLog[i].Value.(*stored).first >= seq })
}
