package cluster_test

import (
	"bytes"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/hashicorp/raft"

	"dashd/internal/cluster"
)

// BenchmarkStoreLogs measures what it costs to make entries durable while the oldest ones are
// dropped: wall and processor time, and the bytes that go to the file system for each byte of the
// entries. Raft drops entries every 32 MiB, in a goroutine of its own, and so does this. The
// directory for temporary files must be on a disk.
func BenchmarkStoreLogs(b *testing.B) {
	for _, shape := range []struct {
		name           string
		entries, bytes int // of one call
	}{
		{"a block of 340 kB", 1, 340_000},
		{"a block of 40 kB", 1, 40_000},
		{"a block of 24 kB", 1, 24_000},
		{"a block of 12 kB", 1, 12_000},
		{"a block of 4 kB", 1, 4_000},
		{"a block of 1 kB", 1, 1_000},
		{"32 entries of 64 B", 32, 64},
	} {
		b.Run(shape.name, func(b *testing.B) { storeLogs(b, shape.entries, shape.bytes) })
	}
}

func storeLogs(b *testing.B, entries, size int) {
	logs, err := cluster.BareLogs(filepath.Join(b.TempDir(), "raft.db"), 1<<50)
	if err != nil {
		b.Fatal(err)
	}
	w := &writer{b: b, logs: logs, size: size, entries: make([]raft.Log, entries), noise: make([]byte, 4<<20), next: 1, first: 1, dropped: make(chan error, 1)}
	_, _ = rand.NewChaCha8([32]byte{1}).Read(w.noise)
	w.dropped <- nil
	for range min(2_000, 48<<20/(entries*size)) { // until the file has something to use again
		w.store()
	}
	w.took = nil
	cpu, written := processorTime(b), writtenBytes(b)
	for b.Loop() {
		w.store()
	}
	if err := <-w.dropped; err != nil {
		b.Fatal(err)
	}
	stored := float64(b.N * entries * size)
	used := float64((processorTime(b) - cpu).Microseconds())
	b.SetBytes(int64(entries * size))
	b.ReportMetric(used/float64(b.N), "CPU-µs/op")
	b.ReportMetric(used/1e3/(stored/1e6), "CPU-ms/MB")
	b.ReportMetric(float64(writtenBytes(b)-written)/stored, "written/B")
	slices.Sort(w.took)
	b.ReportMetric(float64(w.took[len(w.took)*99/100].Microseconds()), "p99-µs")
	b.ReportMetric(float64(w.took[len(w.took)-1].Microseconds()), "longest-µs")
}

// writer stores entries and drops old ones.
type writer struct {
	b           *testing.B
	logs        raft.LogStore
	size        int
	entries     []raft.Log
	noise       []byte
	next, first uint64
	dropped     chan error // holds the outcome of the last drop
	took        []time.Duration
}

func (w *writer) store() {
	const keep, drop = 16 << 20, 32 << 20
	call := make([]*raft.Log, len(w.entries))
	for i := range w.entries {
		at := int(w.next*7919) % (len(w.noise) - w.size)
		w.entries[i] = raft.Log{Index: w.next, Term: 1, Data: w.noise[at : at+w.size], AppendedAt: time.Unix(1, 0)}
		call[i] = &w.entries[i]
		w.next++
	}
	began := time.Now()
	if err := w.logs.StoreLogs(call); err != nil {
		w.b.Fatal(err)
	}
	w.took = append(w.took, time.Since(began))
	if int(w.next-w.first)*w.size < drop {
		return
	}
	if err := <-w.dropped; err != nil {
		w.b.Fatal(err)
	}
	from, to := w.first, w.next-1-uint64(keep/w.size)
	w.first = to + 1
	go func() { w.dropped <- w.logs.DeleteRange(from, to) }() // storeLogs waits for the last one
}

// processorTime is what this process has used, in its own code and in the kernel.
func processorTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// writtenBytes is what this process has made the kernel write.
func writtenBytes(b *testing.B) int {
	text, err := os.ReadFile("/proc/self/io")
	if err != nil {
		b.Skip("the kernel does not count: ", err)
	}
	for line := range bytes.Lines(text) {
		if rest, ok := bytes.CutPrefix(line, []byte("write_bytes: ")); ok {
			n, err := strconv.Atoi(string(bytes.TrimSpace(rest)))
			if err != nil {
				b.Fatal(err)
			}
			return n
		}
	}
	b.Fatal("/proc/self/io has no write_bytes")
	return 0
}
