package simulation_test

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"dashd/eventlog"
	"dashd/eventlog/block"
)

const (
	resumeWithin = 5 * time.Second
	levelWithin  = time.Minute
)

// wantWrites checks that a write is taken by each machine soon after the faults have ended, and returns how long the
// first one took (I8).
func (s *simulation) wantWrites(l *ledger) time.Duration {
	began, first := time.Now(), time.Duration(0)
	for i, m := range s.machines {
		name := fmt.Sprintf("after-%d-%d", time.Since(s.began).Milliseconds(), i)
		e := makeEvent(name)
		l.sending(true, name)
		for {
			ctx, cancel := context.WithTimeout(context.Background(), time.Second)
			answer, err := m.request(ctx, "POST", "/ingest/events", "", e.json(true))
			cancel()
			if err == nil && answer.Code == http.StatusOK {
				l.took(name, 0, true, false)
				break
			}
			if took := time.Since(began); took > resumeWithin {
				s.problem("%s takes no write %v after the faults have ended: %v %+v", m.name, took, err, answer)
				s.note("what all are waiting for:\n%s", waiting())
				return took
			}
			time.Sleep(20 * time.Millisecond)
		}
		if i == 0 {
			first = time.Since(began)
		}
	}
	return first
}

// awaitLevel waits until all nodes have the same log, on disk and in their tables (I8).
func (s *simulation) awaitLevel() bool {
	began := time.Now()
	for {
		why := s.uneven()
		if why == "" {
			return true
		}
		if took := time.Since(began); took > levelWithin {
			s.problem("the nodes are not equal %v after the last write: %s", took, why)
			return false
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// uneven says what keeps the nodes from being equal, "" if nothing does.
func (s *simulation) uneven() string {
	var head uint64
	for i, m := range s.machines {
		l := m.running.Load()
		if l == nil {
			return m.name + " is off"
		}
		n := l.node
		if i == 0 {
			head = n.Store.Head()
		}
		if n.Store.Head() != head || n.Store.PersistedSeq() != head || n.Dash.Seq() != head || n.Access.Seq() != head || n.Index.Indexed() != head {
			return fmt.Sprintf("%s has seq %d, %d on disk, %d in its tables, %d in those of keys, %d in its index; %s has %d",
				m.name, n.Store.Head(), n.Store.PersistedSeq(), n.Dash.Seq(), n.Access.Seq(), n.Index.Indexed(), s.machines[0].name, head)
		}
	}
	return ""
}

// contents is what one node has.
type contents struct {
	blocks [sha256.Size]byte
	rows   [sha256.Size]byte
	chain  [32]byte
	access string
	seq    uint64
}

// wantEqual checks that all nodes have the same blocks, tables and members (I3, I4), and that what
// they have is what clients sent and were told (I1, I2).
func (s *simulation) wantEqual(l *ledger) {
	var want contents
	for i, m := range s.machines {
		check := func(uint64, block.Block) error { return nil }
		if i == 0 {
			check = l.block
		}
		got, err := contentsOf(m.running.Load(), check)
		switch {
		case err != nil:
			s.problem("the log of %s: %v", m.name, err)
		case i == 0:
			want = got
		case got != want:
			s.problem("%s differs from %s:\n got %+v\nwant %+v", m.name, s.machines[0].name, got, want)
		}
	}
	l.settle()
}

// contentsOf reads everything that a node has.
func contentsOf(l *life, check func(first uint64, b block.Block) error) (c contents, err error) {
	blocks, rows, next := sha256.New(), sha256.New(), uint64(1)
	err = l.node.Store.Blocks(context.Background(), 1, func(first uint64, raw []byte, b block.Block) error {
		if first != next {
			return fmt.Errorf("a block begins at seq %d, and %d is the next", first, next)
		}
		next = first + uint64(b.Len())
		blocks.Write(raw)
		return check(first, b)
	})
	if err != nil {
		return c, err
	}
	persisted := l.node.Store.Persisted()
	if c.seq, c.chain = next-1, persisted.Chain; persisted.Seq != c.seq {
		return c, fmt.Errorf("it ends at seq %d, and the position says %d", c.seq, persisted.Seq)
	}
	image := l.node.Dash.Image()
	if err := image.WriteRows(0, func(b []byte) error { _, err := rows.Write(b); return err }); err != nil {
		return c, err
	}
	access := l.node.Access.Image()
	text, err := json.Marshal([]any{access.Nodes(), access.Projects(), access.Keys("default"), access.SigningKeys()})
	if err != nil {
		return c, err
	}
	c.access = string(text)
	blocks.Sum(c.blocks[:0])
	rows.Sum(c.rows[:0])
	return c, nil
}

// block compares a block with what was sent.
func (l *ledger) block(first uint64, b block.Block) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return b.Each(first, func(r *eventlog.Record) error {
		name := nameOf(r.Metadata)
		if name == "" {
			if r.Project == eventlog.ReservedProject || r.Origin.Vocabulary == eventlog.VocabularyDashd {
				l.commands = append(l.commands, command{r.UserID, fmt.Sprintf("seq %d, time %d: %s %s", r.Seq, r.Time, r.Type, r.Metadata)})
				return nil // what commands did is read where it shows
			}
			return fmt.Errorf("nobody sent what is at seq %d: %s %s", r.Seq, r.Type, r.Metadata)
		}
		e, st := makeEvent(name), l.events[name]
		if other, ok := l.contents[name]; ok {
			e = other
		}
		if st == nil {
			return fmt.Errorf("nobody sent %s, which is at seq %d", name, r.Seq)
		}
		if d := e.differs(r, st.given); d != "" {
			l.counts.Wrong++
			l.s.problem("seq %d, event %s: %s", r.Seq, name, d)
		}
		st.stored++
		switch {
		case st.stored > 1:
			l.counts.Duplicated++
			l.s.problem("%s is at seq %d and again at seq %d", name, st.seq, r.Seq)
		case st.seq != 0 && st.seq != r.Seq:
			l.counts.Wrong++
			l.s.problem("%s was acknowledged at seq %d and is at %d", name, st.seq, r.Seq)
		}
		st.seq = r.Seq
		return nil
	})
}

// settle checks that nothing is missing from the log that was read.
func (l *ledger) settle() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for name, st := range l.events {
		switch {
		case st.acked && st.stored == 0:
			l.counts.Lost++
			l.s.problem("%s was acknowledged (at seq %d) and is not in the log", name, st.seq)
		case !st.acked:
			l.counts.Unknown++
			l.counts.Survived += st.stored
		}
	}
}
