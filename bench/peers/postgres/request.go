package postgres

import (
	"encoding/binary"
	"fmt"
	"strings"

	"dashd/bench/peers/internal/sample"
	"dashd/eventlog"
)

// request is events that are ready to be sent but for their ids. It is not changed: whoever sends it renews the ids in a copy.
type request struct {
	values [][]byte // of an INSERT: its parameters
	data   []byte   // of a COPY: everything from signature to trailer
	ids    []int    // where the ids are, in data or in values[0]
}

const (
	insertOne = "insert_one"
	insertAll = "insert_all"
)

// The statements that are prepared on each connection.
func statements() map[string]string {
	marks, arrays := make([]string, len(columns)), make([]string, len(columns))
	for i, c := range columns {
		marks[i] = fmt.Sprintf("$%d", i+1)
		arrays[i] = fmt.Sprintf("$%d::%s[]", i+1, c.kind)
	}
	return map[string]string{
		insertOne: "INSERT INTO events (" + names() + ") VALUES (" + strings.Join(marks, ", ") + ")",
		// Many rows by one parameter a column: planned once, whatever their number.
		insertAll: "INSERT INTO events (" + names() + ") SELECT * FROM unnest(" + strings.Join(arrays, ", ") + ")",
		latestOf:  "SELECT * FROM events WHERE project = $1 AND user_id = $2 ORDER BY time DESC, seq DESC LIMIT 20",
		countOf:   "SELECT count(*) FROM events WHERE project = $1 AND type = $2",
	}
}

var copyIn = "COPY events (" + names() + ") FROM STDIN (FORMAT binary)"

// rowRequest inserts one event.
func rowRequest(events []eventlog.Event) request {
	rq := request{ids: []int{0}}
	for _, c := range columns {
		rq.values = append(rq.values, c.value(&events[0]))
	}
	return rq
}

// arrayRequest inserts events by an array for each column.
func arrayRequest(events []eventlog.Event) request {
	var rq request
	for _, c := range columns {
		b := binary.BigEndian.AppendUint32(nil, 1) // dimension
		b = binary.BigEndian.AppendUint32(b, 1)    // there may be NULLs
		b = binary.BigEndian.AppendUint32(b, c.oid)
		b = binary.BigEndian.AppendUint32(b, uint32(len(events)))
		b = binary.BigEndian.AppendUint32(b, 1) // the first index
		for i := range events {
			if c.name == "id" {
				rq.ids = append(rq.ids, len(b)+4)
			}
			b = field(b, c.value(&events[i]))
		}
		rq.values = append(rq.values, b)
	}
	return rq
}

// signature begins COPY's binary format; flags and the length of an extension follow, both 0.
const signature = "PGCOPY\n\377\r\n\x00"

const headerLen = len(signature) + 8

// copyRequest copies events in.
func copyRequest(events []eventlog.Event) request {
	rq := request{data: append([]byte(signature), make([]byte, 8)...)}
	for i := range events {
		rq.data = binary.BigEndian.AppendUint16(rq.data, uint16(len(columns)))
		for _, c := range columns {
			if c.name == "id" {
				rq.ids = append(rq.ids, len(rq.data)+4)
			}
			rq.data = field(rq.data, c.value(&events[i]))
		}
	}
	rq.data = binary.BigEndian.AppendUint16(rq.data, ^uint16(0))
	return rq
}

// renew gives each event of a copy of the request's bytes a new id.
func (rq *request) renew(b []byte, ids *sample.IDs) {
	for _, at := range rq.ids {
		id := ids.Next()
		copy(b[at:], id[:])
	}
}
