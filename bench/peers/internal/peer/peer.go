// Package peer says what a system must offer to be measured beside dashd.
//
// Start reading at [Peer].
package peer

import (
	"context"
	"time"
)

// Peer is a system that is measured beside dashd: servers, a client, and the work that is sent. A Peer is started once.
// Its methods are called from one goroutine; the Do of its scenarios from many.
type Peer interface {
	// Name is what the command line and the results call it, as in "postgres-quorum".
	Name() string
	// Start starts the servers with their data below dir, a directory of its own that exists and is empty, on ports of
	// loopback that were free, with settings under which what was acknowledged survives a power cut. It installs nothing: a server
	// that is not there is an error that wraps ErrMissing. It returns when the servers answer; ctx bounds only the
	// start. After an error nothing of it runs any more.
	Start(ctx context.Context, dir string) (Facts, error)
	// Scenarios lists what can be measured, in a sensible order. It can be called before Start.
	Scenarios() []Scenario
	// Pids are the processes of the servers, without their children. Those count too.
	Pids() []int
	// DiskBytes is what the stored events take on the disk of one node, after whatever the server offers to make that
	// small in the course of normal work (a checkpoint, a vacuum, a compaction), and the number of those events. Space that is
	// reserved for a write-ahead log that is used again and again is not in it.
	DiskBytes(ctx context.Context) (Disk, error)
	// Stop ends the servers and waits for them. Data stay where they are. It may be called before Start and twice.
	Stop() error
}

// Loader is a Peer that can be filled before it is measured, so that reads meet a log of a certain size.
type Loader interface {
	// Load stores n events that are not alike, rounded up to full batches, the fastest way there is, and makes what a server
	// would have made in the hours that this takes in earnest (statistics, vacuum). progress gets how many there are.
	Load(ctx context.Context, n int, progress func(events int)) error
}

// Scenario is a Work of a peer.
type Scenario struct {
	Work
	// Prepare makes ready what Do needs for so many clients, who may be others than Clients: connections, prepared statements, requests. It is not
	// measured. Nil: nothing is needed.
	Prepare func(ctx context.Context, clients int) error
	// Pass, if set, is the whole measurement: something that is done once, to so many events, as reading all of
	// them is. Then Do is nil and Events 0.
	Pass func(ctx context.Context) (events int, took time.Duration, err error)
}

// Facts are what a reader of the results must know of a peer.
type Facts struct {
	Version  string   `json:"version"`  // of the server, as it says itself
	Client   string   `json:"client"`   // the driver, with its version
	Settings []string `json:"settings"` // "name = value", of all settings that are not the default and of those that durability hangs on
}

// Disk is what events take.
type Disk struct {
	Events int64 `json:"events"`
	Bytes  int64 `json:"bytes"` // of the events with their indexes
	Log    int64 `json:"log"`   // of the write-ahead log beside them, if it is apart
	// What the bytes are made of, for people.
	Note string `json:"note,omitempty"`
}
