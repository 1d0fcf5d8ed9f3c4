package drains

import (
	"context"

	"dashd/internal/destination"
	"dashd/projections"
)

// SetFarBehind makes drains that are so many events behind ask the index.
func (d *Deliverer) SetFarBehind(n uint64) { d.farBehind = n }

// SetTellIdle makes the log be told of drains that so many events have passed by.
func (d *Deliverer) SetTellIdle(n uint64) { d.tellIdle = n }

// TellAfter is how many delivered events are a reason to tell the log at once.
const TellAfter = tellAfter

// Position is a drain's position, as it is stored.
type Position struct {
	Epoch, Seq                 uint64
	LastDelivery, FailingSince int64
	Attempts                   uint32
	LastError                  string
}

// Encode returns the bytes on disk.
func (p Position) Encode() []byte {
	return position{p.Epoch, p.Seq, p.LastDelivery, p.FailingSince, p.Attempts, p.LastError}.encode()
}

// DecodePosition is the inverse.
func DecodePosition(b []byte) (Position, error) {
	p, err := decodePosition(b)
	return Position{p.epoch, p.seq, p.lastDelivery, p.failingSince, p.attempts, p.lastError}, err
}

// Find returns how many events of all types a drain of an organization finds from the beginning of the log
// on, if it asks the index when it is so far behind.
func Find(log Log, x Index, dash Dash, project, organization string, far uint64) int {
	w := &worker{
		d:  &Deliverer{o: Options{Events: log, Index: x, Dash: dash}, farBehind: far},
		id: drainID{project, "drain"}, row: projections.Drain{OrganizationID: organization},
		filter: destination.NewFilter([]string{destination.CategoryAuth}),
	}
	found := 0
	for from, to := uint64(1), log.Head(); from <= to; {
		var b batch
		upto, err := w.find(context.Background(), &b, from, to)
		if err != nil {
			panic(err)
		}
		found, from = found+len(b.seqs), upto+1
	}
	return found
}
