package projections_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"

	"dashd/eventlog"
	"dashd/projections"
)

func TestBadEventsChangeNothing(t *testing.T) {
	h := projections.HashKey("other-key-text-01")
	good := projections.KeyMeta{Key: "k2", Project: "shop", Hash: hex.EncodeToString(h[:])}
	with := func(change func(*projections.KeyMeta)) projections.KeyMeta {
		c := good
		change(&c)
		return c
	}
	foreign := revoke(9, "k1")
	foreign.Project = "shop"
	erased := signing(9, 9)
	erased.Personal, erased.Erased = eventlog.Personal{}, true
	relabelled := signing(9, 9)
	relabelled.Metadata = bytes.Replace(relabelled.Metadata, []byte(`"kid":"`), []byte(`"kid":"x`), 1)
	tests := []struct {
		name string
		rec  eventlog.Record
	}{
		{"no JSON", rec(9, eventlog.DashdKeyCreated, "{")},
		{"a list", rec(9, eventlog.DashdKeyRevoked, "[1]")},
		{"a field of another type", rec(9, eventlog.DashdProjectCreated, `{"projectId":7}`)},
		{"nothing in it", rec(9, eventlog.DashdProjectCreated, "{}")},
		{"no metadata", rec(9, eventlog.DashdSigningKeyCreated, "")},
		{"a type nobody knows", rec(9, "dashd.key.praised", good)},
		{"a token that was used", rec(9, eventlog.DashdTokenUsed, "{}")},
		{"the reserved project", project(9, eventlog.ReservedProject)},
		{"a project again", project(9, "shop")},
		{"a key without id", rec(9, eventlog.DashdKeyCreated, with(func(m *projections.KeyMeta) { m.Key = "" }))},
		{"a key of a project nobody made", rec(9, eventlog.DashdKeyCreated, with(func(m *projections.KeyMeta) { m.Project = "x" }))},
		{"a key id again", rec(9, eventlog.DashdKeyCreated, with(func(m *projections.KeyMeta) { m.Key = "k1" }))},
		{"a hash too short", rec(9, eventlog.DashdKeyCreated, with(func(m *projections.KeyMeta) { m.Hash = m.Hash[2:] }))},
		{"a hash too long", rec(9, eventlog.DashdKeyCreated, with(func(m *projections.KeyMeta) { m.Hash += "00" }))},
		{"a hash that is no hex", rec(9, eventlog.DashdKeyCreated, with(func(m *projections.KeyMeta) { m.Hash = "g" + m.Hash[1:] }))},
		{"a time without JSON form", rec(9, eventlog.DashdKeyCreated, with(func(m *projections.KeyMeta) { m.ExpiresAt = 1 << 60 }))},
		{"a time before all times", rec(9, eventlog.DashdKeyCreated, with(func(m *projections.KeyMeta) { m.ExpiresAt = -1 }))},
		{"the end of a key nobody made", revoke(9, "k9")},
		{"an order from another project", foreign},
		{"an erased signing key", erased},
		{"a signing key under a name not its own", relabelled},
		{"a signing key of half the length", rec(9, eventlog.DashdSigningKeyCreated, `{"kid":"a","alg":"EdDSA","public":"AAAA"}`)},
	}
	base := []eventlog.Record{project(1, "shop"), key(2, "k1", "shop", "shop-key-text-0001", 0, "*"), signing(3, 1)}
	want := fold(base...)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := fold(append(base[:3:3], tt.rec)...); !reflect.DeepEqual(got, want) {
				t.Errorf("the image changed to %+v", got)
			}
		})
	}
	if got := fold(append(base, rec(9, eventlog.DashdKeyCreated, good))...); reflect.DeepEqual(got, want) {
		t.Error("the good event these are made from changes nothing either")
	}
}

func TestTypesAreListedOnce(t *testing.T) {
	for _, typ := range projections.AccessTypes {
		if !projections.Folded(string(typ)) {
			t.Errorf("%s is queried and not folded", typ)
		}
	}
	if projections.Folded(string(eventlog.DashdTokenUsed)) {
		t.Error("uses of tokens are decoded for nothing")
	}
}

// slowAccess answers from the events themselves, by reading them again for every
// question.
type slowAccess []eventlog.Record

// metadata is what the events of one type before seq say.
func (s slowAccess) metadata(typ eventlog.Type, before uint64) []map[string]any {
	var all []map[string]any
	for _, r := range s {
		var m map[string]any
		if r.Seq < before && r.Type == typ && json.Unmarshal(r.Metadata, &m) == nil {
			m["seq"] = r.Seq
			all = append(all, m)
		}
	}
	return all
}

// valid reports whether the key event m counts: its project was there, and no key
// event before it that counts has its id or its hash.
func (s slowAccess) valid(m map[string]any) bool {
	before := m["seq"].(uint64)
	hasProject := false
	for _, p := range s.metadata(eventlog.DashdProjectCreated, before) {
		hasProject = hasProject || p["projectId"] == m["projectId"] && m["projectId"] != eventlog.ReservedProject
	}
	for _, k := range s.metadata(eventlog.DashdKeyCreated, before) {
		if (k["keyId"] == m["keyId"] || k["hash"] == m["hash"]) && s.valid(k) {
			return false
		}
	}
	return hasProject
}

// authenticate finds the key event that counts for text, and whether an event after
// it revokes it.
func (s slowAccess) authenticate(text string) (id, project string, revoked bool) {
	h := projections.HashKey(text)
	for _, k := range s.metadata(eventlog.DashdKeyCreated, 1<<62) {
		if k["hash"] != hex.EncodeToString(h[:]) || !s.valid(k) {
			continue
		}
		id, project = k["keyId"].(string), k["projectId"].(string)
		for _, r := range s.metadata(eventlog.DashdKeyRevoked, 1<<62) {
			revoked = revoked || r["keyId"] == id && r["seq"].(uint64) > k["seq"].(uint64)
		}
	}
	return id, project, revoked
}

// randomRecords makes a sequence full of repeats, claims to what is taken, and
// events out of their natural order.
func randomRecords(r *rand.Rand, n int) []eventlog.Record {
	projectIDs := []string{"shop", "blog", "mail", eventlog.ReservedProject}
	recs := make([]eventlog.Record, n)
	for i := range recs {
		seq := uint64(i + 1)
		p := projectIDs[r.IntN(len(projectIDs))]
		k := fmt.Sprintf("k%d", r.IntN(6))
		switch r.IntN(8) {
		case 0, 1:
			recs[i] = project(seq, p)
		case 2, 3, 4:
			recs[i] = key(seq, k, p, fmt.Sprintf("text-%d", r.IntN(8)), 0, "*")
		case 5:
			recs[i] = revoke(seq, k)
		case 6:
			recs[i] = rec(seq, projections.AccessTypes[r.IntN(4)], []string{"", "{", `{"projectId":1}`, "{}"}[r.IntN(4)])
		case 7:
			recs[i] = rec(seq, "dashd.token.used", "{}")
		}
	}
	return recs
}

func TestFoldEqualsReadingEverythingAgain(t *testing.T) {
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 1))
		recs := randomRecords(r, 1+r.IntN(40))
		// Published after random pieces, as a live node does it.
		live := projections.NewAccess()
		for i := range recs {
			live.Apply(&recs[i])
			if r.IntN(3) == 0 {
				live.Publish()
			}
		}
		live.Publish()
		m := live.Image()
		if rebuilt := fold(recs...); !reflect.DeepEqual(m, rebuilt) {
			t.Fatalf("seed %d: live image %+v\nrebuilt %+v", seed, m, rebuilt)
		}
		slow := slowAccess(recs)
		for i := range 8 {
			text := fmt.Sprintf("text-%d", i)
			id, project, revoked := slow.authenticate(text)
			p, err := m.Authenticate(text, noon)
			switch {
			case id == "" && !errors.Is(err, projections.ErrUnknownKey),
				id != "" && revoked && !errors.Is(err, projections.ErrRevokedKey),
				id != "" && !revoked && (err != nil || p.KeyID != id || p.Project != project):
				t.Fatalf("seed %d: %s gives %+v, %v; want key %q of %q, revoked %v", seed, text, p, err, id, project, revoked)
			}
		}
	}
}

// FuzzAccessApply looks for metadata that stops a fold.
func FuzzAccessApply(f *testing.F) {
	for _, r := range []eventlog.Record{
		project(1, "a"), key(1, "k", "shop", "text", 1, "*"), revoke(1, "k1"), signing(1, 3),
		clusterBegun(1, "c1"), joinToken(1, "t1", noon), nodeJoined(1, "n2", "t1"), nodeMoved(1, "n1", "x:1"), nodeRemoved(1, "n1"),
	} {
		f.Add(string(r.Type), r.Metadata, r.Sealed)
	}
	f.Fuzz(func(t *testing.T, typ string, meta, sealed []byte) {
		r := rec(4, eventlog.Type(typ), string(meta))
		r.Sealed = sealed
		m := fold(project(1, "shop"), key(2, "k1", "shop", "shop-key-text-0001", 0, "*"), signing(3, 1), nodeJoined(3, "n1", ""), r)
		if !json.Valid(m.JWKS()) {
			t.Errorf("JWKS = %s", m.JWKS())
		}
		if _, err := json.Marshal(m.Keys("shop")); err != nil {
			t.Errorf("keys have no JSON form: %v", err)
		}
		if _, err := json.Marshal(m.Nodes()); err != nil || len(m.Nodes()) == 0 {
			t.Errorf("nodes have no JSON form: %v", err)
		}
	})
}
