package simulation_test

import (
	"context"
	"testing"
	"time"

	"dashd/internal/errs"
	"dashd/projections"
)

// A node that the log says was removed stays until raft does without it: its vote may be the one by which
// the others can go on.
func TestP11_ARemovedNodeVotesUntilRaftHasRemovedIt(t *testing.T) {
	for _, after := range []time.Duration{0, 50 * time.Millisecond, 500 * time.Millisecond, 3 * time.Second} {
		t.Run(after.String(), func(t *testing.T) {
			simulate(t, 1, func(s *simulation) {
				s.form(2)
				lead := s.leader()
				m := (&schedule{simulation: s}).others(lead.m)[0]
				m.mayEnd = errs.ExitIdentity
				_, err := lead.commands.RemoveNode(context.Background(), projections.Operator("simulation"), m.running.Load().node.Identity().NodeID, nil)
				if err != nil {
					t.Fatal(err)
				}
				time.Sleep(after)
				s.powerOff(lead.m)
				time.Sleep(5 * time.Second)
				if err := lead.m.boot(); err != nil {
					t.Fatal(err)
				}
				if err := s.awaitVoters(1); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// A node that was away for a minute has what it lacks soon after it is back: another one may go next.
func TestF21_ANodeThatComesBackIsNotKeptWaiting(t *testing.T) {
	simulate(t, 1, func(s *simulation) {
		g := s.lag(&ledger{}, 20, 300)
		time.Sleep(time.Minute)
		g.write(20, 300)
		head := s.leader().node.Store.Head()
		g.mend()
		ctx, cancel := context.WithTimeout(context.Background(), 8*time.Second) // a message that was on its way ends first
		defer cancel()
		if err := g.m.running.Load().node.Store.Wait(ctx, head); err != nil {
			t.Errorf("it has seq %d of %d: %v", g.m.running.Load().node.Store.Head(), head, err)
		}
		g.write(3, 100)
		if s.awaitLevel() {
			s.wantEqual(g.l)
		}
	})
}

// A node is not removed while one that remains does not know yet who has been given a vote: those two alone
// could never elect one of them. The one that does not know must wait for nothing but its network.
func TestP11_NobodyIsRemovedBeforeWhoRemainsKnowsTheVoters(t *testing.T) {
	simulate(t, 1, func(s *simulation) {
		l := &ledger{}
		s.form(3)
		l.begin(s)
		ctx, must := context.Background(), func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		first := s.leader()
		old := (&schedule{simulation: s}).others(first.m)
		late := s.newMachine("n4")
		must(s.letIn(ctx, late, first))
		must(late.boot())
		time.Sleep(3 * time.Second) // all know it as one without a vote
		deaf := old[0]
		mend := s.net.cut(all([]*machine{deaf}, (&schedule{simulation: s}).others(deaf))...)
		must(s.awaitVoters(4))
		for _, m := range []*machine{old[1], first.m} {
			m.mayEnd = errs.ExitIdentity
			_, err := s.leader().commands.RemoveNode(ctx, projections.Operator("simulation"), m.running.Load().node.Identity().NodeID, nil)
			must(err)
			time.Sleep(30 * time.Second)
		}
		mend()
		must(s.awaitVoters(2))
		old[1].shutDown()
		first.m.shutDown()
		s.machines = []*machine{deaf, late}
		if took := s.wantWrites(l); took > 10*time.Second {
			t.Errorf("the nodes that remain take writes after %v", took)
		}
	})
}
