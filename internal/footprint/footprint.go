// Package footprint tells how much of the heap values hold.
//
// It walks from a value to all that it points to, and counts every block of memory once, as
// long as the allocator makes it. So it sees what any structure costs without the structure's help. Texts
// count with their length: several can share a block, so what else is in it is not seen.
//
// Start reading at [Counter].
package footprint

import (
	"reflect"
	"unsafe"
)

// Counter counts what values hold. What was counted for one is not counted for the next. The zero
// value is ready. It is not safe for concurrent use, and what is counted must not
// change meanwhile.
type Counter struct {
	seen  map[block]struct{}
	plain map[reflect.Type]bool // types without anything to follow
	sizes map[uintptr]int64     // what the allocator takes for blocks without pointers
}

// block is a counted block of memory. A struct and its first field begin at the same place.
type block struct {
	at     unsafe.Pointer
	length uintptr
}

// Add returns how many bytes of the heap a value holds, beside itself, that what was added before
// does not hold.
func (c *Counter) Add(v reflect.Value) int64 {
	if c.seen == nil {
		c.seen, c.plain, c.sizes = map[block]struct{}{}, map[reflect.Type]bool{}, map[uintptr]int64{}
	}
	return c.follow(v)
}

// follow counts what v points to.
func (c *Counter) follow(v reflect.Value) (n int64) {
	if c.isPlain(v.Type()) {
		return 0
	}
	switch v.Kind() {
	case reflect.String:
		return int64(v.Len())
	case reflect.Pointer:
		if v.IsNil() || !c.first(v.UnsafePointer(), v.Type().Elem().Size()) {
			return 0
		}
		return c.size(v.Type().Elem().Size(), v.Type().Elem()) + c.follow(v.Elem())
	case reflect.Interface:
		if v.IsNil() {
			return 0
		}
		if v.Elem().Kind() == reflect.Pointer {
			return c.follow(v.Elem())
		}
		return c.size(v.Elem().Type().Size(), v.Elem().Type()) + c.follow(v.Elem())
	case reflect.Slice:
		length := uintptr(v.Cap()) * v.Type().Elem().Size()
		if length == 0 || !c.first(v.UnsafePointer(), length) {
			return 0
		}
		n = c.size(length, v.Type().Elem())
		fallthrough
	case reflect.Array:
		if !c.isPlain(v.Type().Elem()) {
			for i := range v.Len() {
				n += c.follow(v.Index(i))
			}
		}
	case reflect.Struct:
		for i := range v.NumField() {
			n += c.follow(v.Field(i))
		}
	case reflect.Map:
		if !v.IsNil() && c.first(v.UnsafePointer(), 0) {
			return c.table(v)
		}
	}
	return n
}

// table counts a map, whose tables cannot be seen: slots for its entries and a byte each, of which
// there are up to twice as many.
func (c *Counter) table(v reflect.Value) int64 {
	slots := uintptr(8)
	for slots*7/8 < uintptr(v.Len()) {
		slots *= 2
	}
	n := c.size(slots*(v.Type().Key().Size()+v.Type().Elem().Size()+1), v.Type().Key())
	for entries := v.MapRange(); entries.Next(); {
		n += c.follow(entries.Key()) + c.follow(entries.Value())
	}
	return n
}

// first reports whether a block has not been counted yet, and notes it.
func (c *Counter) first(at unsafe.Pointer, length uintptr) bool {
	b := block{at, length}
	if _, seen := c.seen[b]; seen {
		return false
	}
	c.seen[b] = struct{}{}
	return true
}

// size is what the allocator takes for a block of so many bytes, made of values of a type. Larger
// ones with pointers have a header that says where those are.
func (c *Counter) size(length uintptr, of reflect.Type) int64 {
	const large, header = 512, 8
	if length > large && !c.isPlain(of) {
		length += header
	}
	n, known := c.sizes[length]
	if !known {
		n = int64(cap(append([]byte(nil), make([]byte, length)...)))
		c.sizes[length] = n
	}
	return n
}

// isPlain reports whether values of a type point to nothing that is counted. Functions and channels
// are not followed.
func (c *Counter) isPlain(t reflect.Type) bool {
	plain, known := c.plain[t]
	if known {
		return plain
	}
	c.plain[t] = true // while it is found out: what holds itself only through plain types is plain
	switch t.Kind() {
	case reflect.String, reflect.Pointer, reflect.Interface, reflect.Slice, reflect.Map:
		plain = false
	case reflect.Array:
		plain = t.Len() == 0 || c.isPlain(t.Elem())
	case reflect.Struct:
		plain = true
		for i := range t.NumField() {
			plain = plain && c.isPlain(t.Field(i).Type)
		}
	default:
		plain = true
	}
	c.plain[t] = plain
	return plain
}
