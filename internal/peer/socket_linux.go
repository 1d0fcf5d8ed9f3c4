package peer

import (
	"os"
	"syscall"
)

// tcpUserTimeout is TCP_USER_TIMEOUT of tcp(7). Accepted sockets inherit it.
const tcpUserTimeout = 18

func setTimeout(_, _ string, socket syscall.RawConn) error {
	var err error
	control := socket.Control(func(fd uintptr) {
		err = os.NewSyscallError("setsockopt", syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, tcpUserTimeout, int(unsent.Milliseconds())))
	})
	if control != nil {
		return control
	}
	return err
}
