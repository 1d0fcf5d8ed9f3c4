package wire

// Exported for tests.

// Shapes are those that objects are read with.
var Shapes = []*shape{eventShape, studioShape, trackShape, readShape}

// Found is what has been read of an object.
type Found struct {
	End        int
	Said, Seen uint64
	Slots      [numFields]slot
}

// Quick reads the object with which text begins, and reports whether that could be
// done without Walk. o is reused.
func (o *Object) Quick(text []byte, sh *shape, depth int) (Found, bool) {
	n := o.quick(text, sh, depth)
	return o.found(n), n > 0
}

// Walk reads it by the decoder of the library.
func (o *Object) Walk(text []byte, sh *shape, depth int) (Found, error) {
	n, err := o.walk(text, sh, depth)
	return o.found(n), err
}

// Object reads objects.
type Object struct{ object }

func (o *Object) found(n int) Found {
	f := Found{End: n, Said: o.said, Seen: o.seen}
	for i := range o.slots {
		if o.said&(1<<i) != 0 {
			f.Slots[i] = o.slots[i]
		}
	}
	return f
}
