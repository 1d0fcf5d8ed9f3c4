package bench

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// flushesOf is how often the cache of the disk that holds a file was flushed since the machine was
// started, by whomever; -1: unknown. The kernel counts no fsyncs of a process unless it is traced. This it
// counts always, and it is what an fsync costs: fsyncs that the file system joins are one flush. A disk
// that has no cache, or a file system on several disks, does not tell.
func flushesOf(path string) int64 {
	if path == "" {
		return -1
	}
	info, err := os.Stat(path)
	if err != nil {
		return -1
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return -1
	}
	dev := uint64(stat.Dev)
	major, minor := dev>>8&0xfff|dev>>32&^0xfff, dev&0xff|dev>>12&^0xff
	disk := fmt.Sprintf("/sys/dev/block/%d:%d", major, minor)
	if _, err := os.Stat(disk + "/partition"); err == nil {
		disk += "/.." // flushes are of the whole disk
	}
	if mode, err := os.ReadFile(disk + "/queue/write_cache"); err != nil || strings.TrimSpace(string(mode)) != "write back" {
		return -1
	}
	text, err := os.ReadFile(disk + "/stat")
	if err != nil {
		return -1
	}
	return parseFlushes(string(text))
}

// parseFlushes reads the sixteenth number of a disk's counters, which kernels have since 5.5.
func parseFlushes(stat string) int64 {
	const flushes = 15
	fields := strings.Fields(stat)
	if len(fields) <= flushes {
		return -1
	}
	n, err := strconv.ParseInt(fields[flushes], 10, 64)
	if err != nil {
		return -1
	}
	return n
}
