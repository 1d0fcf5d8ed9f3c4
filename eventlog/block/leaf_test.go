package block_test

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"testing"

	"dashd/eventlog"
	"dashd/eventlog/block"
)

// unhex reads hexadecimal text with white space and 'quoted text' in it.
func unhex(t *testing.T, s string) []byte {
	t.Helper()
	var out []byte
	for i, part := range strings.Split(s, "'") {
		if i%2 == 1 {
			out = append(out, part...)
			continue
		}
		b, err := hex.DecodeString(strings.Join(strings.Fields(part), ""))
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, b...)
	}
	return out
}

// The canonical bytes, written down by hand. They can never change: proofs that are
// out in the world hash them.
func TestCanonicalBytesV1(t *testing.T) {
	e := full()
	e.UserAgent = strings.Repeat("x", 200)
	commit := sha256.Sum256(unhex(t, `
		02  00010203 04050607 08090a0b 0c0d0e0f
		01  14 '{"banReason":"spam"}'  0b '203.0.113.7'  c801 '`+e.UserAgent+`'
		05 'K' c3b6 'ln'  03 'NRW'  07 'Germany'  0e 'banned by hand'
		02  0b 'user_banned'  11 'User banned: spam'  0e '203.0.113.7:80'
		04  0001feff`))
	if got := block.Commit(&e); got != commit {
		t.Errorf("Commit = %x, want %x", got, commit)
	}
	leaf := sha256.Sum256(append(unhex(t, `
		00
		01  7ba8da76 9b010000
		24 '0198c0de-0001-7abc-8def-0123456789ab'  07 'default'  0b 'user.banned'
		00a8da76 9b010000  01 01 03 01 01
		02 'u1'  02 's1'  02 'o1'  05 'admin'  02 'u1'  02 'DE'`), commit[:]...))
	if got := block.Leaf(&eventlog.Record{Seq: 9, ReceivedAt: 1_767_225_600_123, Event: e}); got != leaf {
		t.Errorf("Leaf = %x, want %x", got, leaf)
	}
}

func TestEmptyEventHasKnownHashes(t *testing.T) {
	const (
		commit = "8da6c6f20f1c792a02367b039c9fd0bf71873242690cc8d4dce9efde98ec4607"
		leaf   = "0e789c312f35b75670954016a7788f221a11a982ff612ca465c4c7ba5b4c2c18"
	)
	var r eventlog.Record
	if got := block.Commit(&r.Event); hex.EncodeToString(got[:]) != commit {
		t.Errorf("Commit = %x, want %s", got, commit)
	}
	if got := block.Leaf(&r); hex.EncodeToString(got[:]) != leaf {
		t.Errorf("Leaf = %x, want %s", got, leaf)
	}
}

func TestErasingLeavesTheLeaf(t *testing.T) {
	for seed := range uint64(20) {
		for _, e := range randomEvents(seed, 10) {
			gone := e
			if !e.Erased {
				gone = erase(e)
			}
			before := block.Leaf(&eventlog.Record{ReceivedAt: 5, Event: e})
			after := block.Leaf(&eventlog.Record{Seq: 3, ReceivedAt: 5, Event: gone})
			if before != after {
				t.Fatalf("seed %d: leaf %x became %x when %+v was erased", seed, before, after, e)
			}
		}
	}
}

// Each field must count: the tree proves nothing about one that does not.
func TestEveryFieldChangesTheLeaf(t *testing.T) {
	changes := map[string]func(*eventlog.Record){
		"receivedAt":   func(r *eventlog.Record) { r.ReceivedAt++ },
		"id":           func(r *eventlog.Record) { r.ID += "x" },
		"project":      func(r *eventlog.Record) { r.Project += "x" },
		"type":         func(r *eventlog.Record) { r.Type += "x" },
		"time":         func(r *eventlog.Record) { r.Time++ },
		"status":       func(r *eventlog.Record) { r.Status = eventlog.Success },
		"source":       func(r *eventlog.Record) { r.Source = eventlog.SourceApp },
		"shown":        func(r *eventlog.Record) { r.Shown = eventlog.SeverityInfo },
		"user":         func(r *eventlog.Record) { r.UserID += "x" },
		"session":      func(r *eventlog.Record) { r.SessionID += "x" },
		"organization": func(r *eventlog.Record) { r.OrganizationID += "x" },
		"actor":        func(r *eventlog.Record) { r.ActorID += "x" },
		"key":          func(r *eventlog.Record) { r.Key += "x" },
		"country code": func(r *eventlog.Record) { r.CountryCode = "FR" },
		"given id":     func(r *eventlog.Record) { r.GivenID = false },
		"given time":   func(r *eventlog.Record) { r.GivenTime = false },
		"salt":         func(r *eventlog.Record) { r.Salt[15]++ },
		"metadata":     func(r *eventlog.Record) { r.Metadata = append(r.Metadata, ' ') },
		"address":      func(r *eventlog.Record) { r.IPAddress += "1" },
		"user agent":   func(r *eventlog.Record) { r.UserAgent += "x" },
		"city":         func(r *eventlog.Record) { r.City += "x" },
		"region":       func(r *eventlog.Record) { r.Region += "x" },
		"country":      func(r *eventlog.Record) { r.Country += "x" },
		"message":      func(r *eventlog.Record) { r.Message += "x" },
		"vocabulary":   func(r *eventlog.Record) { r.Origin.Vocabulary = eventlog.VocabularyAPI },
		"origin type":  func(r *eventlog.Record) { r.Origin.Type += "x" },
		"display name": func(r *eventlog.Record) { r.Origin.DisplayName += "x" },
		"raw ip":       func(r *eventlog.Record) { r.Origin.RawIP += "x" },
		"sealed":       func(r *eventlog.Record) { r.Sealed = append(r.Sealed, 0) },
		"a moved border between two fields": func(r *eventlog.Record) {
			r.UserID, r.SessionID = r.UserID+r.SessionID[:1], r.SessionID[1:]
		},
	}
	leaves := map[[32]byte]string{block.Leaf(&eventlog.Record{Event: full()}): "nothing"}
	for name, change := range changes {
		r := eventlog.Record{Event: full()}
		change(&r)
		leaf := block.Leaf(&r)
		if other, ok := leaves[leaf]; ok {
			t.Errorf("changing %s and %s gives the same leaf", name, other)
		}
		leaves[leaf] = name
	}
}

func TestIDHash(t *testing.T) {
	sum := sha256.Sum256([]byte("\x04shopevent:1"))
	if got := block.IDHash("shop", "event:1"); got != [16]byte(sum[:16]) {
		t.Errorf("IDHash = %x", got)
	}
	if block.IDHash("a", "bc") == block.IDHash("ab", "c") {
		t.Error("the border between project and id does not count")
	}
}
