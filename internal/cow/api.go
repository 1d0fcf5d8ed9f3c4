// Package cow skeleton.
package cow

import "iter"

// Array is a sequence of values of a fixed size that one goroutine changes and that
// can be frozen at any time: the frozen copy never changes and costs almost nothing.
type Array[T any] struct{}

func (a *Array[T]) Len() int                           { panic("skeleton") }
func (a *Array[T]) At(i int) *T                        { panic("skeleton") } // to read only; also on a frozen copy
func (a *Array[T]) Edit(i int) *T                      { panic("skeleton") } // copies the page if it is frozen
func (a *Array[T]) Append(v T) int                     { panic("skeleton") }
func (a *Array[T]) Freeze() Array[T]                   { panic("skeleton") } // a copy for readers
func (a *Array[T]) Pages(from int) iter.Seq2[int, []T] { panic("skeleton") } // index of the first, values; for scans

// IDs finds the ordinal of an id. One goroutine adds; frozen copies are read by others.
// It holds no ids: is(ord) says whether the row at ord has the id that is looked for.
type IDs struct{}

func (x *IDs) Find(id string, is func(ord uint32) bool) (ord uint32, ok bool) { panic("skeleton") }
func (x *IDs) Add(id string, ord uint32, rehash func(ord uint32) (id string, alive bool)) {
	panic("skeleton")
}
func (x *IDs) Freeze() IDs { panic("skeleton") }

// Pairs is an ordered set of (key, ordinal): an index of rows by something that several of them can
// share, such as the hash of an e-mail or a time.
type Pairs struct{}

func (p *Pairs) Add(key uint64, ord uint32)                    { panic("skeleton") }
func (p *Pairs) Remove(key uint64, ord uint32)                 { panic("skeleton") }
func (p *Pairs) Of(key uint64) iter.Seq[uint32]                { panic("skeleton") } // in the order of ordinals
func (p *Pairs) Ascend(from uint64) iter.Seq2[uint64, uint32]  { panic("skeleton") }
func (p *Pairs) Descend(from uint64) iter.Seq2[uint64, uint32] { panic("skeleton") }
func (p *Pairs) Len() int                                      { panic("skeleton") }
func (p *Pairs) Freeze() Pairs                                 { panic("skeleton") }
func (p *Pairs) Load(sorted iter.Seq2[uint64, uint32])         { panic("skeleton") } // into an empty set
