package eventlog

import (
	"bytes"
	"encoding/json"
	"strconv"
)

// NoKey is the stream of events that belong to nobody known.
const NoKey = "unknown"

// StreamKey is the stream of an event that came without one: its organization
// for organization, member, team and invitation events; else its user; else
// NoKey.
func StreamKey(e *Event) string {
	if e.OrganizationID != "" {
		switch e.Type.Category() {
		case "organization", "member", "team", "invitation":
			return e.OrganizationID
		}
	}
	if e.UserID != "" {
		return e.UserID
	}
	return NoKey
}

// SameContent reports whether two checked events under one id say the same, so
// that the second is a repeat: everything but what dashd adds (place, salt, the
// vocabulary it was told in, sealed secrets) and what is only display. Times are
// compared only if both were given. If either is erased, only the public parts
// are compared.
//
// Metadata is compared by meaning: an event that comes back by way of a database
// has its keys in another order.
func SameContent(a, b *Event) bool {
	if a.ID != b.ID || a.Project != b.Project || a.Type != b.Type ||
		a.Status != b.Status || a.Source != b.Source ||
		a.UserID != b.UserID || a.SessionID != b.SessionID ||
		a.OrganizationID != b.OrganizationID || a.ActorID != b.ActorID || a.Key != b.Key {
		return false
	}
	if a.GivenTime && b.GivenTime && a.Time != b.Time {
		return false
	}
	if a.Erased || b.Erased {
		return true
	}
	return a.IPAddress == b.IPAddress && a.Origin.RawIP == b.Origin.RawIP &&
		a.UserAgent == b.UserAgent && sameJSON(a.Metadata, b.Metadata)
}

func sameJSON(a, b []byte) bool {
	if bytes.Equal(a, b) {
		return true
	}
	va, errA := decodeJSON(a)
	vb, errB := decodeJSON(b)
	return errA == nil && errB == nil && sameValue(va, vb)
}

func decodeJSON(text []byte) (v any, err error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	err = d.Decode(&v)
	return v, err
}

func sameValue(a, b any) bool {
	switch a := a.(type) {
	case map[string]any:
		b, ok := b.(map[string]any)
		if !ok || len(a) != len(b) {
			return false
		}
		for key, va := range a {
			if vb, ok := b[key]; !ok || !sameValue(va, vb) {
				return false
			}
		}
		return true
	case []any:
		b, ok := b.([]any)
		if !ok || len(a) != len(b) {
			return false
		}
		for i, va := range a {
			if !sameValue(va, b[i]) {
				return false
			}
		}
		return true
	case json.Number:
		b, ok := b.(json.Number)
		return ok && sameNumber(a.String(), b.String())
	default: // string, bool, nil
		return a == b
	}
}

// sameNumber compares numbers that may be written differently. Beyond 2^53 two
// integers can share one float64, so there only equal digits are equal.
func sameNumber(a, b string) bool {
	if a == b {
		return true
	}
	fa, errA := strconv.ParseFloat(a, 64)
	fb, errB := strconv.ParseFloat(b, 64)
	return errA == nil && errB == nil && fa == fb && max(fa, -fa) < 1<<53
}
