package nats

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/synadia-io/orbit.go/jetstreamext"
	"golang.org/x/sync/errgroup"

	"dashd/bench/peers/internal/peer"
	"dashd/bench/peers/internal/sample"
	"dashd/eventlog"
)

const (
	// connections is how many the clients share at most: one carries the messages of many, and fewer cost both
	// sides less.
	connections = 8
	// window is how many messages of a connection may wait for their acknowledgements.
	window = 4_000
	// batch is how many events a batch has: the most that the server takes as one that is atomic.
	batch = 1_000
)

// Scenarios implements peer.Peer. Clients and sizes are those of dashd's scenarios.
func (p *Peer) Scenarios() []peer.Scenario {
	return []peer.Scenario{
		p.write("single", "publish of one event, acknowledged", 64, 1, (*client).publish),
		p.write("async1000", "1,000 events, published without waiting, each acknowledged", 8, batch, (*client).publishAll),
		p.write("fast1000", "batch of 1,000 events, stored as they arrive, the last acknowledged", 8, batch, (*client).publishFast),
		p.write("fast1000/16", "the same by 16 clients", 16, batch, (*client).publishFast),
		p.write("atomic1000", "batch of 1,000 events, stored as a whole", 8, batch, (*client).publishAtomic),
		p.bundle("message1000", "one message of 1,000 events: not per event", 8),
		{
			Work:    peer.Work{Name: "consume", About: "all events by an ordered consumer; the client gets their text and does not look into it", Clients: 1},
			Prepare: func(ctx context.Context, _ int) error { return p.connect(ctx, 1, events) },
			Pass:    p.consume,
		},
	}
}

// write is a scenario that sends requests of so many events in turn.
func (p *Peer) write(name, about string, clients, n int, send func(*client, context.Context, [][]byte) error) peer.Scenario {
	var requests [][][]byte
	return peer.Scenario{
		Work: peer.Work{
			Name: name, About: about, Clients: clients, Events: n,
			Do: func(ctx context.Context, c, n int) error {
				return send(p.clients[c%len(p.clients)], ctx, requests[n%len(requests)])
			},
		},
		Prepare: func(ctx context.Context, clients int) error {
			requests = nil
			for _, events := range p.sample.Requests(n) {
				requests = append(requests, texts(events))
			}
			return p.connect(ctx, min(clients, connections), events)
		},
	}
}

// bundle is a scenario whose messages are arrays of events.
func (p *Peer) bundle(name, about string, clients int) peer.Scenario {
	var requests [][]byte
	return peer.Scenario{
		Work: peer.Work{
			Name: name, About: about, Clients: clients, Events: batch,
			Do: func(ctx context.Context, c, n int) error {
				_, err := p.clients[c%len(p.clients)].js.Publish(ctx, bundles, requests[n%len(requests)])
				return err
			},
		},
		Prepare: func(ctx context.Context, clients int) error {
			requests = nil
			for _, events := range p.sample.Requests(batch) {
				requests = append(requests, fmt.Appendf(nil, "[%s]", bytes.Join(texts(events), []byte{','})))
			}
			return p.connect(ctx, min(clients, connections), bundles)
		},
	}
}

// texts are the messages that events are sent as.
func texts(events []eventlog.Event) [][]byte {
	messages := make([][]byte, len(events))
	for i := range events {
		messages[i] = sample.JSON(&events[i])
	}
	return messages
}

// publish sends one message and waits for its acknowledgement.
func (c *client) publish(ctx context.Context, messages [][]byte) error {
	_, err := c.js.Publish(ctx, events, messages[0])
	return err
}

// publishAll sends messages and then waits for the acknowledgement of each.
func (c *client) publishAll(ctx context.Context, messages [][]byte) error {
	acks := make([]jetstream.PubAckFuture, len(messages))
	for i, m := range messages {
		var err error
		if acks[i], err = c.js.PublishAsync(events, m, jetstream.WithStallWait(patience)); err != nil {
			return err
		}
	}
	for _, ack := range acks {
		select {
		case <-ack.Ok():
		case err := <-ack.Err():
			return err
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// publishFast sends messages as one batch. The server stores each as it comes and holds the sender back when it is late; the last
// one's acknowledgement counts those that are stored.
func (c *client) publishFast(ctx context.Context, messages [][]byte) error {
	// All of a batch may be under way: the number of clients bounds what is.
	b, err := jetstreamext.NewFastPublisher(c.js,
		jetstreamext.FastPublishFlowControl{Flow: 500, MaxOutstandingAcks: 3, AckTimeout: patience})
	if err != nil {
		return err
	}
	last := len(messages) - 1
	for _, m := range messages[:last] {
		if _, err := b.Add(events, m); err != nil {
			return err
		}
	}
	ack, err := b.Commit(ctx, events, messages[last])
	return wholeBatch(ack, err, len(messages))
}

// publishAtomic sends messages as one batch that the server stores as a whole when it has the last one.
func (c *client) publishAtomic(ctx context.Context, messages [][]byte) error {
	list := make([]*nats.Msg, len(messages))
	for i, m := range messages {
		list[i] = &nats.Msg{Subject: events, Data: m, Header: nats.Header{}}
	}
	ack, err := jetstreamext.PublishMsgBatch(ctx, c.js, list, jetstreamext.BatchFlowControl{AckTimeout: patience})
	return wholeBatch(ack, err, len(messages))
}

// wholeBatch makes sure that an acknowledgement is of all messages of a batch.
func wholeBatch(ack *jetstreamext.BatchAck, err error, messages int) error {
	if err == nil && ack.BatchSize != uint64(messages) {
		return fmt.Errorf("%d of %d messages were stored", ack.BatchSize, messages)
	}
	return err
}

// consume is the pass over all events.
func (p *Peer) consume(ctx context.Context) (n int, took time.Duration, err error) {
	c := p.clients[0]
	info, err := c.info(ctx, events)
	if err != nil {
		return 0, 0, err
	}
	want := int(info.State.Msgs)
	if want == 0 {
		return 0, 0, errors.New("no event is stored")
	}
	begin := time.Now()
	consumer, err := c.js.OrderedConsumer(ctx, events, jetstream.OrderedConsumerConfig{})
	if err != nil {
		return 0, 0, err
	}
	messages, err := consumer.Messages(jetstream.PullMaxMessages(10_000))
	if err != nil {
		return 0, 0, err
	}
	defer messages.Stop()
	for n < want {
		if _, err := messages.Next(jetstream.NextContext(ctx)); err != nil {
			return n, 0, err
		}
		n++
	}
	return n, time.Since(begin), nil
}

// Load implements peer.Loader.
func (p *Peer) Load(ctx context.Context, n int, progress func(events int)) error {
	if err := p.connect(ctx, connections, events); err != nil {
		return err
	}
	var mu sync.Mutex // guards the rest
	left, done := (n+batch-1)/batch, 0
	next := func() ([][]byte, bool) {
		mu.Lock()
		defer mu.Unlock()
		if left == 0 {
			return nil, false
		}
		left--
		return texts(p.sample.Batch(batch)), true
	}
	g, ctx := errgroup.WithContext(ctx)
	for _, c := range p.clients {
		g.Go(func() error {
			for messages, more := next(); more; messages, more = next() {
				if err := c.publishFast(ctx, messages); err != nil {
					return fmt.Errorf("load: %w", err)
				}
				mu.Lock()
				done += batch
				progress(done)
				mu.Unlock()
			}
			return nil
		})
	}
	return g.Wait()
}
