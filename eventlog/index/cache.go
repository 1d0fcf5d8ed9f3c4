package index

import (
	"container/list"
	"sync"
)

// cache keeps the parts of sealed segments that were used last, up to a number of
// bytes. Safe for concurrent use; what it holds is immutable.
type cache struct {
	mu    sync.Mutex
	bytes int64
	limit int64
	parts map[partID]*list.Element
	order list.List // of *part, used last in front
}

// partID names a part of a sealed segment: the letter and number of its key, and
// how often the segment was written again.
type partID struct {
	letter  byte
	edition uint32
	segment uint64
}

type part struct {
	id    partID
	value any
	bytes int64
}

// partOverhead is about what the cache needs for a part beside its value.
const partOverhead = 256

func newCache(limit int64) *cache {
	return &cache{limit: limit, parts: make(map[partID]*list.Element)}
}

// get returns the part, or nil.
func (c *cache) get(id partID) any {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.parts[id]
	if e == nil {
		return nil
	}
	c.order.MoveToFront(e)
	return e.Value.(*part).value
}

// put adds a part of about that many bytes and drops what was not used for longest.
func (c *cache) put(id partID, value any, bytes int) {
	p := &part{id: id, value: value, bytes: int64(bytes) + partOverhead}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.parts[id] != nil {
		return // another reader was first
	}
	c.parts[id] = c.order.PushFront(p)
	c.bytes += p.bytes
	for c.bytes > c.limit && c.order.Len() > 0 {
		old := c.order.Remove(c.order.Back()).(*part)
		delete(c.parts, old.id)
		c.bytes -= old.bytes
	}
}
