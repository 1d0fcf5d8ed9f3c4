package node

import (
	"os"
	"syscall"
)

// allocate gives a file size bytes on the disk, without writing them.
func allocate(f *os.File, size int64) error { return syscall.Fallocate(int(f.Fd()), 0, 0, size) }
