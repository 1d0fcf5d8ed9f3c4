package findings_test

import (
	"math"
	"testing"

	"github.com/anishathalye/porcupine"

	"dashd/internal/findings"
)

// The model itself must tell a good history from a bad one.
func TestTheModelOfRegisters(t *testing.T) {
	const first = findings.FirstName
	write := func(from, to int64, name string) porcupine.Operation {
		return porcupine.Operation{Input: findings.Call{What: "rename", Name: name}, Call: from, Return: to}
	}
	ban := func(from, to int64, user int) porcupine.Operation {
		return porcupine.Operation{Input: findings.Call{What: "ban", User: user}, Call: from, Return: to}
	}
	read := func(from, to int64, name string) porcupine.Operation {
		return porcupine.Operation{Input: findings.Read(0), Output: findings.Outcome{Register: findings.Register{Name: name}}, Call: from, Return: to}
	}
	for _, tt := range []struct {
		name    string
		history []porcupine.Operation
		want    bool
	}{
		{"a read behind a write sees it", []porcupine.Operation{write(1, 2, "a"), read(3, 4, "a")}, true},
		{"a read beside a write may not see it", []porcupine.Operation{write(1, 4, "a"), read(2, 3, first)}, true},
		{"a stale read", []porcupine.Operation{write(1, 2, "a"), read(3, 4, first)}, false},
		{"a read that goes back", []porcupine.Operation{write(1, 9, "a"), read(2, 3, "a"), read(4, 5, first)}, false},
		{"a lost write", []porcupine.Operation{write(1, 2, "a"), write(3, 4, "b"), read(5, 6, "a")}, false},
		{"an unknown write comes late", []porcupine.Operation{write(1, math.MaxInt64, "a"), read(2, 3, first), read(4, 5, "a")}, true},
		{"a write that happens twice", []porcupine.Operation{write(1, 2, "a"), write(3, 4, "b"), read(5, 6, "b"), read(7, 8, "a")}, false},
		{"a ban that a read does not see", []porcupine.Operation{ban(1, 2, 0), read(3, 4, first)}, false},
		{"a ban of somebody else", []porcupine.Operation{ban(1, 2, 1), read(3, 4, first)}, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := porcupine.CheckOperations(findings.Registers, tt.history); got != tt.want {
				t.Errorf("linearizable: %v, want %v", got, tt.want)
			}
		})
	}
}
