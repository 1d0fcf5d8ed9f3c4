package deadman

import (
	"os"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// timer is a POSIX timer; see timer_create(2).
type timer int32

// sigevent is that of sigevent(3type), on machines of 64 bits.
type sigevent struct {
	value  uint64
	signal int32
	notify int32
	_      [48]byte
}

const sigevSignal = 0 // SIGEV_SIGNAL

func newTimer() (timer, error) {
	event := sigevent{signal: int32(unix.SIGKILL), notify: sigevSignal}
	var t timer
	_, _, errno := unix.Syscall(unix.SYS_TIMER_CREATE, unix.CLOCK_MONOTONIC,
		uintptr(unsafe.Pointer(&event)), uintptr(unsafe.Pointer(&t)))
	if errno != 0 {
		return 0, os.NewSyscallError("timer_create", errno)
	}
	return t, nil
}

func (t timer) set(d time.Duration) {
	in := unix.ItimerSpec{Value: unix.NsecToTimespec(int64(d))}
	// It fails for a timer or a time that does not exist.
	unix.RawSyscall6(unix.SYS_TIMER_SETTIME, uintptr(t), 0, uintptr(unsafe.Pointer(&in)), 0, 0, 0)
}
