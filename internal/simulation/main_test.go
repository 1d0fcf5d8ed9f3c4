package simulation_test

import (
	"flag"
	"fmt"
	"os"
	"runtime/debug"
	"strconv"
	"testing"
	"time"
)

// seeds are those of this run.
var seeds []uint64

// Numbers of seeds that are run if the environment does not say how many.
const (
	fewSeeds   = 4 // in a -short run
	usualSeeds = 40
)

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(runAll(m))
}

func runAll(m *testing.M) int {
	first, n := uint64(time.Now().UnixMilli()), uint64(usualSeeds)
	if testing.Short() {
		n = fewSeeds
	}
	var err error
	if text := os.Getenv("DASHD_SIM_SEED"); text != "" {
		n = 1
		if first, err = strconv.ParseUint(text, 10, 64); err != nil {
			fmt.Println("DASHD_SIM_SEED:", err)
			return 1
		}
	}
	if text := os.Getenv("DASHD_SIM_SEEDS"); text != "" {
		if n, err = strconv.ParseUint(text, 10, 32); err != nil {
			fmt.Println("DASHD_SIM_SEEDS:", err)
			return 1
		}
	}
	for i := range n {
		seeds = append(seeds, first+i)
	}
	// The few large tables of databases make up most of the heap: with the usual limit it would be
	// searched for garbage as often as somebody starts a node.
	debug.SetGCPercent(300)
	code := m.Run()
	if err := template.remove(); err != nil {
		fmt.Println("simulation:", err)
	}
	if err := report.end(); err != nil {
		fmt.Println("simulation: results are not recorded:", err)
		return 1
	}
	return code
}
