package fsm

import "dashd/eventlog/store"

// Manifest is what a node sends as its snapshot.
type Manifest = manifest

// DecodeManifest reads one.
var DecodeManifest = decodeManifest

// EncodeManifest writes one.
func EncodeManifest(node string, p store.Position) []byte {
	b, err := manifestOf(p, node).encode()
	if err != nil {
		panic(err)
	}
	return b
}

// Position is what it says.
func (m manifest) Position() store.Position { return m.position() }
