package relay

import (
	"dashd/eventlog"
	"dashd/internal/appender"
	"dashd/projections"
)

// EncodeRequest makes the request that AppendFor sends.
func EncodeRequest(key projections.KeyHash, access uint64, events []eventlog.Event) ([]byte, error) {
	return encodeRequest("n2", 1_750_000_000_000, sender{kind: byKey, key: key, access: access}, events)
}

// DecodeRequest reads it.
func DecodeRequest(b []byte) (kind byte, key projections.KeyHash, access uint64, events []eventlog.Event, err error) {
	from, events, err := decodeRequest(b)
	return byte(from.kind), from.key, from.access, events, err
}

// AppendResults and DecodeResults are the form of an answer.
func AppendResults(results []appender.Result) []byte { return appendResults(nil, results) }

func DecodeResults(b []byte, n int) ([]appender.Result, error) { return decodeResults(b, n) }

// SenderBytes is where the block begins.
const SenderBytes = senderBytes
