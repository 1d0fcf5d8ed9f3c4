package node_test

import (
	"testing"
	"time"

	"dashd/internal/node"
)

// The node that differs stops, and no other.
func TestADivergedLogStopsItsNode(t *testing.T) {
	type chains = map[string]string
	for _, tt := range []struct {
		name    string
		others  chains // this node has "mine"
		members int
		leader  string
		want    string
	}{
		{"all agree", chains{"b": "mine", "c": "mine"}, 3, "b", ""},
		{"another one differs", chains{"b": "mine", "c": "x"}, 3, "b", ""},
		{"the leader differs from two", chains{"b": "x", "c": "mine"}, 3, "b", ""},
		{"this one differs from two", chains{"b": "x", "c": "x"}, 3, "b", "that of the majority"},
		{"this one differs from two, and leads", chains{"b": "x", "c": "x"}, 3, "a", "that of the majority"},
		{"of two nodes, this one follows", chains{"b": "x"}, 2, "b", "the leader's"},
		{"of two nodes, this one leads", chains{"b": "x"}, 2, "a", ""},
		{"of three, one does not answer and the leader differs", chains{"b": "x"}, 3, "b", "the leader's"},
		{"of three, one does not answer and a follower differs", chains{"c": "x"}, 3, "b", ""},
		{"of three, all differ", chains{"b": "x", "c": "y"}, 3, "b", "the leader's"},
		{"nobody has answered", chains{}, 3, "b", ""},
		{"of five, three agree against this one", chains{"b": "x", "c": "x", "d": "x", "e": "mine"}, 5, "e", "that of the majority"},
		{"of five, two agree with this one", chains{"b": "mine", "c": "mine", "d": "x", "e": "x"}, 5, "e", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := node.Verdict("mine", tt.others, tt.members, tt.leader); got != tt.want {
				t.Errorf("it differs from %q, want %q", got, tt.want)
			}
		})
	}
}

// The age of a state is never said to be less than it is.
func TestAgeOfAState(t *testing.T) {
	var f node.Freshness
	start := time.Now()
	at := func(s int) time.Time { return start.Add(time.Duration(s) * time.Second) }
	if _, known := f.Since(10); known {
		t.Error("an age is known before a leader was heard")
	}
	f.Add(at(1), 10)
	f.Add(at(2), 10)
	f.Add(at(3), 20)
	f.Add(at(2), 30) // an answer that another one has overtaken
	f.Add(at(4), 15) // a leader that was replaced
	for seq, want := range map[uint64]int{10: 2, 19: 2, 20: 3, 100: 3} {
		got, known := f.Since(seq)
		if !known || got != at(want) {
			t.Errorf("up to seq %d nothing was missing at %v (%v), want %v", seq, got.Sub(start), known, at(want).Sub(start))
		}
	}
	if _, known := f.Since(9); known {
		t.Error("an age is known of what had been passed when the leader was first heard")
	}
	for i := range 2 * node.MaxMarks {
		f.Add(at(10+i), uint64(100+i))
	}
	if got, known := f.Since(100 + node.MaxMarks); !known || got != at(10+node.MaxMarks) {
		t.Errorf("the oldest moment that is remembered: %v %v", got.Sub(start), known)
	}
	if _, known := f.Since(20); known {
		t.Error("a moment is remembered that should be forgotten")
	}
}

// A clock is judged by those of the others, of which one may be wrong.
func TestF27_SkewOfAClock(t *testing.T) {
	const s = time.Second
	for _, tt := range []struct {
		name    string
		offsets []time.Duration // of the others' clocks before this one
		want    time.Duration   // of this one before the cluster's
	}{
		{"alone", nil, 0},
		{"of two clocks nobody knows which is wrong", []time.Duration{60 * s}, 0},
		{"all are right", []time.Duration{0, 0}, 0},
		{"this one is behind", []time.Duration{60 * s, 61 * s}, -60 * s},
		{"this one is before", []time.Duration{-60 * s, -61 * s}, 60 * s},
		{"another one is before", []time.Duration{3600 * s, 0}, 0},
		{"another one is behind", []time.Duration{-3600 * s, 0}, 0},
		{"one is before and one behind", []time.Duration{-3600 * s, 3600 * s}, 0},
		{"of five, this one is behind", []time.Duration{10 * s, 11 * s, 12 * s, 9 * s}, -10 * s},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := node.SkewOf(tt.offsets...); got != tt.want {
				t.Errorf("this clock is %v before the others, want %v", got, tt.want)
			}
		})
	}
}

// What an answer spends on its way is not taken for an error of the clock that it tells.
func TestF27_AnAnswerThatComesLateIsNoWrongClock(t *testing.T) {
	const s = time.Second
	for _, tt := range []struct {
		name               string
		ahead, delay, want time.Duration
	}{
		{"read at once", 0, s, 0},
		{"read at the end", s, s, 0},
		{"behind, whenever it was read", -2 * s, s, -2 * s},
		{"ahead, even if it was read at the end", 3 * s, s, 2 * s},
		{"no delay", 3 * s, 0, 3 * s},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := node.OffsetOf(tt.ahead, tt.delay); got != tt.want {
				t.Errorf("it is off by %v, want %v", got, tt.want)
			}
		})
	}
}
