package peer

import "context"

// Work is one kind of load: see the load generator.
type Work struct {
	Name    string
	About   string
	Clients int
	Events  int // of one request; 0: a read
	// Do sends request n, counted over all clients, and returns when it is answered: for a write, when all its
	// events are durable. Each client calls it from a goroutine of its own, one call at a time.
	Do func(ctx context.Context, client, n int) error
}
