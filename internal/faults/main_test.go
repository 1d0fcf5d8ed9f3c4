package faults_test

import (
	"flag"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"dashd/internal/dashdtest"
)

// program is the dashd under test, and seed what all choices follow from.
var (
	program string
	seed    uint64
)

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(runAll(m))
}

func runAll(m *testing.M) int {
	seed = uint64(time.Now().UnixNano())
	if text := os.Getenv("DASHD_FAULTS_SEED"); text != "" {
		var err error
		if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			fmt.Println("DASHD_FAULTS_SEED:", err)
			return 1
		}
	}
	fmt.Printf("faults: DASHD_FAULTS_SEED=%d\n", seed)
	report.keep = os.Getenv("DASHD_FAULTS_RECORD") != ""
	var err error
	if report.before, err = readRecord(recordFile); err != nil {
		fmt.Println("faults: the record cannot be read:", err)
		return 1
	}
	dir, err := os.MkdirTemp("", "faults")
	if err != nil {
		fmt.Println(err)
		return 1
	}
	defer os.RemoveAll(dir)
	var output []byte
	if program, output, err = dashdtest.Build(dir); err != nil {
		fmt.Printf("build dashd: %v\n%s", err, output)
		return 1
	}
	code := m.Run()
	report.print()
	if err := theLab.close(); err != nil {
		fmt.Println("faults: the network is not taken away:", err)
		return 1
	}
	return code
}

// count is a number that the environment can set.
func count(t *testing.T, variable string, normal, short int) int {
	t.Helper()
	n := normal
	if testing.Short() {
		n = short
	}
	if text := os.Getenv(variable); text != "" {
		var err error
		if n, err = strconv.Atoi(text); err != nil || n < 0 {
			t.Fatalf("%s is %q, not a count", variable, text)
		}
	}
	return n
}

// choices returns the random source of one purpose. It follows from the seed
// alone, so that leaving out one test changes nothing in another.
func choices(purpose string) *rand.Rand {
	h := fnv.New64a()
	h.Write([]byte(purpose))
	return rand.New(rand.NewPCG(seed, h.Sum64()))
}

// between returns a duration from low to high.
func between(rng *rand.Rand, low, high time.Duration) time.Duration {
	return low + time.Duration(rng.Int64N(int64(high-low)))
}

// newNode returns a node on dir that has not been started. A node takes any port.
func newNode(dir string) *dashdtest.Node {
	return &dashdtest.Node{Binary: program, Dir: dir, Addr: "127.0.0.1:0"}
}

// start starts n and counts how long that took.
func start(t *testing.T, s *scenario, n *dashdtest.Node) {
	t.Helper()
	began := time.Now()
	n.Start(t)
	s.startedIn(time.Since(began))
}

// shortDir is t.TempDir with a short path: that of a Unix socket in it may have
// 107 bytes.
func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "faults")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}
