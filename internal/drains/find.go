package drains

import (
	"context"

	"dashd/eventlog"
	"dashd/eventlog/block"
	"dashd/eventlog/index"
	"dashd/projections"
)

// maxBatch is how many events a request brings at most.
const maxBatch = 100

// batch is what is to be delivered next: the seqs of the events, ascending.
type batch struct{ seqs []uint64 }

func (b *batch) full() bool { return len(b.seqs) >= maxBatch }

// A drain that is farther behind than farBehind asks the index, if its organization has at most
// smallOrganization members: the query names each of them. Otherwise it looks at every block.
const (
	farBehind         = 1 << 16
	smallOrganization = 64
)

// find adds the drain's events from one seq to another to b, and returns up to where it has
// looked: before the end only if b is full.
func (w *worker) find(ctx context.Context, b *batch, from, to uint64) (upto uint64, err error) {
	t := w.d.o.Dash.Image().Tables(w.id.project)
	for from <= to && !b.full() {
		if to-from > w.d.farBehind && t.MemberCount(w.row.OrganizationID) <= smallOrganization {
			from, err = w.query(ctx, t, b, from, to)
		} else {
			from, err = w.scan(ctx, t, b, from, to)
		}
		if err != nil {
			return 0, err
		}
	}
	return from - 1, nil
}

// query finds events by the index, and returns the seq that follows those it has looked at.
func (w *worker) query(ctx context.Context, t *projections.Tables, b *batch, from, to uint64) (next uint64, err error) {
	terms := []index.Term{{Field: index.Organization, Value: w.row.OrganizationID}}
	for m := range t.Members(w.row.OrganizationID) {
		terms = append(terms, index.Term{Field: index.User, Value: m.UserID})
	}
	page, err := w.d.o.Index.Query(ctx, index.Query{
		Project: w.id.project, All: [][]index.Term{terms},
		BySeq: true, Ascending: true, After: &index.Place{Seq: from - 1}, Limit: maxBatch, SkipTotal: true,
	})
	if err != nil {
		return 0, err
	}
	for i := range page.Records {
		r := &page.Records[i]
		if r.Seq > to {
			return to + 1, nil
		}
		if w.wants(t, &r.Event) {
			b.seqs = append(b.seqs, r.Seq)
		}
		if b.full() {
			return r.Seq + 1, nil
		}
		next = r.Seq + 1
	}
	if page.More {
		return next, nil
	}
	return to + 1, nil
}

// wants is the rule of selection: an event of the drain's organization, or one that
// names no organization and is about a member, of a type that the drain asks for. An event of
// another organization is nobody else's business, even if it is about a common member.
func (w *worker) wants(t *projections.Tables, e *eventlog.Event) bool {
	if e.Project != w.id.project || !w.filter.Selects(e.Type, e.Status) {
		return false
	}
	if e.OrganizationID != "" {
		return e.OrganizationID == w.row.OrganizationID
	}
	_, member := t.MemberOf(w.row.OrganizationID, e.UserID)
	return member && e.UserID != ""
}

// scan looks at the block that holds from, by its columns, and returns the seq that
// follows what it has looked at.
func (w *worker) scan(ctx context.Context, t *projections.Tables, b *batch, from, to uint64) (next uint64, err error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	err = w.d.o.Events.View(from, func(block *block.Block, first uint64) error {
		next = min(first+uint64(block.Len()), to+1)
		groups := block.Groups()
		for i := range groups {
			g := &groups[i]
			if last := first + uint64(g.First()+g.Len()) - 1; last < from {
				continue
			}
			if at, full := w.pick(t, b, g, first, from, to); full {
				next = at + 1
				return nil
			}
		}
		return nil
	})
	return next, err
}

// pick adds the events of one group. It returns the last that it has looked at if b is full.
func (w *worker) pick(t *projections.Tables, b *batch, g *block.Group, first, from, to uint64) (at uint64, full bool) {
	project, ok := refOf(g, w.id.project)
	if !ok {
		return 0, false
	}
	organization, _ := refOf(g, w.row.OrganizationID) // 0 if it is not there
	members := map[uint16]bool{}
	for row := range g.Len() {
		seq := first + uint64(g.First()+row)
		if seq < from || seq > to || g.Ref(block.ColProject, row) != project {
			continue
		}
		of := g.Ref(block.ColOrganization, row)
		if of != 0 && of != organization {
			continue
		}
		if !w.filter.Selects(eventlog.Type(g.Dict(g.Ref(block.ColType, row))), g.Status(row)) {
			continue
		}
		if of == 0 {
			user := g.Ref(block.ColUser, row)
			member, asked := members[user]
			if !asked && user != 0 {
				_, member = t.MemberOf(w.row.OrganizationID, string(g.Dict(user)))
				members[user] = member
			}
			if !member {
				continue
			}
		}
		if b.seqs = append(b.seqs, seq); b.full() {
			return seq, true
		}
	}
	return 0, false
}

// refOf finds a text in a group's dictionary.
func refOf(g *block.Group, text string) (ref uint16, ok bool) {
	for ref := range g.DictLen() {
		if string(g.Dict(uint16(ref))) == text {
			return uint16(ref), true
		}
	}
	return 0, false
}
