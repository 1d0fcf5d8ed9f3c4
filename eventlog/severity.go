package eventlog

import "strings"

// SeverityOf is the severity that applies: the shown one, if the producer asked
// for one, else failed for what failed, else that of the type.
func SeverityOf(t Type, s Status, shown Severity) Severity {
	if shown != SeverityNone {
		return shown
	}
	if s == Failed {
		return SeverityFailed
	}
	if r, ok := entries[t]; ok {
		return r.severity
	}
	return severityByRule(t)
}

// severityByRule is the severity of a type that did not fail, read from its
// name. The words, and the order in which they count, are Better Auth Studio's,
// so that dashd's numbers agree with its numbers, surprises included:
// user.unbanned contains "banned" and is failed.
func severityByRule(t Type) Severity {
	contains := func(words ...string) bool {
		for _, w := range words {
			if strings.Contains(string(t), w) {
				return true
			}
		}
		return false
	}
	switch {
	case t == PhoneNumberVerification,
		contains("joined", "created", "verified", "accepted", "added", "sign_in", "logged_in"):
		return SeveritySuccess
	case contains("failed", "banned"),
		contains("deleted") && !contains("verification"):
		return SeverityFailed
	case contains("warning", "reset", "verification"):
		return SeverityWarning
	default:
		return SeverityInfo
	}
}

// Stats counts events by severity. Each event is in one class: failed if its
// status is, else its shown severity; so the four add up to Total.
type Stats struct {
	Total   uint64 `json:"total"`
	Success uint64 `json:"success"`
	Failed  uint64 `json:"failed"`
	Warning uint64 `json:"warning"`
	Info    uint64 `json:"info"`
}

// Add counts n events of one kind.
func (s *Stats) Add(t Type, st Status, shown Severity, n uint64) {
	s.Total += n
	if st == Failed {
		s.Failed += n
		return
	}
	switch SeverityOf(t, st, shown) {
	case SeveritySuccess:
		s.Success += n
	case SeverityFailed:
		s.Failed += n
	case SeverityWarning:
		s.Warning += n
	default:
		s.Info += n
	}
}
