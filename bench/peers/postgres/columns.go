package postgres

import (
	"encoding/binary"
	"net/netip"
	"strings"

	"dashd/eventlog"
)

// column is a column that is sent, with its value in PostgreSQL's binary format; nil: NULL. What is not sent, the
// server fills in: seq and received_at.
type column struct {
	name, kind string
	oid        uint32 // of kind, as pg_type has it
	value      func(*eventlog.Event) []byte
}

// columns begins with the id, which is renewed each time an event is sent.
var columns = []column{
	{"id", "uuid", 2950, func(*eventlog.Event) []byte { return make([]byte, 16) }},
	{"time", "timestamptz", 1184, func(e *eventlog.Event) []byte { return timestamp(e.Time) }},
	{"status", "int2", 21, func(e *eventlog.Event) []byte { return binary.BigEndian.AppendUint16(nil, uint16(e.Status)) }},
	{"source", "int2", 21, func(e *eventlog.Event) []byte { return binary.BigEndian.AppendUint16(nil, uint16(e.Source)) }},
	{"project", "text", 25, func(e *eventlog.Event) []byte { return text(e.Project) }},
	{"type", "text", 25, func(e *eventlog.Event) []byte { return text(string(e.Type)) }},
	{"user_id", "text", 25, func(e *eventlog.Event) []byte { return text(e.UserID) }},
	{"session_id", "text", 25, func(e *eventlog.Event) []byte { return text(e.SessionID) }},
	{"organization_id", "text", 25, func(e *eventlog.Event) []byte { return text(e.OrganizationID) }},
	{"country_code", "text", 25, func(e *eventlog.Event) []byte { return text(e.CountryCode) }},
	{"country", "text", 25, func(e *eventlog.Event) []byte { return text(e.Country) }},
	{"city", "text", 25, func(e *eventlog.Event) []byte { return text(e.City) }},
	{"ip_address", "inet", 869, func(e *eventlog.Event) []byte { return inet(e.IPAddress) }},
	{"user_agent", "text", 25, func(e *eventlog.Event) []byte { return text(e.UserAgent) }},
	{"metadata", "jsonb", 3802, func(e *eventlog.Event) []byte { return append([]byte{1}, e.Metadata...) }}, // 1: the version of the format
}

func text(s string) []byte {
	if s == "" {
		return nil
	}
	return []byte(s)
}

// epoch is PostgreSQL's, 1 January 2000, in ms since 1970.
const epoch = 946_684_800_000

func timestamp(ms int64) []byte {
	return binary.BigEndian.AppendUint64(nil, uint64((ms-epoch)*1000))
}

// inet is an address without a mask, or NULL.
func inet(s string) []byte {
	addr, err := netip.ParseAddr(s)
	if err != nil {
		return nil
	}
	family := byte(2)
	if addr.Is6() {
		family = 3
	}
	return append([]byte{family, byte(addr.BitLen()), 0, byte(addr.BitLen() / 8)}, addr.AsSlice()...)
}

// names are the names of all columns that are sent, as a list of SQL.
func names() string {
	list := make([]string, len(columns))
	for i, c := range columns {
		list[i] = c.name
	}
	return strings.Join(list, ", ")
}

// field appends a value as COPY and arrays have it.
func field(b, value []byte) []byte {
	if value == nil {
		return binary.BigEndian.AppendUint32(b, ^uint32(0))
	}
	return append(binary.BigEndian.AppendUint32(b, uint32(len(value))), value...)
}
