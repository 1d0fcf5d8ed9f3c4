package drains

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"time"

	"dashd/internal/destination"
	"dashd/internal/outbound"
)

// Test sends a test event, and returns why it was not taken, "" if it was. What the destination
// answered is not repeated: only its status is.
func (d *Deliverer) Test(ctx context.Context, organizationID string, config destination.Config) (failure string) {
	id := uuid()
	event := destination.TestEvent(id, now(), organizationID)
	req := config.Request(id, config.TestBody(event), time.Now())
	leave, err := d.enter(ctx, true) // who tries a dead destination again and again holds up no deliveries
	if err != nil {
		return "the request timed out"
	}
	defer leave()
	answer, err := d.o.Sender.Do(ctx, outbound.Request{Method: req.Method, URL: req.URL, Header: req.Header, Body: req.Body})
	var known *outbound.Error
	switch {
	case errors.As(err, &known):
		return known.Error()
	case err != nil:
		return "the connection failed"
	case answer.Status/100 == 2:
		return ""
	}
	return fmt.Sprintf("%s error: %d - %s", config.Label(), answer.Status, http.StatusText(answer.Status))
}

// uuid makes a random UUID.
func uuid() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
