package projections

import (
	"cmp"
	"reflect"
	"slices"
	"strings"

	"dashd/internal/footprint"
)

// TableBytes is how much of the heap a part of the tables holds.
type TableBytes struct {
	Name  string `json:"name"`
	Bytes int64  `json:"bytes"`
	// Figures says that only figures over time need it.
	Figures bool `json:"figures"`
}

// figureTables are the parts of the tables that are there for figures over time alone, by their
// name or that of what they are in.
var figureTables = []string{
	"people.joined", "people.joinedDays", "people.activeUntil", "people.begun", "people.uses", "people.world", "presence",
}

// Memory says how much of the heap the tables of all projects hold, the largest part first. It looks at
// every row, so it takes about a second for a few million.
func (m *DashImage) Memory() []TableBytes {
	w := newWeigher()
	for _, t := range m.Projects() {
		w.add(reflect.ValueOf(t).Elem(), "")
	}
	return w.result()
}

// Memory says the same of the last image and of what is being built, with what only the writer
// has.
func (d *Dash) Memory() []TableBytes {
	w := newWeigher()
	for _, t := range d.Image().Projects() {
		w.add(reflect.ValueOf(t).Elem(), "")
	}
	for _, p := range d.projects {
		w.add(reflect.ValueOf(&p.tables).Elem(), "")
	}
	return w.result()
}

// Memory is that of the projection, once Run has returned.
func (f *DashFollower) Memory() []TableBytes { return f.fold.dash.Memory() }

// weigher adds up what parts of tables hold. What several hold is counted for the first.
type weigher struct {
	counter footprint.Counter
	bytes   map[string]int64
}

func newWeigher() *weigher { return &weigher{bytes: map[string]int64{}} }

// add adds the fields of a struct, and those of the structs that are embedded in it, under their names.
func (w *weigher) add(v reflect.Value, prefix string) {
	for i := range v.NumField() {
		field := v.Type().Field(i)
		if field.Anonymous {
			w.add(v.Field(i), prefix+field.Name+".")
			continue
		}
		w.bytes[prefix+field.Name] += w.counter.Add(v.Field(i))
	}
}

func (w *weigher) result() (all []TableBytes) {
	for name, n := range w.bytes {
		if n > 0 {
			all = append(all, TableBytes{name, n, slices.ContainsFunc(figureTables, func(f string) bool {
				return name == f || strings.HasPrefix(name, f+".")
			})})
		}
	}
	slices.SortFunc(all, func(a, b TableBytes) int { return cmp.Or(cmp.Compare(b.Bytes, a.Bytes), cmp.Compare(a.Name, b.Name)) })
	return all
}
