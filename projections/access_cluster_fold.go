package projections

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"

	"dashd/eventlog"
)

// foldCluster takes the first certificate authority, for ever.
func (m *AccessImage) foldCluster(rec *eventlog.Record) bool {
	var meta ClusterMeta
	if json.Unmarshal(rec.Metadata, &meta) != nil || meta.Cluster == "" || m.cluster.id != "" {
		return false
	}
	cert, err := base64.StdEncoding.DecodeString(meta.Certificate)
	if err != nil || len(cert) == 0 || len(rec.Sealed) == 0 {
		return false
	}
	m.cluster.id, m.cluster.cert, m.cluster.box = meta.Cluster, cert, bytes.Clone(rec.Sealed)
	return true
}

func (m *AccessImage) foldJoinToken(rec *eventlog.Record) bool {
	var meta JoinTokenMeta
	if json.Unmarshal(rec.Metadata, &meta) != nil || meta.Token == "" ||
		meta.ExpiresAt <= 0 || meta.ExpiresAt > maxTime {
		return false
	}
	t := JoinToken{ID: meta.Token, ExpiresAt: timeOf(meta.ExpiresAt), CreatedBy: rec.ActorID}
	hash, err := hex.DecodeString(meta.Hash)
	if err != nil || len(hash) != len(t.hash) {
		return false
	}
	t.hash = [len(t.hash)]byte(hash)
	if _, taken := m.cluster.tokens[t.ID]; taken {
		return false
	}
	m.cluster.tokens[t.ID] = t
	return true
}

// foldNodeJoined takes a node that is not known yet: the first of the cluster, or one
// with a token that no other has used.
func (m *AccessImage) foldNodeJoined(rec *eventlog.Record) bool {
	var meta NodeMeta
	if json.Unmarshal(rec.Metadata, &meta) != nil || meta.Node == "" || meta.Incarnation == "" || meta.Address == "" {
		return false
	}
	if _, known := m.cluster.nodes[meta.Node]; known {
		return false
	}
	if meta.Token == "" && len(m.cluster.nodes) > 0 {
		return false
	}
	if meta.Token != "" {
		t, ok := m.cluster.tokens[meta.Token]
		if !ok || t.UsedBy != "" {
			return false
		}
		t.UsedBy, t.UsedIncarnation = meta.Node, meta.Incarnation
		m.cluster.tokens[t.ID] = t
	}
	m.cluster.nodes[meta.Node] = Node{
		ID: meta.Node, Incarnation: meta.Incarnation, Address: meta.Address,
		JoinedAt: timeOf(rec.ReceivedAt), Seq: rec.Seq, joined: rec.Seq,
	}
	return true
}

func (m *AccessImage) foldNodeMoved(rec *eventlog.Record) bool {
	var meta NodeMeta
	if json.Unmarshal(rec.Metadata, &meta) != nil || meta.Address == "" {
		return false
	}
	n, known := m.cluster.nodes[meta.Node]
	if !known || n.Removed() || n.Address == meta.Address {
		return false
	}
	n.Address, n.Seq = meta.Address, rec.Seq
	m.cluster.nodes[n.ID] = n
	return true
}

func (m *AccessImage) foldNodeRemoved(rec *eventlog.Record) bool {
	var meta NodeMeta
	if json.Unmarshal(rec.Metadata, &meta) != nil {
		return false
	}
	n, known := m.cluster.nodes[meta.Node]
	if !known || n.Removed() {
		return false
	}
	n.RemovedAt, n.RemovedBy, n.Seq = timeOf(rec.ReceivedAt), rec.ActorID, rec.Seq
	m.cluster.nodes[n.ID] = n
	return true
}
