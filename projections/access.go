package projections

import (
	"cmp"
	"maps"
	"slices"
	"sync/atomic"
	"time"

	"dashd/eventlog"
)

// Access is the projection of who may do what: projects, their API keys, the
// keys dashd signs with, and the nodes of the cluster.
//
// Readers take [Access.Image] from any goroutine. Apply and Publish belong to one
// goroutine, that of the follower.
type Access struct {
	published atomic.Pointer[AccessImage]

	// Only the follower's goroutine.
	next *AccessImage // what Apply builds; nil if nothing was folded since Publish
}

var _ Projection = (*Access)(nil)

// NewAccess returns an access projection into which nothing has been folded.
func NewAccess() *Access {
	a := &Access{}
	a.published.Store(&AccessImage{jwks: emptyJWKS})
	return a
}

// Name is "access".
func (a *Access) Name() string { return "access" }

// Version is that of the rows.
func (a *Access) Version() int { return 1 }

// Image is the last published image. It never changes and is never nil.
func (a *Access) Image() *AccessImage { return a.published.Load() }

// Apply folds rec into the image that is being built; readers still see the last
// published one.
func (a *Access) Apply(rec *eventlog.Record) {
	if rec.Project != eventlog.ReservedProject {
		return
	}
	fold, known := accessFolds[rec.Type]
	if !known {
		return
	}
	if a.next == nil {
		a.next = a.published.Load().clone()
	}
	if fold(a.next, rec) {
		a.next.seq = rec.Seq
	}
}

// Publish makes what was folded so far the image that readers see. From the first
// call on, the image counts as complete: an unknown key is then a wrong key.
func (a *Access) Publish() {
	next := a.next
	if next == nil {
		old := a.published.Load()
		if old.complete {
			return
		}
		next = old.clone()
	}
	a.next = nil
	next.complete = true
	next.jwks = encodeJWKS(next.signing)
	a.published.Store(next)
}

// AccessImage is the state of [Access] as of one event. It is immutable.
//
// Times of its rows are in UTC. The JSON form of a row is what an operator may see
// of it.
type AccessImage struct {
	seq      uint64
	complete bool
	projects map[string]Project // by id
	keys     map[string]*Key    // by id; the rows are never changed, only replaced
	byHash   map[KeyHash]*Key   // the same rows
	signing  []SigningKey       // oldest first
	jwks     []byte             // of signing
	cluster  clusterState
}

// Project is an isolation boundary: each event belongs to one.
type Project struct {
	ID        string    `json:"id"`   // what stands in the events; ValidProjectID
	Name      string    `json:"name"` // for people
	CreatedAt time.Time `json:"createdAt"`
	CreatedBy string    `json:"createdBy"`
	Seq       uint64    `json:"seq"` // of the event that created it
	// Request stands for the request that created the row, with all it asked for,
	// if it carried an Idempotency-Key; else it is empty.
	Request string `json:"-"`
}

// KeyHash is the SHA-256 of a whole API key. It stands in for the key everywhere.
type KeyHash [32]byte

// Key is an API key, without the key itself, which dashd does not have.
type Key struct {
	ID        string    `json:"id"`
	Project   string    `json:"project"`
	Name      string    `json:"name"`
	Scopes    []string  `json:"scopes"`
	Hash      KeyHash   `json:"-"`
	CreatedAt time.Time `json:"createdAt"`
	ExpiresAt time.Time `json:"expiresAt,omitzero"` // zero: never
	RevokedAt time.Time `json:"revokedAt,omitzero"` // zero: not revoked
	CreatedBy string    `json:"createdBy"`
	RevokedBy string    `json:"revokedBy,omitempty"`
	Seq       uint64    `json:"seq"` // of the event that created it
	Request   string    `json:"-"`   // as in Project
}

// Seq is that of the last event that changed the image. The follower may be
// further: later events changed nothing here.
func (m *AccessImage) Seq() uint64 { return m.seq }

// Project returns a project.
func (m *AccessImage) Project(id string) (Project, bool) {
	p, ok := m.projects[id]
	return p, ok
}

// Projects lists all projects, oldest first.
func (m *AccessImage) Projects() []Project {
	projects := slices.AppendSeq([]Project{}, maps.Values(m.projects))
	slices.SortFunc(projects, func(a, b Project) int { return cmp.Compare(a.Seq, b.Seq) })
	return projects
}

// Key returns an API key. Its Scopes must not be changed.
func (m *AccessImage) Key(id string) (Key, bool) {
	if k := m.keys[id]; k != nil {
		return *k, true
	}
	return Key{}, false
}

// Keys lists the API keys of a project, oldest first, with those that are revoked
// or have expired. Their Scopes must not be changed.
func (m *AccessImage) Keys(project string) []Key {
	keys := []Key{}
	for _, k := range m.keys {
		if k.Project == project {
			keys = append(keys, *k)
		}
	}
	slices.SortFunc(keys, func(a, b Key) int { return cmp.Compare(a.Seq, b.Seq) })
	return keys
}

// clone returns a copy to fold into. Commands are rare and the tables small, so a
// copy of all is cheaper than anything that would share parts.
func (m *AccessImage) clone() *AccessImage {
	c := *m
	c.projects = cloneMap(m.projects)
	c.keys = cloneMap(m.keys)
	c.byHash = cloneMap(m.byHash)
	c.signing = slices.Clone(m.signing)
	c.cluster = m.cluster.clone()
	return &c
}

// cloneMap is maps.Clone, but never nil.
func cloneMap[K comparable, V any](m map[K]V) map[K]V {
	if m == nil {
		return map[K]V{}
	}
	return maps.Clone(m)
}
