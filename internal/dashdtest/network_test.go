package dashdtest_test

import (
	"os/exec"
	"strings"
	"testing"

	"dashd/internal/dashdtest"
)

// The harness itself must do what it says, or the tests that use it prove nothing.
func TestHostsHearEachOtherUntilTheyAreCut(t *testing.T) {
	n := dashdtest.NeedNetwork(t)
	a, b := host(t, n), host(t, n)
	for _, tt := range []struct {
		name    string
		way     dashdtest.Way
		from    *dashdtest.Host // nil: the test
		reached bool
	}{
		{"nothing is cut", 0, b, true},
		{"what comes in is dropped", dashdtest.In, b, false},
		{"what goes out is dropped", dashdtest.Out, b, false},
		{"both are dropped", dashdtest.In | dashdtest.Out, b, false},
		{"the test still reaches the host", dashdtest.In | dashdtest.Out, nil, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if err := a.Cut(tt.way, b); err != nil {
				t.Fatal(err)
			}
			wantReached(t, a, tt.from, tt.reached)
		})
	}
	if err := a.Heal(); err != nil {
		t.Fatal(err)
	}
	wantReached(t, a, b, true)
}

// wantReached connects to a port that nobody listens on: to be told so is to have reached the host.
func wantReached(t *testing.T, to, from *dashdtest.Host, want bool) {
	t.Helper()
	argv := from.Command("timeout", "1", "bash", "-c", "exec 3<>/dev/tcp/"+to.IP+"/9")
	out, err := exec.Command(argv[0], argv[1:]...).CombinedOutput()
	if got := strings.Contains(string(out), "refused"); got != want {
		t.Errorf("reached: %v, want %v: %v %s", got, want, err, out)
	}
}

func host(t *testing.T, n *dashdtest.Network) *dashdtest.Host {
	t.Helper()
	h, err := n.AddHost()
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// Addresses that another test uses are not used a second time: each would speak with the other's nodes.
func TestANetworkHasItsAddressesAlone(t *testing.T) {
	n := dashdtest.NeedNetwork(t)
	if again, err := n.Again(); err == nil {
		t.Errorf("two networks have the address %s", again.IP)
		if err := again.Close(); err != nil {
			t.Error(err)
		}
	}
}
