package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"reflect"
	"strings"
	"testing"

	"dashd/internal/commands"
	"dashd/internal/errs"
)

func sampleJoin() *joinRequest {
	return &joinRequest{
		Format: 1, Version: "1.2.3", TokenID: "0123456789abcdef", Secret: bytes.Repeat([]byte{1}, 32),
		Node: "n2", Incarnation: "i2", Address: "10.0.0.2:8788", Request: []byte{2, 3},
	}
}

func sampleJoined() *joinAnswer {
	return &joinAnswer{
		Format: 1, ClusterID: "c1", Certificate: []byte{4}, Authority: []byte{5}, ClusterKey: bytes.Repeat([]byte{6}, 32),
		Members: []joinedAt{{"n1", "10.0.0.1:8788"}, {"n2", "10.0.0.2:8788"}},
	}
}

// Nodes of two versions speak this form: it changes with its format only.
func TestGoldenJoin1(t *testing.T) {
	for _, tt := range []struct {
		file   string
		sample any
		parse  func([]byte) (any, error)
	}{
		{"testdata/join-1.request.json", sampleJoin(), func(b []byte) (any, error) { return parseJoin(b) }},
		{"testdata/join-1.answer.json", sampleJoined(), func(b []byte) (any, error) { return parseJoined(b) }},
	} {
		want, err := os.ReadFile(tt.file)
		if err != nil {
			t.Fatal(err)
		}
		got, err := json.Marshal(tt.sample)
		if err != nil || string(got) != strings.TrimSpace(string(want)) {
			t.Errorf("%s is written as %s, %v", tt.file, got, err)
		}
		if back, err := tt.parse(want); err != nil || !reflect.DeepEqual(back, tt.sample) {
			t.Errorf("%s is read as %+v, %v", tt.file, back, err)
		}
	}
}

func TestJoinOfAnotherFormatIsRefused(t *testing.T) {
	for _, body := range []string{`{"format":2,"nodeId":"n2"}`, `{}`, `{`, `[]`, ``} {
		if _, err := parseJoin([]byte(body)); errs.KindOf(err) != errs.Invalid {
			t.Errorf("request %q: %v", body, err)
		}
		if _, err := parseJoined([]byte(body)); err == nil {
			t.Errorf("answer %q is taken", body)
		}
	}
}

// What a node is refused for is the same at the node it asked and at the leader.
func TestRefusalsOfJoinsTravel(t *testing.T) {
	used := errs.Wrap(&commands.JoinRefused{Reason: commands.UsedJoinToken}, errs.Unauthorized, "JOIN_TOKEN_REFUSED", "it has been used")
	for _, err := range []error{
		used, errs.New(errs.Conflict, "ADDRESS_TAKEN", "100 %% taken"), errs.New(errs.Unavailable, "NOT_LEADER", "no leader"), errors.New("a secret cause"),
	} {
		text, bad := json.Marshal(refusalOf(err))
		if bad != nil || strings.Contains(string(text), "secret") {
			t.Errorf("%v travels as %s, %v", err, text, bad)
		}
		got := refusedJoin(403, text)
		var why, wanted *commands.JoinRefused
		if errs.KindOf(got) != errs.KindOf(err) || errs.CodeOf(got) != errs.CodeOf(err) || errs.Message(got) != errs.Message(err) ||
			errors.As(got, &why) != errors.As(err, &wanted) || why != nil && why.Reason != wanted.Reason {
			t.Errorf("%v arrives as %v", err, got)
		}
	}
	for _, text := range []string{"<html>", "{}", `{"kind":"strange","code":"X"}`} {
		if got := refusedJoin(502, []byte(text)); errs.KindOf(got) != errs.Unavailable {
			t.Errorf("%q arrives as %v, which is final", text, got)
		}
	}
}

// FuzzJoin looks for a request or an answer that panics, or that is not what it is read as.
func FuzzJoin(f *testing.F) {
	for _, sample := range []any{sampleJoin(), sampleJoined(), refusalOf(errors.New("x"))} {
		text, err := json.Marshal(sample)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if q, err := parseJoin(text); err == nil {
			b, err := json.Marshal(q)
			if again, bad := parseJoin(b); err != nil || bad != nil || again.Node != q.Node || !bytes.Equal(again.Secret, q.Secret) || !bytes.Equal(again.Request, q.Request) {
				t.Errorf("%q is read as %+v, and that as %+v (%v, %v)", text, q, again, err, bad)
			}
		}
		if a, err := parseJoined(text); err == nil {
			b, err := json.Marshal(a)
			if again, bad := parseJoined(b); err != nil || bad != nil || !bytes.Equal(again.ClusterKey, a.ClusterKey) || len(again.Members) != len(a.Members) {
				t.Errorf("%q is read as %+v, and that as %+v (%v, %v)", text, a, again, err, bad)
			}
		}
		if refusedJoin(500, text) == nil {
			t.Errorf("%q refuses nothing", text)
		}
	})
}
