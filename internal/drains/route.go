package drains

import (
	"bytes"
	"context"
	"errors"

	"dashd/eventlog"
	"dashd/eventlog/block"
	"dashd/projections"
)

// routes are the running drains by project and organization.
type routes map[string]map[string][]*worker

// reroute makes the routes anew. Called with mu held.
func (d *Deliverer) reroute() {
	d.routes = routes{}
	for id, w := range d.drains {
		if !w.running {
			continue
		}
		if d.routes[id.project] == nil {
			d.routes[id.project] = map[string][]*worker{}
		}
		of := d.routes[id.project]
		of[w.row.OrganizationID] = append(of[w.row.OrganizationID], w)
	}
}

var errPast = errors.New("past the head")

// route tells drains of the events from one seq up to another. changed says that there are
// others now.
//
// A drain that has something to do already will look at the events itself. If it has come to an
// end of that meanwhile, it is told to.
func (d *Deliverer) route(ctx context.Context, from, to uint64, image *projections.DashImage) (changed bool, err error) {
	s := router{image: image, from: from, routes: routes{}, first: map[*worker]uint64{}}
	d.mu.Lock()
	for project, of := range d.routes {
		for organization, workers := range of {
			for _, w := range workers {
				if w.due != 0 {
					continue
				}
				if s.routes[project] == nil {
					s.routes[project] = map[string][]*worker{}
				}
				s.routes[project][organization] = append(s.routes[project][organization], w)
				s.first[w] = 0
			}
		}
	}
	d.mu.Unlock()

	err = d.o.Events.Blocks(ctx, from, func(first uint64, _ []byte, b block.Block) error {
		if first > to {
			return errPast // the image may lack what it did
		}
		groups := b.Groups()
		for i := range groups {
			s.group(&groups[i], first)
		}
		return nil
	})
	if err != nil && !errors.Is(err, errPast) {
		return false, err
	}

	d.mu.Lock()
	defer d.mu.Unlock()
	d.routed = to
	for _, w := range d.drains {
		if !w.running || w.due != 0 {
			continue
		}
		first, asked := s.first[w]
		if !asked {
			first = from
		}
		if w.due = first; first != 0 {
			token(w.wake)
		}
	}
	return s.changed, nil
}

// router looks at blocks for drains that are idle.
type router struct {
	image   *projections.DashImage
	from    uint64
	routes  routes
	first   map[*worker]uint64 // the first event for each; 0: none so far
	changed bool               // a drain has been made, changed or deleted
	cells   []cell             // by reference to a group's dictionary
}

// cell holds the drains of a user or organization of a group.
type cell struct {
	project uint16 // 0: not looked up yet
	drains  []*worker
}

var drainTypes = []byte("dashd.drain.")

// group looks at one group, by its columns.
func (s *router) group(g *block.Group, first uint64) {
	s.cells = append(s.cells[:0], make([]cell, 2*g.DictLen())...)
	var project, last uint16 // of the row, and of the one before
	var here map[string][]*worker
	news := mentionsDrains(g)
	for row := range g.Len() {
		seq := first + uint64(g.First()+row)
		if seq < s.from {
			continue
		}
		t := g.Dict(g.Ref(block.ColType, row))
		if news && changesDrains(t) {
			s.changed = true
		}
		if project = g.Ref(block.ColProject, row); project != last {
			last, here = project, s.routes[string(g.Dict(project))]
		}
		if here == nil {
			continue
		}
		for _, w := range s.drainsOf(g, row, here) {
			if s.first[w] == 0 && w.filter.Selects(eventlog.Type(t), g.Status(row)) {
				s.first[w] = seq
			}
		}
	}
}

// mentionsDrains reports whether an event of the group may change which drains there are.
func mentionsDrains(g *block.Group) bool {
	for ref := range g.DictLen() {
		if changesDrains(g.Dict(uint16(ref))) {
			return true
		}
	}
	return false
}

func changesDrains(t []byte) bool {
	return bytes.HasPrefix(t, drainTypes) && string(t) != string(eventlog.DashdDrainAdvanced) || string(t) == string(eventlog.OrganizationDeleted)
}

// drainsOf returns the drains of the organization that a row names. If it names none, they are
// those of the organizations that the user is a member of.
func (s *router) drainsOf(g *block.Group, row int, here map[string][]*worker) []*worker {
	project := g.Ref(block.ColProject, row)
	if ref := g.Ref(block.ColOrganization, row); ref != 0 {
		c := &s.cells[ref]
		if c.project != project {
			c.project, c.drains = project, here[string(g.Dict(ref))]
		}
		return c.drains
	}
	ref := g.Ref(block.ColUser, row)
	if ref == 0 {
		return nil
	}
	c := &s.cells[g.DictLen()+int(ref)]
	if c.project != project {
		c.project, c.drains = project, nil
		t := s.image.Tables(string(g.Dict(project)))
		for _, m := range t.Memberships(string(g.Dict(ref))) {
			c.drains = append(c.drains, here[m.OrganizationID]...)
		}
	}
	return c.drains
}
