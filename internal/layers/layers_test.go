// Package layers holds the test that keeps dashd's packages in their layers.
package layers_test

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// layer gives each package its layer; a package imports lower ones only, and
// those of its own row that the second table allows.
var layer = map[string]int{
	"dashd/eventlog":             0,
	"dashd/internal/errs":        0,
	"dashd/eventlog/block":       1,
	"dashd/geo":                  1,
	"dashd/internal/wire":        1,
	"dashd/internal/display":     1,
	"dashd/internal/seal":        1,
	"dashd/internal/genevents":   1,
	"dashd/internal/cow":         1,
	"dashd/internal/footprint":   1,
	"dashd/internal/credential":  1,
	"dashd/internal/idp":         1,
	"dashd/internal/outbound":    1,
	"dashd/internal/peer":        1,
	"dashd/internal/tokens":      1,
	"dashd/internal/findings":    1,
	"dashd/internal/kv":          2,
	"dashd/internal/deadman":     2,
	"dashd/internal/destination": 2,
	"dashd/internal/geoupdate":   2,
	"dashd/eventlog/store":       3,
	"dashd/eventlog/index":       3,
	"dashd/projections":          3,
	"dashd/fsm":                  4,
	"dashd/internal/cluster":     4,
	"dashd/internal/appender":    5,
	"dashd/internal/commands":    5,
	"dashd/internal/node":        6,
	"dashd/internal/bench":       6,
	"dashd/internal/domaincheck": 6,
	"dashd/internal/drains":      6,
	"dashd/internal/refusals":    6,
	"dashd/internal/relay":       6,
	"dashd/httpapi":              6,
	"dashd/internal/dashdtest":   6,
	"dashd/internal/e2e":         7,
	"dashd/internal/faults":      7,
	"dashd/internal/simulation":  7,
	"dashd/cmd/dashd":            7,
}

// sideways are the imports within a layer, each with its reason.
var sideways = map[[2]string]string{
	{"dashd/projections", "dashd/eventlog/index"}:          "a follower starts from a query instead of reading the whole log",
	{"dashd/internal/cluster", "dashd/fsm"}:                "raft is given its state machine",
	{"dashd/internal/commands", "dashd/internal/appender"}: "a command's events are appended like any others",
	{"dashd/internal/bench", "dashd/internal/node"}:        "half a year is stored in minutes by a node with a clock of its own",
}

// doors are the third-party modules that one package, or two, may import.
var doors = map[string][]string{
	"github.com/dgraph-io/badger/":                  {"dashd/internal/kv"},
	"github.com/hashicorp/raft":                     {"dashd/fsm", "dashd/internal/cluster"},
	"github.com/hashicorp/raft-boltdb/":             {"dashd/internal/cluster"},
	"go.etcd.io/bbolt":                              {"dashd/internal/cluster"},
	"github.com/julienschmidt/httprouter":           {"dashd/httpapi"},
	"github.com/klauspost/compress/s2":              {"dashd/eventlog/block", "dashd/projections"}, // blocks; checkpoints
	"github.com/klauspost/compress/zstd":            {"dashd/httpapi"},
	"github.com/go-jose/":                           {"dashd/projections", "dashd/internal/tokens", "dashd/internal/commands"},
	"github.com/tidwall/btree":                      {"dashd/internal/cow"},
	"github.com/RoaringBitmap/roaring/":             {"dashd/projections"},
	"github.com/cenkalti/backoff/":                  {"dashd/internal/drains"},
	"github.com/sony/gobreaker/":                    {"dashd/internal/drains"},
	"github.com/crewjam/saml":                       {"dashd/internal/idp"},
	"github.com/mattermost/xml-roundtrip-validator": {"dashd/internal/idp"},
	"golang.org/x/net/":                             {"dashd/internal/outbound", "dashd/internal/idp"},
	"golang.org/x/crypto/scrypt":                    {"dashd/internal/credential"},
	"github.com/go-json-experiment/":                {"dashd/internal/wire"},
	"github.com/oschwald/geoip2-golang/":            {"dashd/geo"},
	"github.com/oschwald/maxminddb-golang/":         {"dashd/geo"},
	"github.com/fsnotify/":                          {"dashd/geo"},
	"github.com/anishathalye/porcupine":             {"dashd/internal/findings"},
}

func TestPackagesKeepTheirLayers(t *testing.T) {
	imports := importsOfAll(t)
	for pkg, deps := range imports {
		mine, known := layer[pkg]
		if !known {
			t.Errorf("%s has no layer: give it one in this test", pkg)
			continue
		}
		for _, dep := range deps {
			theirs, ours := layer[dep]
			if ours && theirs >= mine && sideways[[2]string{pkg, dep}] == "" {
				t.Errorf("%s (layer %d) imports %s (layer %d)", pkg, mine, dep, theirs)
			}
			for module, allowed := range doors {
				if strings.HasPrefix(dep, module) && !strings.HasPrefix(dep, "dashd/") && !slices.Contains(allowed, pkg) &&
					!narrowerDoor(module, dep, pkg) {
					t.Errorf("%s imports %s, whose door is %s", pkg, dep, strings.Join(allowed, " and "))
				}
			}
			if mine == 0 && strings.Contains(strings.SplitN(dep, "/", 2)[0], ".") {
				t.Errorf("%s imports %s; layer 0 needs the standard library only", pkg, dep)
			}
		}
	}
}

// narrowerDoor reports whether dep belongs to a longer entry of doors that lets
// pkg in: raft-boltdb starts with the name of raft.
func narrowerDoor(module, dep, pkg string) bool {
	for other, allowed := range doors {
		if len(other) > len(module) && strings.HasPrefix(dep, other) && slices.Contains(allowed, pkg) {
			return true
		}
	}
	return false
}

// importsOfAll returns the direct imports of each package, tests aside.
func importsOfAll(t *testing.T) map[string][]string {
	t.Helper()
	out, err := exec.Command("go", "list", "-f", `{{if .GoFiles}}{{.ImportPath}} {{join .Imports " "}}{{end}}`, "dashd/...").CombinedOutput()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, out)
	}
	all := map[string][]string{}
	for line := range strings.Lines(string(out)) {
		if f := strings.Fields(line); len(f) > 0 {
			all[f[0]] = f[1:]
		}
	}
	return all
}

// Where an address is, is known without a network: nothing of package geo, nor of what it is
// made of, could use one.
func TestPlacesNeedNoNetwork(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", "dashd/geo").Output()
	if err != nil {
		t.Fatal(err)
	}
	deps := strings.Fields(string(out))
	if !slices.Contains(deps, "net/netip") {
		t.Fatalf("go list says %s", out)
	}
	for _, dep := range deps {
		if dep == "net" || strings.HasPrefix(dep, "net/http") || dep == "dashd/internal/outbound" {
			t.Errorf("dashd/geo depends on %s", dep)
		}
	}
}
