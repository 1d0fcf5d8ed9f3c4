package simulation_test

import (
	"fmt"
	"testing"
	"time"
)

// underFaults is how long nodes are exposed to faults in one simulation, in virtual time.
const underFaults = 2 * time.Minute

// Three nodes lose nothing, whatever fails.
func TestF31_ThreeNodesUnderRandomFaults(t *testing.T) {
	for _, seed := range seeds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			template.get(t)
			l := &ledger{}
			defer func() { report.add(t, seed, l) }()
			simulate(t, seed, func(s *simulation) { s.exposeTo(l) })
			if err := l.wantLinearizable(); err != nil { // F32; the simulation is over, and cannot be told any more
				l.counts.Wrong++
				t.Errorf("seed %d: %v\nwhat happened:\n%s", seed, err, l.s.log.told())
			}
		})
	}
}

// exposeTo lets a cluster work under faults, and checks what it has made of that.
func (s *simulation) exposeTo(l *ledger) {
	s.takeUp(&template)
	l.begin(s)
	c := s.use(l)
	defer c.end()
	sc := &schedule{simulation: s, happened: l.faults}
	sc.fail(underFaults)
	s.note("all faults have ended")
	l.resumed = s.wantWrites(l)
	if err := s.awaitVoters(3); err != nil {
		s.problem("%v", err)
	}
	c.end()
	if s.awaitLevel() {
		s.wantEqual(l)
	}
}
