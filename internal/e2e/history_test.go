package e2e_test

import "testing"

// The comparison that the other tests rest on must be able to say no.
func TestSameHistory(t *testing.T) {
	a := sent{event: event{Type: "a"}, began: 1, ended: 2}
	b := sent{event: event{Type: "b"}, began: 3, ended: 5}
	c := sent{event: event{Type: "c"}, began: 4, ended: 6} // under way together with b
	again := sent{event: event{Type: "a"}, began: 7, ended: 8}
	aElsewhere := event{Type: "a", Place: place{IPAddress: "192.0.2.1"}}

	tests := []struct {
		name string
		got  []event // newest first
		want []sent
		ok   bool
	}{
		{"the order of acknowledgement", []event{c.event, b.event, a.event}, []sent{a, b, c}, true},
		{"events under way together may change places", []event{b.event, c.event, a.event}, []sent{a, b, c}, true},
		{"an acknowledged event stays before later ones", []event{a.event, b.event}, []sent{a, b}, false},
		{"oldest first is the wrong way round", []event{a.event, b.event, c.event}, []sent{a, b, c}, false},
		{"equal events are two", []event{a.event, a.event}, []sent{a, again}, true},
		{"equal events around another", []event{a.event, b.event, a.event}, []sent{a, b, again}, true},
		{"one of two equal events is missing", []event{a.event}, []sent{a, again}, false},
		{"an event twice", []event{a.event, a.event}, []sent{a}, false},
		{"an event missing", []event{a.event}, []sent{a, b}, false},
		{"an event with another address", []event{aElsewhere}, []sent{a}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := sameHistory(tt.got, tt.want)
			if (err == nil) != tt.ok {
				t.Errorf("sameHistory = %v, want success %t", err, tt.ok)
			}
		})
	}
}
