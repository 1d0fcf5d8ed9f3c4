package drains

// SetFarBehind makes drains that are so many events behind ask the index.
func (d *Deliverer) SetFarBehind(n uint64) { d.farBehind = n }

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
