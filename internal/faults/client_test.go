package faults_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"dashd/internal/dashdtest"
)

// clients write until they are stopped or the node is gone.
type clients struct {
	stop    context.CancelFunc
	running sync.WaitGroup
}

const clientCount = 16

// write starts clients that write as fast as they are answered. label tells their
// events from those of other rounds.
func write(h *history, n *dashdtest.Node, label string) *clients {
	return startClients(h, n, label, clientCount, 0)
}

// writePaced starts one client that sends a request now and then.
func writePaced(h *history, n *dashdtest.Node, label string, pace time.Duration) *clients {
	return startClients(h, n, label, 1, pace)
}

func startClients(h *history, n *dashdtest.Node, label string, number int, pace time.Duration) *clients {
	ctx, stop := context.WithCancel(context.Background())
	c := &clients{stop: stop}
	for i := range number {
		who := fmt.Sprintf("%s.%d", label, i)
		client := newClient(h, n.URL, choices("client "+h.s.Name+who))
		client.who = who
		c.running.Go(func() { client.run(ctx, n.Done, pace) })
	}
	return c
}

// wait waits until the clients have stopped, as they do when the node has ended.
func (c *clients) wait() {
	c.running.Wait()
	c.stop()
}

// end lets the clients finish their requests and stop.
func (c *clients) end() {
	c.stop()
	c.wait()
}

// client is one producer.
type client struct {
	h    *history
	url  string
	rng  *rand.Rand
	who  string
	made int
	http *http.Client
}

func newClient(h *history, url string, rng *rand.Rand) *client {
	return &client{h: h, url: url, rng: rng, http: &http.Client{
		Transport: &http.Transport{}, Timeout: dashdtest.Patience,
	}}
}

// run sends requests until ctx ends or the node is gone, one each pace or, if that
// is 0, one after the other.
func (c *client) run(ctx context.Context, gone <-chan struct{}, pace time.Duration) {
	defer c.http.CloseIdleConnections()
	again := time.NewTicker(max(pace, 10*time.Millisecond)) // also while nothing is taken
	defer again.Stop()
	for ctx.Err() == nil {
		// A request that has begun is finished whatever ctx says: its outcome counts.
		err := c.request(context.WithoutCancel(ctx))
		if err == nil && pace == 0 {
			continue
		}
		select {
		case <-gone:
			return
		case <-again.C:
		}
	}
}

// request sends one request of a random form.
func (c *client) request(ctx context.Context) error {
	switch c.rng.IntN(4) {
	case 0:
		return c.track(ctx, c.name(formTrack))
	case 1:
		return c.studio(ctx, c.batch(formStudio, 20))
	default:
		return c.native(ctx, c.batch(formNative, 50))
	}
}

func (c *client) name(form byte) string {
	c.made++
	return fmt.Sprintf("%c-%s.%d", form, c.who, c.made)
}

// batch returns new events and repeats of any client's earlier ones.
func (c *client) batch(form byte, most int) []string {
	n := 1 + c.rng.IntN(most)
	names := make([]string, 0, n)
	had := map[string]bool{}
	for range n {
		name := ""
		if c.rng.IntN(10) == 0 {
			name, _ = c.h.known(c.rng)
		}
		if name == "" || had[name] {
			name = c.name(form)
		}
		had[name] = true
		names = append(names, name)
	}
	return names
}

func (c *client) track(ctx context.Context, name string) error {
	before := c.h.sending([]string{name})
	e := makeEvent(name)
	status, text, err := c.post(ctx, "/events/track", "application/json", e.json())
	if err != nil {
		return err
	}
	if status != http.StatusOK || string(text) != `{"success":true}` {
		return c.refused(status, text)
	}
	c.h.took(name, 0, false, before[0])
	return nil
}

// native sends a batch to POST /ingest/events, as an array or as lines.
func (c *client) native(ctx context.Context, names []string) error {
	before := c.h.sending(names)
	body, mediaType := array(names), "application/json"
	if c.rng.IntN(3) == 0 {
		body, mediaType = lines(names), "application/x-ndjson"
	}
	status, text, err := c.post(ctx, "/ingest/events", mediaType, body)
	if err != nil {
		return err
	}
	var answer struct {
		Results []struct {
			Seq       uint64
			Duplicate bool
			Error     *struct{ Code, Message string }
		}
	}
	if err := json.Unmarshal(text, &answer); err != nil {
		return err // a cut answer
	}
	for i, r := range answer.Results {
		switch {
		case i >= len(names):
			c.wrong("%d results for %d events: %s", len(answer.Results), len(names), text)
		case r.Error != nil:
			c.wrong("%s: %s %s", names[i], r.Error.Code, r.Error.Message)
		case r.Seq != 0:
			c.h.took(names[i], r.Seq, r.Duplicate, before[i])
		}
	}
	if status != http.StatusOK {
		return c.refused(status, text)
	}
	if len(answer.Results) != len(names) {
		c.wrong("%d results for %d events: %s", len(answer.Results), len(names), text)
	}
	return nil
}

// studio sends a batch to POST /ingest/studio, whose answer has no positions.
func (c *client) studio(ctx context.Context, names []string) error {
	before := c.h.sending(names)
	body := fmt.Appendf(nil, `{"events":%s}`, array(names))
	if len(names) == 1 {
		e := makeEvent(names[0])
		body = e.json()
	}
	status, text, err := c.post(ctx, "/ingest/studio", "application/json", body)
	if err != nil {
		return err
	}
	if status != http.StatusOK {
		return c.refused(status, text)
	}
	var answer struct {
		Accepted, Duplicates int
		Rejected             []json.RawMessage
	}
	if err := json.Unmarshal(text, &answer); err != nil {
		return err
	}
	if len(answer.Rejected) > 0 || answer.Accepted+answer.Duplicates != len(names) {
		c.wrong("a studio batch of %d good events: %s", len(names), text)
		return nil
	}
	for i, name := range names {
		c.h.took(name, 0, true, before[i])
	}
	return nil
}

func (c *client) wrong(format string, args ...any) {
	c.h.mu.Lock()
	defer c.h.mu.Unlock()
	c.h.problem(wrong, format, args...)
}

// refused notes an answer that took nothing, or not all.
func (c *client) refused(status int, text []byte) error {
	var e struct{ Code, Message string }
	_ = json.Unmarshal(text, &e) // no JSON: no code, which the test notices
	answer := fmt.Sprintf("%d %s", status, e.Code)
	c.h.refuse(answer)
	return fmt.Errorf("%s: %s", answer, e.Message)
}

// post sends a request. An error means that its outcome is not known.
func (c *client) post(ctx context.Context, path, mediaType string, body []byte) (status int, text []byte, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url+path, bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	req.Header.Set("Content-Type", mediaType)
	req.Header.Set("X-Api-Key", dashdtest.Key)
	resp, err := c.http.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	text, err = io.ReadAll(resp.Body)
	return resp.StatusCode, text, err
}

func array(names []string) []byte {
	return fmt.Appendf(nil, "[%s]", bytes.TrimSuffix(bytes.ReplaceAll(lines(names), []byte("\n"), []byte(",")), []byte(",")))
}

func lines(names []string) []byte {
	var b []byte
	for _, name := range names {
		e := makeEvent(name)
		b = append(append(b, e.json()...), '\n')
	}
	return b
}
