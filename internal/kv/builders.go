package kv

import (
	"reflect"
	"unsafe"

	"github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/ristretto/v2/z"
)

// builderPool is the number of allocators that Badger keeps for its table
// builders.
const builderPool = 8

// builders gives back the memory that Badger's table builders keep. Each of the
// eight in its pool grows to what the largest table took, twice a memtable, and
// stays that large for as long as tables are built: 300 MB and more, of a process
// that needs 100, with the collector at work all the time below a limit that the
// pool alone exceeds. A new builder allocates anew, which costs nothing that can be
// measured.
//
// Badger has no option for it, so the pool is reached through the field that
// holds it, which never changes once the database is open. What is called is the
// pool's own, and safe beside Badger's calls.
type builders struct{ pool *z.AllocatorPool }

func buildersOf(b *badger.DB) builders {
	f := reflect.ValueOf(b).Elem().FieldByName("allocPool")
	if !f.IsValid() || f.Type() != reflect.TypeFor[*z.AllocatorPool]() {
		return builders{} // another release of Badger: its memory is its own affair
	}
	return builders{*(**z.AllocatorPool)(unsafe.Pointer(f.UnsafeAddr()))}
}

// release empties the pool. The database must not be closed before it returns.
func (b builders) release() {
	if b.pool == nil {
		return
	}
	for range builderPool {
		b.pool.Get(1, "dashd").Release() // one of the pool's, or a tiny new one
	}
}
