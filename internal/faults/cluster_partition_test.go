package faults_test

import (
	"fmt"
	"testing"
	"time"

	"dashd/internal/dashdtest"
)

// partition is a way in which nodes stop hearing each other. Clients reach all of
// them all the time.
type partition struct {
	name string
	cut  func(c *cluster, leader *dashdtest.Node)
}

// cut makes n drop what others send, or what it sends them.
func (c *cluster) cut(n *dashdtest.Node, way dashdtest.Way) {
	c.t.Helper()
	if err := n.Host.Cut(way, hosts(c.others(n)...)...); err != nil {
		c.t.Fatal(err)
	}
}

// lasting cuts and heals after a while.
func lasting(cut func(c *cluster, leader *dashdtest.Node)) func(*cluster, *dashdtest.Node) {
	return func(c *cluster, leader *dashdtest.Node) {
		cut(c, leader)
		time.Sleep(between(c.rng, 500*time.Millisecond, 8*time.Second)) // how long they are apart
		c.lab.heal(c.t)
	}
}

var partitions = []partition{
	{"the leader alone", lasting(func(c *cluster, leader *dashdtest.Node) { c.cut(leader, dashdtest.In|dashdtest.Out) })},
	{"a follower alone", lasting(func(c *cluster, leader *dashdtest.Node) {
		c.cut(c.others(leader)[c.rng.IntN(2)], dashdtest.In|dashdtest.Out)
	})},
	{"the leader hears nobody", lasting(func(c *cluster, leader *dashdtest.Node) { c.cut(leader, dashdtest.In) })},
	{"nobody hears the leader", lasting(func(c *cluster, leader *dashdtest.Node) { c.cut(leader, dashdtest.Out) })},
	{"all apart", lasting(func(c *cluster, _ *dashdtest.Node) {
		for _, n := range c.nodes {
			c.cut(n, dashdtest.In|dashdtest.Out)
		}
	})},
	{"a link that flaps", func(c *cluster, _ *dashdtest.Node) {
		for range 3 + c.rng.IntN(8) {
			c.cut(c.any(), []dashdtest.Way{dashdtest.In, dashdtest.Out, dashdtest.In | dashdtest.Out}[c.rng.IntN(3)])
			time.Sleep(between(c.rng, 50*time.Millisecond, 1500*time.Millisecond)) // apart
			c.lab.heal(c.t)
			time.Sleep(between(c.rng, 0, 500*time.Millisecond)) // together
		}
	}},
}

// TestF8Partition cuts the links between nodes in six ways, with commands and strong
// reads on both sides.
func TestF8Partition(t *testing.T) {
	const name = "F8 partitions"
	slow(t, name)
	c := newCluster(t, begin(t, name))
	c.s.Outcome = "see below"
	for i, p := range partitions {
		t.Run(p.name, func(t *testing.T) {
			s := begin(t, "F8 partition: "+p.name)
			rounds := s.rounds(t, "DASHD_FAULTS_F8", 1, 0)
			defer c.use(t, s)()
			for round := range rounds {
				o := c.operate(fmt.Sprintf("o%d-%d", i, round), 4, 4)
				c.round(fmt.Sprintf("p%d-%d", i, round), func() {
					p.cut(c, c.leader())
					c.leader()
				})
				o.wantLinearizable()
			}
		})
		if t.Failed() {
			return
		}
	}
	c.finish()
}

// use makes a test use the cluster of another one, until done is called.
func (c *cluster) use(t *testing.T, s *scenario) (done func()) {
	before := *c
	c.t, c.s, c.h.s, c.rng = t, s, s, choices(s.Name)
	return func() { c.t, c.s, c.h.s, c.rng = before.t, before.s, before.s, before.rng }
}
