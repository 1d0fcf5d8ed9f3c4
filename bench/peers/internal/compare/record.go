package compare

import (
	"encoding/json"
	"time"

	"dashd/bench/peers/internal/peer"
	"dashd/internal/bench"
)

// Record is everything about one comparison: what bench/results keeps.
type Record struct {
	Begun    time.Time       `json:"begun"`
	Seconds  float64         `json:"seconds"`
	Commit   string          `json:"commit"`
	Modified bool            `json:"modified"` // the sources were not those of the commit
	Quick    bool            `json:"quick"`    // only shows that everything works
	Rounds   int             `json:"rounds"`
	Duration time.Duration   `json:"durationNs"`
	Events   int             `json:"events"` // in the log when reads are measured
	Machine  json.RawMessage `json:"machine"`
	// Valid says that the machine was quiet all the time; NotValid, why it was not, and what else must not be overlooked.
	Valid    bool                  `json:"valid"`
	NotValid []string              `json:"notValid,omitempty"`
	Peers    map[string]peer.Facts `json:"peers"`
	Runs     []Outcome             `json:"runs"`
	Rows     []Compared            `json:"rows"`
}

// Outcome is what one program printed in one heat of one round.
type Outcome struct {
	Round   int            `json:"round"` // from 1
	Heat    string         `json:"heat"`
	Who     string         `json:"who"` // "dashd", "dashd-3" or a peer
	Results []bench.Result `json:"results,omitempty"`
	// DiskBytes is what an event took on the disk at the end; 0: it was not looked at.
	DiskBytes float64 `json:"diskBytesPerEvent,omitempty"`
	// Failed says why there are no results.
	Failed string `json:"failed,omitempty"`
}

// note notes why the record is not valid.
func (r *Record) note(why string) {
	for _, known := range r.NotValid {
		if known == why {
			return
		}
	}
	r.NotValid = append(r.NotValid, why)
}
