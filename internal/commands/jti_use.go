package commands

import (
	"context"
	"fmt"

	"dashd/eventlog"
	"dashd/projections"
)

// tokenUse is the metadata of an eventlog.DashdTokenUsed event. The jti is not in
// it: the event's id derives from it.
type tokenUse struct {
	Project string `json:"projectId"`
}

// UseJTI uses up a token: it reports true to the first who asks for this jti in the
// asker's project, and false to everyone after, on any node and for ever. A token
// without a jti, or one that has expired (expiresAt in s; 0: it does not say), is
// not good. After an error the token may or may not be used up; asking again
// can only be answered false.
//
// Nothing is decided here and no image is asked, so asks do not wait for one another:
// the log takes the first event under an id, and that is the answer.
func (c *Commands) UseJTI(ctx context.Context, by projections.Principal, jti string, expiresAt int64) (bool, error) {
	if jti == "" || expiresAt != 0 && expiresAt <= c.o.Now()/1000 {
		return false, nil
	}
	use := c.event(eventlog.DashdTokenUsed, by, by.Project, tokenUse{by.Project}, by.Project, jti)
	results, err := c.o.Reports.Append(ctx, []eventlog.Event{use})
	if err != nil {
		return false, fmt.Errorf("append: %w", waiting(err))
	}
	return !results[0].Duplicate && !results[0].Conflict, nil
}
