package commands

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"dashd/eventlog"
	"dashd/projections"
)

// GeoFile is what became of the operator's geo database on a node.
type GeoFile struct {
	Node   string `json:"nodeId"`
	Reason string `json:"reason,omitempty"` // why it was rejected; "" if it is used from now on
	// The database, as far as it could be read.
	SHA256 string `json:"sha256,omitempty"`
	Type   string `json:"databaseType,omitempty"`
	Built  string `json:"built,omitempty"`
	Bytes  int64  `json:"bytes,omitempty"`
}

// NoteGeoFile puts it into the audit trail: which database places were looked up in from
// there on, or why the one in use stays in use. Nothing is decided here.
func (c *Commands) NoteGeoFile(ctx context.Context, f GeoFile, at time.Time) error {
	t := eventlog.DashdGeoLoaded
	if f.Reason != "" {
		t = eventlog.DashdGeoRejected
	}
	// The moment is in the id: the same file may come again, and what is told twice is one event.
	e := c.event(t, projections.Operator("geo"), "", f, f.Node, f.SHA256, f.Reason, strconv.FormatInt(at.UnixNano(), 10))
	e.Key = eventlog.NoKey
	if f.Reason != "" {
		e.Shown = eventlog.SeverityWarning
	}
	if _, err := c.o.Reports.Append(ctx, []eventlog.Event{e}); err != nil {
		return fmt.Errorf("append: %w", waiting(err))
	}
	return nil
}
