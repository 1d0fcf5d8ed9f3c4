package peer

import "dashd/internal/bench"

// Work is one kind of request: what dashd's own scenarios are made of, driven by the same loop.
type Work = bench.Work
