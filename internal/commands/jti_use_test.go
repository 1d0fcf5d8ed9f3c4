package commands_test

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"dashd/internal/commands"
	"dashd/internal/errs"
	"dashd/projections"
)

var (
	shop = projections.Principal{KeyID: "k1", Project: "shop", Scopes: []string{"*"}}
	blog = projections.Principal{KeyID: "k2", Project: "blog", Scopes: []string{"*"}}
)

const tokens = 1000

// askTwice asks for a thousand tokens, for each twice at the same time, by two keys
// of one project: each is good once.
func askTwice(t *testing.T, c *commands.Commands) {
	t.Helper()
	second := shop
	second.KeyID = "k9"
	var valid [tokens]atomic.Int32
	var asks sync.WaitGroup
	gate := make(chan struct{})
	for i := range tokens {
		for _, by := range []projections.Principal{shop, second} {
			asks.Go(func() {
				<-gate
				ok, err := c.UseJTI(t.Context(), by, fmt.Sprintf("token-%d", i), noon/1000+60)
				if err != nil {
					t.Error(err)
				}
				if ok {
					valid[i].Add(1)
				}
			})
		}
	}
	close(gate)
	asks.Wait()
	for i := range valid {
		if got := valid[i].Load(); got != 1 {
			t.Errorf("token %d was good %d times", i, got)
		}
	}
}

// askAgain asks once more: no token is good.
func askAgain(t *testing.T, c *commands.Commands) {
	t.Helper()
	for i := range tokens {
		if ok, err := c.UseJTI(t.Context(), shop, fmt.Sprintf("token-%d", i), 0); ok || err != nil {
			t.Fatalf("token %d again: %v, %v", i, ok, err)
		}
	}
}

func TestEachTokenIsGoodOnce(t *testing.T) {
	n := open(t, t.TempDir())
	askTwice(t, n.Commands)
	if got := n.log.Head(); got != tokens {
		t.Errorf("%d events for %d tokens", got, tokens)
	}
	askAgain(t, n.reopen().Commands)
}

// The same, and a first start, with raft and its disk.
func TestRealNode(t *testing.T) {
	dir := t.TempDir()
	real, stop := openReal(t, dir)
	key, err := real.Bootstrap(t.Context(), commands.Bootstrap{})
	if err != nil || key == "" {
		t.Fatalf("Bootstrap = %q, %v", key, err)
	}
	askTwice(t, real)
	stop()

	real, stop = openReal(t, dir)
	defer stop()
	if again, err := real.Bootstrap(t.Context(), commands.Bootstrap{}); again != "" || err != nil {
		t.Errorf("Bootstrap after a restart = %q, %v", again, err)
	}
	askAgain(t, real)
}

func TestWhichTokensAreGood(t *testing.T) {
	n := open(t, t.TempDir())
	if ok, err := n.UseJTI(t.Context(), shop, "used", 0); !ok || err != nil {
		t.Fatal(ok, err)
	}
	const second = noon / 1000
	tests := []struct {
		name      string
		by        projections.Principal
		jti       string
		expiresAt int64
		want      bool
	}{
		{"a new one", shop, "a", second + 1, true},
		{"one that does not say when it expires", shop, "b", 0, true},
		{"one that expires now", shop, "c", second, false},
		{"the same, had it not expired", shop, "c", second + 1, true},
		{"one that expired before 1970", shop, "d", -1, false},
		{"one that lives as long as time", shop, "e", 1<<63 - 1, true},
		{"one without jti", shop, "", second + 1, false},
		{"one that was used", shop, "used", second + 1, false},
		{"one that was used in another project", blog, "used", second + 1, true},
		{"one that was used in another case", shop, "USED", second + 1, true},
		{"a project's name moved into the jti", projections.Principal{Project: "sho"}, "pused", 0, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := n.UseJTI(t.Context(), tt.by, tt.jti, tt.expiresAt)
			if got != tt.want || err != nil {
				t.Errorf("UseJTI = %v, %v; want %v", got, err, tt.want)
			}
		})
	}
}

// A lost leader answers nobody true; after it, the token is good at most once.
func TestTokenWhoseLeaderWasLost(t *testing.T) {
	for _, written := range []bool{false, true} {
		t.Run(fmt.Sprintf("written: %v", written), func(t *testing.T) {
			n := open(t, t.TempDir())
			n.proposer.loseNext(written)
			if ok, err := n.UseJTI(t.Context(), shop, "a", 0); ok || errs.KindOf(err) != errs.Unavailable {
				t.Fatalf("UseJTI = %v, %v; want an unknown outcome", ok, err)
			}
			good := 0
			for range 3 {
				ok, err := n.UseJTI(t.Context(), shop, "a", 0)
				if err != nil {
					t.Fatal(err)
				}
				if ok {
					good++
				}
			}
			if want := map[bool]int{false: 1, true: 0}[written]; good != want {
				t.Errorf("good %d times after, want %d", good, want)
			}
		})
	}
}
