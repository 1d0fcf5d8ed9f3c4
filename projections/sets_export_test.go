package projections

// Sets is the writer's and, frozen, the readers' view of sets.
type Sets struct{ sets }

func (s *Sets) Add(key uint64, ord uint32)      { s.add(key, ord) }
func (s *Sets) Remove(key uint64, ord uint32)   { s.remove(key, ord) }
func (s *Sets) Has(key uint64, ord uint32) bool { return s.has(key, ord) }
func (s *Sets) Freeze() *Sets                   { return &Sets{s.freeze()} }

// Of and Union list members in order.
func (s *Sets) Of(key uint64) []uint32 {
	if b := s.of(key); b != nil && !b.IsEmpty() {
		return b.ToArray()
	}
	return nil
}

func (s *Sets) Union(first, end uint64) []uint32 {
	if b := s.union(first, end); !b.IsEmpty() {
		return b.ToArray()
	}
	return nil
}

var (
	DayKey = dayKey
	DayOf  = dayOf
)
