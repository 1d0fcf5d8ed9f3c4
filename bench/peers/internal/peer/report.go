package peer

import "dashd/internal/bench"

// Report is what a run of a peer found, in the order in which it was measured.
type Report struct {
	Peer    string         `json:"peer"`
	Facts   Facts          `json:"facts"`
	Results []bench.Result `json:"results"`
	Disk    *Disk          `json:"disk,omitempty"`
}
