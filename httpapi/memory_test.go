package httpapi_test

import (
	"encoding/json"
	"net/http"
	"testing"

	"dashd/projections"
)

// Only the operator learns how much memory the tables take, and the sums are those of the parts.
func TestMemoryOfTheTables(t *testing.T) {
	d := startAt(t, recordedAt)
	s := d.scene(t, contract{}, nil)
	s.tell(company()...)
	const path = "/v1/projections/dash/memory"
	a := s.serve("GET", path, "", "X-Api-Key", s.root)
	var m struct {
		Seq, Bytes, Figures int64
		Tables              []projections.TableBytes
	}
	if err := json.Unmarshal(a.body, &m); err != nil || a.status != http.StatusOK {
		t.Fatalf("%d %s, %v", a.status, a.body, err)
	}
	parts := map[string]bool{}
	for _, table := range m.Tables {
		parts[table.Name] = true
		if m.Bytes -= table.Bytes; table.Figures {
			m.Figures -= table.Bytes
		}
	}
	if m.Bytes != 0 || m.Figures != 0 || m.Seq == 0 || !parts["people.users"] || !parts["groups.members"] || !parts["presence.days"] {
		t.Errorf("%s", a.body)
	}
	if a := s.do("GET", path, ""); a.status != http.StatusForbidden {
		t.Errorf("with the key of a project: %d", a.status)
	}
}
