package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
)

// benchMachine is where something was measured. What the system does not tell is empty, or -1.
type benchMachine struct {
	Processors       int     `json:"processors"`
	Model            string  `json:"processorModel,omitempty"`
	Kernel           string  `json:"kernel,omitempty"`
	FileSystem       string  `json:"fileSystem,omitempty"` // of the data directory
	OthersBefore     float64 `json:"othersBefore"`         // share of the processors that others took before anything was started
	IOPressureBefore float64 `json:"ioPressureBefore"`     // share of the ten seconds before in which something waited for a disk
}

func readMachine(dir string) benchMachine {
	m := benchMachine{Processors: runtime.NumCPU(), OthersBefore: -1, IOPressureBefore: -1}
	if text, err := os.ReadFile("/proc/sys/kernel/osrelease"); err == nil {
		m.Kernel = strings.TrimSpace(string(text))
	}
	if text, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		if _, rest, ok := strings.Cut(string(text), "model name"); ok {
			line, _, _ := strings.Cut(rest, "\n")
			m.Model = strings.TrimSpace(strings.TrimLeft(line, "\t :"))
		}
	}
	text, err := os.ReadFile("/proc/self/mountinfo")
	if path, absErr := filepath.Abs(dir); err == nil && absErr == nil {
		if real, err := filepath.EvalSymlinks(path); err == nil {
			path = real
		}
		m.FileSystem = fileSystemOf(string(text), path)
	}
	return m
}

// fileSystemOf is the type of the file system that a path is on, by the kernel's list of mounts: the
// last one of the longest mount point above it.
func fileSystemOf(mounts, path string) (kind string) {
	longest := -1
	for line := range strings.Lines(mounts) {
		place, source, ok := strings.Cut(line, " - ")
		fields, of := strings.Fields(place), strings.Fields(source)
		if !ok || len(fields) < 5 || len(of) == 0 {
			continue
		}
		point := strings.TrimSuffix(fields[4], "/")
		if (path == point || strings.HasPrefix(path, point+"/")) && len(point) >= longest {
			longest, kind = len(point), of[0]
		}
	}
	return kind
}

// onDisk is how many bytes the files below a directory take on the disk.
func onDisk(dir string) (sum int64, err error) {
	err = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		if stat, ok := info.Sys().(*syscall.Stat_t); ok {
			sum += stat.Blocks * 512
		}
		return nil
	})
	return sum, err
}
