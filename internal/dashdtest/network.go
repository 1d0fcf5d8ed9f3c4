package dashdtest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"testing"
)

// Network is a switch in a network namespace of its own, with hosts in theirs. The
// test is connected to it under the address IP. It takes Linux and root.
//
//	test (IP) ── switch ─┬─ host 1
//	                     └─ host 2 …
type Network struct {
	IP    string
	Hosts []*Host

	name   string // of its namespaces, and behind it what they are
	prefix string // of its addresses, as in "198.18.7."
	link   string // the test's end of its cable
}

// Host is a place at a Network where programs run.
type Host struct {
	IP string

	space string // its network namespace
}

// namespaces of this package are called after the process whose tests use them.
const spacePrefix = "dashdtest-"

// NewNetwork returns a network without hosts, which exists until Close. What tests
// that were killed have left behind is cleared away first.
func NewNetwork() (*Network, error) {
	if runtime.GOOS != "linux" || os.Geteuid() != 0 {
		return nil, errors.New("a network namespace takes Linux and root")
	}
	if err := sweep(); err != nil {
		return nil, err
	}
	var err error
	for range 20 { // tests of other processes have networks too
		var n *Network
		if n, err = newNetwork(rand.Uint32()); err == nil {
			return n, nil
		}
	}
	return nil, err
}

// newNetwork makes a network whose names and addresses follow from mark. It fails if the addresses are taken.
func newNetwork(mark uint32) (*Network, error) {
	// 198.18.0.0/15 is for tests of networks: nobody's real addresses are there.
	n := &Network{
		name:   fmt.Sprintf("%s%d-%08x-", spacePrefix, os.Getpid(), mark),
		prefix: fmt.Sprintf("198.%d.%d.", 18+mark&1, 1+mark>>8%254),
		link:   fmt.Sprintf("dt%08x", mark),
	}
	n.IP = n.prefix + "1"
	hub := n.name + "switch"
	err := runAll([][]string{
		{"ip", "netns", "add", hub},
		{"ip", "-n", hub, "link", "add", "switch", "type", "bridge"},
		{"ip", "-n", hub, "link", "set", "switch", "up"},
		{"ip", "link", "add", n.link, "type", "veth", "peer", "name", "test", "netns", hub},
		{"ip", "-n", hub, "link", "set", "test", "master", "switch", "up"},
		{"ip", "address", "add", n.IP + "/24", "dev", n.link, "noprefixroute"},
		{"ip", "link", "set", n.link, "up"},
		// An address can be had twice, a route cannot: this is what makes the network its own.
		{"ip", "route", "add", n.prefix + "0/24", "dev", n.link, "src", n.IP},
	})
	if err != nil {
		return nil, errors.Join(err, n.Close())
	}
	return n, nil
}

// NeedNetwork returns a network that exists until the test's end. Where there can
// be none the test is left out, loudly; a machine of CI must be able to have one.
func NeedNetwork(t testing.TB) *Network {
	t.Helper()
	n, err := NewNetwork()
	switch {
	case err == nil:
		t.Cleanup(func() {
			if err := n.Close(); err != nil {
				t.Error(err)
			}
		})
	case os.Getenv("CI") == "true" && runtime.GOOS == "linux" && os.Geteuid() == 0:
		t.Fatalf("no network of its own: %v", err)
	default:
		t.Skipf("NOT RUN: %v", err)
	}
	return n
}

// AddHost connects a host.
func (n *Network) AddHost() (*Host, error) {
	number := strconv.Itoa(len(n.Hosts) + 1)
	h := &Host{IP: n.prefix + "1" + number, space: n.name + number}
	n.Hosts = append(n.Hosts, h) // also if half of it fails: Close takes it away
	hub, port := n.name+"switch", "port"+number
	err := runAll([][]string{
		{"ip", "netns", "add", h.space},
		{"ip", "-n", hub, "link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", h.space},
		{"ip", "-n", hub, "link", "set", port, "master", "switch", "up"},
		{"ip", "-n", h.space, "address", "add", h.IP + "/24", "dev", "eth0"},
		{"ip", "-n", h.space, "link", "set", "eth0", "up"},
		{"ip", "-n", h.space, "link", "set", "lo", "up"},
	})
	if err != nil {
		return nil, err
	}
	return h, h.Heal()
}

// Close takes the network away, and its hosts. Their programs have ended.
func (n *Network) Close() error {
	var failed []error
	for _, h := range n.Hosts {
		failed = append(failed, run("", "ip", "netns", "delete", h.space))
	}
	return errors.Join(append(failed, run("", "ip", "netns", "delete", n.name+"switch"))...)
}

// Command is argv as a program of the host, or of the test if h is nil.
func (h *Host) Command(argv ...string) []string {
	if h == nil {
		return argv
	}
	return append([]string{"nsenter", "--net=/run/netns/" + h.space}, argv...)
}

// Way is which packets are dropped, seen from the host that drops them.
type Way int

// In and Out may be combined.
const (
	In Way = 1 << iota
	Out
)

// Cut makes h drop what comes from others, or goes to them, from now on and until
// Heal, instead of what it dropped before. Connections stay open and hear nothing.
func (h *Host) Cut(way Way, others ...*Host) error {
	var list []string
	for _, o := range others {
		list = append(list, o.IP)
	}
	var in, out string
	if way&In != 0 {
		in = fmt.Sprintf("ip saddr { %s } drop", strings.Join(list, ", "))
	}
	if way&Out != 0 {
		out = fmt.Sprintf("ip daddr { %s } drop", strings.Join(list, ", "))
	}
	return h.filter(in, out)
}

// Heal makes h drop nothing.
func (h *Host) Heal() error { return h.filter("", "") }

// filter replaces the host's rules, all at once.
func (h *Host) filter(in, out string) error {
	rules := fmt.Sprintf(`table inet faults
delete table inet faults
table inet faults {
	chain in {
		type filter hook input priority 0; policy accept;
		%s
	}
	chain out {
		type filter hook output priority 0; policy accept;
		%s
	}
}
`, in, out)
	return run(rules, h.Command("nft", "-f", "-")...)
}

// sweep takes away the namespaces of processes that are gone, and what runs there.
func sweep() error {
	list, err := exec.Command("ip", "netns", "list").Output()
	if err != nil {
		return fmt.Errorf("ip netns list: %w", err)
	}
	for line := range strings.Lines(string(list)) {
		name := strings.Fields(line)[0] // "name" or "name (id: 3)"
		rest, ours := strings.CutPrefix(name, spacePrefix)
		owner, _, _ := strings.Cut(rest, "-")
		if !ours || alive(owner) {
			continue
		}
		pids, err := exec.Command("ip", "netns", "pids", name).Output()
		if err != nil {
			return fmt.Errorf("ip netns pids %s: %w", name, err)
		}
		for _, pid := range strings.Fields(string(pids)) {
			if err := run("", "kill", "-9", pid); err != nil && alive(pid) {
				return err
			}
		}
		if err := run("", "ip", "netns", "delete", name); err != nil {
			return err
		}
	}
	return nil
}

func alive(pid string) bool {
	_, err := os.Stat("/proc/" + pid)
	return err == nil
}

func runAll(commands [][]string) error {
	for _, argv := range commands {
		if err := run("", argv...); err != nil {
			return err
		}
	}
	return nil
}

func run(stdin string, argv ...string) error {
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Stdin = strings.NewReader(stdin)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", strings.Join(argv, " "), err, strings.TrimSpace(string(out)))
	}
	return nil
}
