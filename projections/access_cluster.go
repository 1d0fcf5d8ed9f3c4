package projections

import (
	"cmp"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"dashd/eventlog"
	"dashd/internal/seal"
)

// clusterState is what [AccessImage] holds of the cluster itself.
type clusterState struct {
	id     string // "" before the cluster has a certificate authority
	cert   []byte // of the authority, DER
	box    []byte // its private key
	nodes  map[string]Node
	tokens map[string]JoinToken
}

// clone returns a copy to fold into.
func (c clusterState) clone() clusterState {
	c.nodes, c.tokens = cloneMap(c.nodes), cloneMap(c.tokens)
	return c
}

// Node is a member of the cluster, or was one. A node is of one life of one data directory: what
// comes back without its data comes back as another.
type Node struct {
	ID          string    `json:"id"`
	Incarnation string    `json:"incarnation"`
	Address     string    `json:"address"` // of its cluster port, as the others reach it
	JoinedAt    time.Time `json:"joinedAt"`
	RemovedAt   time.Time `json:"removedAt,omitzero"` // zero: it is a member
	RemovedBy   string    `json:"removedBy,omitempty"`
	Seq         uint64    `json:"seq"` // of the last event about it

	joined uint64 // seq of the event that let it in
}

// Removed reports whether the node is no member any more. It never is one again.
func (n Node) Removed() bool { return !n.RemovedAt.IsZero() }

// JoinToken lets one node join the cluster, once. What the node shows is a secret of
// which only the hash is known here.
type JoinToken struct {
	ID        string
	ExpiresAt time.Time
	CreatedBy string
	// UsedBy is the node that has joined with it; "": none has. UsedIncarnation is that node's.
	UsedBy, UsedIncarnation string

	hash [sha256.Size]byte
}

// Expired reports whether the token has expired by now (ms).
func (t JoinToken) Expired(now int64) bool { return now >= t.ExpiresAt.UnixMilli() }

// Opens reports whether secret is the token's. The time it takes tells nothing about how
// near a wrong one came, nor whether there is such a token.
func (t JoinToken) Opens(secret [sha256.Size]byte) bool {
	hash := sha256.Sum256(secret[:])
	return subtle.ConstantTimeCompare(hash[:], t.hash[:]) == 1
}

// JoinToken returns a join token; one that opens for nothing, if there is none with that id.
func (m *AccessImage) JoinToken(id string) (JoinToken, bool) {
	t, ok := m.cluster.tokens[id]
	return t, ok
}

// Node returns a node, which may have been removed.
func (m *AccessImage) Node(id string) (Node, bool) {
	n, ok := m.cluster.nodes[id]
	return n, ok
}

// Nodes lists all nodes, in the order they joined, with those that were removed.
func (m *AccessImage) Nodes() []Node {
	nodes := slices.AppendSeq([]Node{}, maps.Values(m.cluster.nodes))
	slices.SortFunc(nodes, func(a, b Node) int { return cmp.Compare(a.joined, b.joined) })
	return nodes
}

// Members lists the nodes that were not removed, in the order they joined.
func (m *AccessImage) Members() []Node {
	return slices.DeleteFunc(m.Nodes(), Node.Removed)
}

// ClusterID is the id of the cluster; "" before it has a certificate authority.
func (m *AccessImage) ClusterID() string { return m.cluster.id }

// CA is the certificate of the cluster's authority. The bytes must not be changed.
func (m *AccessImage) CA() (certDER []byte, ok bool) {
	return m.cluster.cert, m.cluster.id != ""
}

// ErrNoCA says that the cluster has no certificate authority (yet).
var ErrNoCA = errors.New("the cluster has no certificate authority")

// OpenCA opens the private key of the cluster's authority. It is for one signature, not
// for keeping.
func (m *AccessImage) OpenCA(s *seal.Sealer) (certDER, seed []byte, err error) {
	if m.cluster.id == "" {
		return nil, nil, ErrNoCA
	}
	seed, err = s.Open(caObject(m.cluster.id), m.cluster.box)
	if err != nil {
		return nil, nil, fmt.Errorf("certificate authority of cluster %s: %w", m.cluster.id, err)
	}
	return m.cluster.cert, seed, nil
}

// SealCA makes the box that an eventlog.DashdClusterCreated event holds.
func SealCA(s *seal.Sealer, cluster string, seed []byte) []byte {
	return s.Box(caObject(cluster), seed)
}

// caObject is what the box of a cluster's authority is bound to.
func caObject(cluster string) seal.Object {
	return seal.Object{Class: seal.CA, Project: eventlog.ReservedProject, ID: cluster}
}
