package simulation_test

// staff are goroutines that do small work one after the other: a new one for each message would
// begin with a small stack, and grow it, some thousand times in a simulation.
type staff struct {
	work chan func()
	over chan struct{} // closed at the end
}

func newStaff() *staff { return &staff{work: make(chan func()), over: make(chan struct{})} }

// do has fn done, in a goroutine of its own for as long as that takes.
func (st *staff) do(fn func()) {
	select {
	case st.work <- fn:
	default: // all are busy
		go st.serve(fn) // ends with the simulation
	}
}

func (st *staff) serve(fn func()) {
	for {
		fn()
		select {
		case fn = <-st.work:
		case <-st.over:
			return
		}
	}
}

// end sends everybody home who has nothing to do; who has goes when that is done.
func (st *staff) end() { close(st.over) }
