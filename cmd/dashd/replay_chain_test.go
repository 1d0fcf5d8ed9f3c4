package main

import (
	"context"
	"encoding/hex"
	"strings"
	"testing"

	"dashd/eventlog"
	"dashd/eventlog/block"
	"dashd/eventlog/store"
	"dashd/internal/errs"
)

func oneEvent(t *testing.T, id string) []byte {
	t.Helper()
	group, err := block.AppendGroup(nil, []eventlog.Event{{
		ID: id, Project: "p", Type: "user.created", Key: "u", Personal: eventlog.Personal{Metadata: []byte(`{}`)},
	}})
	if err != nil {
		t.Fatal(err)
	}
	raw, err := block.Seal(block.Header{Proposer: "n1"}, group)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// Blocks with right hashes that are not those the node has appended are found.
func TestReplayCheckComparesTheChainOfARunningNode(t *testing.T) {
	has := [][]byte{oneEvent(t, "a"), oneEvent(t, "b"), oneEvent(t, "c")}
	var chain [32]byte
	for _, raw := range has {
		chain = store.Link(chain, raw)
	}
	for _, tt := range []struct {
		name  string
		sends [][]byte
		from  uint64
		text  string // of the error
	}{
		{"the log as it is", has, 1, ""},
		{"another event in the middle", [][]byte{has[0], oneEvent(t, "x"), has[2]}, 1, "not those whose chain"},
		{"events that changed places", [][]byte{has[1], has[0], has[2]}, 1, "not those whose chain"},
		{"a log that ends early", has[:2], 1, "ends at seq 2"},
		{"a part of the log, which says nothing of the rest", [][]byte{oneEvent(t, "x"), has[1], has[2]}, 2, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			src := &source{head: 3, chain: hex.EncodeToString(chain[:])}
			src.blocks = func(_ context.Context, from, _ uint64, fn func(rawBlock) error) error {
				for i := from - 1; i < uint64(len(tt.sends)); i++ {
					if err := fn(rawBlock{first: i + 1, raw: tt.sends[i]}); err != nil {
						return err
					}
				}
				return nil
			}
			o := replayOptions{from: tt.from, to: 3}
			p := o.newProgress(new(strings.Builder), tt.from, 3)
			_, err := checkLog(t.Context(), src, tt.from, 3, tt.from == 1, p)
			if tt.text == "" && err != nil || tt.text != "" && (errs.ExitCode(err) != errs.ExitIntegrity || !strings.Contains(err.Error(), tt.text)) {
				t.Errorf("checkLog = %v, want %q", err, tt.text)
			}
		})
	}
}
