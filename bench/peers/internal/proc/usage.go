package proc

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"dashd/internal/bench"
)

// UsageOf is what processes and their children have used together so far, children that have ended included. The peak of memory is
// known only of processes without children: those share pages, and a sum would count them again and again. It is false
// where the kernel does not tell.
func UsageOf(pids []int) (sum bench.Usage, ok bool) {
	parents, err := parents()
	if err != nil || len(pids) == 0 {
		return sum, false
	}
	tree := append([]int(nil), pids...)
	for i := 0; i < len(tree); i++ {
		for pid, parent := range parents {
			if parent == tree[i] {
				tree = append(tree, pid)
			}
		}
	}
	for i, pid := range tree {
		u, known := bench.UsageOf(pid)
		if !known && i < len(pids) {
			return sum, false
		}
		sum = sum.Add(u) // with its children that have ended
	}
	if len(tree) > len(pids) {
		sum.PeakRSS = -1
	}
	return sum, true
}

// parents tells each process's parent.
func parents() (map[int]int, error) {
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return nil, err
	}
	of := make(map[int]int, len(stats))
	for _, path := range stats {
		pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		if fields := stat(pid); len(fields) > 1 {
			of[pid], _ = strconv.Atoi(string(fields[1]))
		}
	}
	return of, nil
}

// stat are the fields of /proc/<pid>/stat from the state on; none if the process is gone.
func stat(pid int) [][]byte {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return nil
	}
	// The name, in parentheses, may hold anything.
	return bytes.Fields(text[bytes.LastIndexByte(text, ')')+1:])
}
