package kv

import "golang.org/x/sys/unix"

// releasePages unmaps the pages of a shared mapping of a file. What was written to them is
// in the system's cache: nothing is lost (madvise(2), MADV_DONTNEED, on shared file
// mappings).
func releasePages(mapping []byte) {
	if len(mapping) > 0 {
		_ = unix.Madvise(mapping, unix.MADV_DONTNEED) // a hint: the pages stay if it cannot be followed
	}
}
