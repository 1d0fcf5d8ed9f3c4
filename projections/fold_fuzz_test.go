package projections_test

import (
	"bytes"
	"encoding/json"
	"slices"
	"testing"
	"unicode/utf8"

	"dashd/eventlog"
	"dashd/projections"
)

// Whatever stands in the metadata, no event stops a fold; and if it is JSON that can be in the log,
// the model agrees on what it means.
func FuzzFold(f *testing.F) {
	types := eventlog.Types()
	types = append(types, eventlog.TwoFactorBackupCodesGenerated, eventlog.SSOProviderCreated, eventlog.SSOProviderUpdated,
		eventlog.DirectoryCreated, eventlog.DirectoryCredentialIssued, eventlog.DirectoryCredentialRevoked,
		eventlog.DashdDrainCreated, eventlog.DashdDrainReplayed, eventlog.DashdDrainAdvanced)
	g := newGenerator(11)
	for range 60 {
		e := g.event()
		at := slices.Index(types, e.Type)
		f.Add(uint8(max(at, 0)), uint8(e.Origin.Vocabulary), []byte(e.Metadata), []byte(`{"userName":"Ada","name":"Bea"}`))
	}
	f.Add(uint8(0), uint8(4), []byte(`{"set":{"name":"`), []byte(`[{]`))
	f.Fuzz(func(t *testing.T, kind, vocabulary uint8, first, second []byte) {
		dash, w := projections.NewDash(), world{}
		wellFormed := true
		for i, text := range [][]byte{first, second} {
			rec := eventlog.Record{Seq: uint64(i + 1), Event: eventlog.Event{
				Project: "shop", Type: types[int(kind)%len(types)], Time: noon + int64(i),
				UserID: "u1", OrganizationID: "o1", SessionID: "s1",
				Personal: eventlog.Personal{
					Metadata: text, Sealed: []byte{1},
					Origin: eventlog.Origin{Vocabulary: eventlog.Vocabulary(vocabulary % 5)},
				},
			}}
			dash.Apply(&rec)
			wellFormed = wellFormed && allowed(text)
			w.fold(rec)
		}
		dash.Publish(2)
		got := projections.Dump(dash.Image().Tables("shop"))
		if !wellFormed {
			return
		}
		if diff := differ(got, w.of("shop").dump()); diff != "" {
			t.Errorf("%s %s\n%s\n%s\n%s", types[int(kind)%len(types)], eventlog.Vocabulary(vocabulary%5), first, second, diff)
		}
	})
}

// allowed reports whether text can be the metadata of an event in the log, and none of its
// texts is longer than what rows keep.
func allowed(text []byte) bool {
	return utf8.Valid(text) && len(text) < 255 && bytes.HasPrefix(bytes.TrimSpace(text), []byte("{")) && json.Valid(text)
}
