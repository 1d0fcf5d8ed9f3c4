// Package deadman ends the process when it can no longer end itself.
//
// A goroutine that touches a page of a memory-mapped file while the disk hangs waits in the kernel, and
// Go's runtime takes it for one that runs. The next time the collector has to stop all
// goroutines it waits for that one, for ever, with all others stopped: no watchdog looks any more, and
// nothing is logged. Only the kernel can end such a process.
package deadman

import "time"

// Switch has the kernel kill the process when it has not been heard of for some time.
type Switch struct{ timer timer }

// New returns a switch that is off. It fails where the kernel has no timers that kill.
func New() (*Switch, error) {
	t, err := newTimer()
	if err != nil {
		return nil, err
	}
	return &Switch{t}, nil
}

// Within has the process killed, with SIGKILL, unless it is called again within d; 0 turns the switch off.
// The time in which the machine sleeps does not count; that in which the process is stopped does.
func (s *Switch) Within(d time.Duration) { s.timer.set(d) }
