package fsm

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/hashicorp/raft"

	"dashd/eventlog/store"
)

// manifest is what one node sends another as its snapshot: how far its log reaches,
// and who it is. The log itself is fetched.
type manifest struct {
	Format             int    `json:"format"`
	Node               string `json:"node"` // id of the sender
	Index              uint64 `json:"index"`
	Term               uint64 `json:"term"`
	Seq                uint64 `json:"seq"` // of the last event
	ReceivedAt         int64  `json:"receivedAt"`
	Ahead              uint64 `json:"ahead,omitempty"` // store.Position.Ahead
	Chain              hash   `json:"chain"`
	Configuration      []byte `json:"configuration"` // as raft encodes it
	ConfigurationIndex uint64 `json:"configurationIndex"`
}

// hash is 32 bytes, in hex.
type hash [32]byte

// MarshalText is for encoding/json, as UnmarshalText is.
func (h hash) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, h[:]), nil }

// UnmarshalText is the inverse of MarshalText.
func (h *hash) UnmarshalText(text []byte) error {
	b, err := hex.DecodeString(string(text))
	if err != nil || len(b) != len(h) {
		return errors.New("it is not a hash")
	}
	*h = hash(b)
	return nil
}

// manifestFormat is the only one there is: no node that wrote format 1 could send it.
const manifestFormat = 2

// maxManifest bounds what is read: raft's configuration of a hundred nodes has some 10 KiB.
const maxManifest = 256 << 10

var errManifestSize = fmt.Errorf("a manifest has more than %d bytes", maxManifest)

func manifestOf(p store.Position, node string) manifest {
	return manifest{
		Format: manifestFormat, Node: node, Index: p.Index, Term: p.Term, Seq: p.Seq, ReceivedAt: p.ReceivedAt,
		Ahead: p.Ahead, Chain: p.Chain,
		Configuration: p.Configuration, ConfigurationIndex: p.ConfigurationIndex,
	}
}

func (m manifest) encode() ([]byte, error) { return json.Marshal(m) }

// position is the inverse of manifestOf.
func (m manifest) position() store.Position {
	return store.Position{
		Index: m.Index, Term: m.Term, Seq: m.Seq, ReceivedAt: m.ReceivedAt,
		Ahead: m.Ahead, Chain: m.Chain,
		Configuration: m.Configuration, ConfigurationIndex: m.ConfigurationIndex,
	}
}

// decodeManifest is the inverse of encode.
func decodeManifest(b []byte) (m manifest, err error) {
	if len(b) > maxManifest {
		return m, errManifestSize
	}
	if err := json.Unmarshal(b, &m); err != nil {
		return m, fmt.Errorf("read the manifest of a snapshot: %w", err)
	}
	switch {
	case m.Format != manifestFormat:
		return m, fmt.Errorf("a manifest has format %d, which this release does not know", m.Format)
	case m.Index == 0 || m.Node == "" || m.Ahead > m.Seq || m.ConfigurationIndex > m.Index:
		return m, errors.New("a manifest contradicts itself")
	}
	return m, decodable(m.Configuration)
}

// decodable reports whether raft can read a configuration: it panics if not.
func decodable(conf []byte) (err error) {
	if len(conf) == 0 {
		return nil
	}
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("the configuration of a manifest: %v", r)
		}
	}()
	raft.DecodeConfiguration(conf)
	return nil
}
