package projections

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"time"

	"dashd/eventlog"
)

// accessFolds says what each type of event does to the image. A fold reads the
// image and the event and nothing else. It returns false, and changes nothing, if
// the event is malformed or contradicts what is there: the commands that write
// these events let no such event pass, and if one is in the log all the same, every
// node must ignore it alike. The first event that claims an id or a hash keeps it.
var accessFolds = map[eventlog.Type]func(*AccessImage, *eventlog.Record) bool{
	eventlog.DashdProjectCreated:    (*AccessImage).foldProject,
	eventlog.DashdKeyCreated:        (*AccessImage).foldKey,
	eventlog.DashdKeyRevoked:        (*AccessImage).foldRevocation,
	eventlog.DashdSigningKeyCreated: (*AccessImage).foldSigningKey,
	eventlog.DashdClusterCreated:    (*AccessImage).foldCluster,
	eventlog.DashdJoinTokenCreated:  (*AccessImage).foldJoinToken,
	eventlog.DashdNodeJoined:        (*AccessImage).foldNodeJoined,
	eventlog.DashdNodeMoved:         (*AccessImage).foldNodeMoved,
	eventlog.DashdNodeRemoved:       (*AccessImage).foldNodeRemoved,
}

// accessTypes are the types Access folds, in a fixed order.
var accessTypes = []eventlog.Type{
	eventlog.DashdProjectCreated,
	eventlog.DashdKeyCreated,
	eventlog.DashdKeyRevoked,
	eventlog.DashdSigningKeyCreated,
	eventlog.DashdClusterCreated,
	eventlog.DashdJoinTokenCreated,
	eventlog.DashdNodeJoined,
	eventlog.DashdNodeMoved,
	eventlog.DashdNodeRemoved,
}

func (m *AccessImage) foldProject(rec *eventlog.Record) bool {
	var meta ProjectMeta
	if json.Unmarshal(rec.Metadata, &meta) != nil || !ValidProjectID(meta.Project) {
		return false
	}
	if _, taken := m.projects[meta.Project]; taken {
		return false
	}
	m.projects[meta.Project] = Project{
		ID:        meta.Project,
		Name:      meta.Name,
		CreatedAt: timeOf(rec.ReceivedAt),
		CreatedBy: rec.ActorID,
		Seq:       rec.Seq,
		Request:   meta.Request,
	}
	return true
}

func (m *AccessImage) foldKey(rec *eventlog.Record) bool {
	var meta KeyMeta
	if json.Unmarshal(rec.Metadata, &meta) != nil || meta.Key == "" ||
		meta.ExpiresAt < 0 || meta.ExpiresAt > maxTime {
		return false
	}
	k := &Key{
		ID:        meta.Key,
		Project:   meta.Project,
		Name:      meta.Name,
		Scopes:    meta.Scopes,
		CreatedAt: timeOf(rec.ReceivedAt),
		CreatedBy: rec.ActorID,
		Seq:       rec.Seq,
		Request:   meta.Request,
	}
	if meta.ExpiresAt != 0 {
		k.ExpiresAt = timeOf(meta.ExpiresAt)
	}
	hash, err := hex.DecodeString(meta.Hash)
	if err != nil || len(hash) != len(k.Hash) {
		return false
	}
	k.Hash = KeyHash(hash)
	if _, known := m.projects[k.Project]; !known || m.keys[k.ID] != nil || m.byHash[k.Hash] != nil {
		return false
	}
	m.keys[k.ID], m.byHash[k.Hash] = k, k
	return true
}

func (m *AccessImage) foldRevocation(rec *eventlog.Record) bool {
	var meta RevocationMeta
	if json.Unmarshal(rec.Metadata, &meta) != nil {
		return false
	}
	old := m.keys[meta.Key]
	if old == nil || old.Revoked() {
		return false
	}
	k := *old
	k.RevokedAt, k.RevokedBy = timeOf(rec.ReceivedAt), rec.ActorID
	m.keys[k.ID], m.byHash[k.Hash] = &k, &k
	return true
}

func (m *AccessImage) foldSigningKey(rec *eventlog.Record) bool {
	var meta SigningKeyMeta
	if json.Unmarshal(rec.Metadata, &meta) != nil || meta.Alg != algEdDSA {
		return false
	}
	public, err := base64.RawURLEncoding.DecodeString(meta.Public)
	if err != nil {
		return false
	}
	k, err := makeSigningKey(public)
	if err != nil || k.ID != meta.Key {
		return false
	}
	for _, have := range m.signing {
		if have.ID == k.ID {
			return false
		}
	}
	k.CreatedAt, k.box = timeOf(rec.ReceivedAt), bytes.Clone(rec.Sealed)
	m.signing = append(m.signing, k)
	return true
}

// maxTime is the last ms of the year 9999, the last that has a JSON form.
const maxTime = 253402300799999

func timeOf(ms int64) time.Time { return time.UnixMilli(ms).UTC() }
