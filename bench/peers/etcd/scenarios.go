package etcd

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"golang.org/x/sync/errgroup"

	"dashd/bench/peers/internal/peer"
	"dashd/bench/peers/internal/sample"
	"dashd/eventlog"
	"dashd/internal/genevents"
)

// connections is how many the clients share at most: HTTP/2 carries many requests at once, and fewer connections
// cost both sides less. The project's own benchmarks let ten clients share one.
const connections = 8

// Scenarios implements peer.Peer. Clients and sizes are those of dashd's scenarios; a transaction of 1,000 is there with
// fewer and more clients too, since what suits dashd need not suit etcd.
func (p *Peer) Scenarios() []peer.Scenario {
	return []peer.Scenario{
		p.write("single", "put of one event", 64, 1),
		p.write("txn1000", "transaction of 1,000 puts", 8, 1000),
		p.write("txn1000/1", "the same by one client", 1, 1000),
		p.write("txn1000/16", "the same by 16 clients", 16, 1000),
		{
			Work:    peer.Work{Name: "range-stream", About: "all events by one RangeStream; the client gets their text and does not look into it", Clients: 1},
			Prepare: p.connect, Pass: p.readStream,
		},
		{
			Work:    peer.Work{Name: "range-pages", About: "all events by ranges of 10,000 keys at one revision, in the same way", Clients: 1},
			Prepare: p.connect, Pass: p.readPages,
		},
		p.latest("latest20-hot", "the latest 20 events of the busiest user, under keys by user", func(users []string, _ int) string { return users[0] }),
		p.latest("latest20", "the latest 20 events of a random user, under keys by user", func(users []string, n int) string { return users[n%len(users)] }),
	}
}

// client is the connection of a client.
func (p *Peer) client(i int) *clientv3.Client { return p.clients[i%len(p.clients)] }

// write is a scenario that puts requests of so many events in turn, under new keys.
func (p *Peer) write(name, about string, clients, events int) peer.Scenario {
	var requests [][]string
	return peer.Scenario{
		Work: peer.Work{
			Name: name, About: about, Clients: clients, Events: events,
			Do: func(ctx context.Context, c, n int) error {
				return p.put(ctx, p.client(c), requests[n%len(requests)])
			},
		},
		Prepare: func(ctx context.Context, clients int) error {
			requests = nil
			for _, events := range p.sample.Requests(events) {
				requests = append(requests, texts(events))
			}
			return p.connect(ctx, min(clients, connections))
		},
	}
}

// texts are the values that events are stored as.
func texts(events []eventlog.Event) []string {
	values := make([]string, len(events))
	for i := range events {
		values[i] = string(sample.JSON(&events[i]))
	}
	return values
}

// put stores values under new keys: one by a put, several by a transaction.
func (p *Peer) put(ctx context.Context, c *clientv3.Client, values []string) error {
	if len(values) == 1 {
		_, err := c.Put(ctx, eventKey(p.ids.Next()), values[0])
		return err
	}
	ops := make([]clientv3.Op, len(values))
	for i, v := range values {
		ops[i] = clientv3.OpPut(eventKey(p.ids.Next()), v)
	}
	return commit(ctx, c, ops)
}

// commit makes operations one transaction.
func commit(ctx context.Context, c *clientv3.Client, ops []clientv3.Op) error {
	r, err := c.Txn(ctx).Then(ops...).Commit()
	if err == nil && (!r.Succeeded || len(r.Responses) != len(ops)) {
		return fmt.Errorf("%d of %d operations were answered", len(r.Responses), len(ops))
	}
	return err
}

// readStream is the pass over all events that etcd offers since 3.7.
func (p *Peer) readStream(ctx context.Context) (events int, took time.Duration, err error) {
	begin := time.Now()
	stream, err := p.clients[0].GetStream(ctx, eventPrefix, clientv3.WithPrefix())
	if err != nil {
		return 0, 0, err
	}
	for chunk := range stream {
		if err := chunk.Err(); err != nil {
			return 0, 0, err
		}
		events += len(chunk.Kvs)
	}
	return events, time.Since(begin), ctx.Err()
}

// pageKeys is how many keys are read at once. A range of etcd is one message.
const pageKeys = 10_000

// readPages is the pass over all events of clients that know only Range. The first page asks the leader's quorum which
// revision is the newest; the others are of that revision and need to ask nobody.
func (p *Peer) readPages(ctx context.Context) (events int, took time.Duration, err error) {
	begin := time.Now()
	next, end := eventPrefix, clientv3.GetPrefixRangeEnd(eventPrefix)
	options := []clientv3.OpOption{clientv3.WithRange(end), clientv3.WithLimit(pageKeys)}
	for {
		page, err := p.clients[0].Get(ctx, next, options...)
		if err != nil {
			return 0, 0, err
		}
		if events == 0 {
			options = append(options, clientv3.WithRev(page.Header.Revision), clientv3.WithSerializable())
		}
		events += len(page.Kvs)
		if !page.More {
			return events, time.Since(begin), nil
		}
		next = string(page.Kvs[len(page.Kvs)-1].Key) + "\x00"
	}
}

// latest is a scenario that reads the first 20 keys of a user.
func (p *Peer) latest(name, about string, user func(users []string, n int) string) peer.Scenario {
	return peer.Scenario{
		Work: peer.Work{
			Name: name, About: about, Clients: 4,
			Do: func(ctx context.Context, c, n int) error {
				r, err := p.client(c).Get(ctx, userPrefix+user(p.sample.Users(), n)+"/", clientv3.WithPrefix(), clientv3.WithLimit(20))
				if err == nil && len(r.Kvs) == 0 {
					return errors.New("no event was found")
				}
				return err
			},
		},
		Prepare: func(ctx context.Context, clients int) error {
			if err := p.connect(ctx, connections); err != nil {
				return err
			}
			return p.indexByUser(ctx)
		},
	}
}

// drawn is how many events the load generator learns its users from. Each user who is asked for is in them.
const drawn = 20_000

// indexByUser stores events a second time, under their users, unless that was done: as many as were loaded, or those that
// the load generator learned its users from.
func (p *Peer) indexByUser(ctx context.Context) error {
	r, err := p.clients[0].Get(ctx, userPrefix, clientv3.WithPrefix(), clientv3.WithCountOnly())
	if err != nil || r.Count > 0 {
		return err
	}
	source := genevents.New(sample.Seed, sample.Users)
	var mu sync.Mutex // guards source
	batch := func() (ops []clientv3.Op) {
		mu.Lock()
		defer mu.Unlock()
		for range loadBatch {
			if e := source.Next(); e.UserID != "" {
				ops = append(ops, clientv3.OpPut(userKey(e.UserID, p.ids.Next()), string(sample.JSON(&e))))
			}
		}
		return ops
	}
	return p.each(ctx, max(drawn, p.loaded)/loadBatch, func(ctx context.Context, c *clientv3.Client) error {
		return commit(ctx, c, batch())
	})
}

// loadBatch is how many events a transaction of a load has.
const loadBatch = 1000

// Load implements peer.Loader.
func (p *Peer) Load(ctx context.Context, n int, progress func(events int)) error {
	if err := p.connect(ctx, connections); err != nil {
		return err
	}
	var mu sync.Mutex // guards the sample and p.loaded
	return p.each(ctx, (n+loadBatch-1)/loadBatch, func(ctx context.Context, c *clientv3.Client) error {
		mu.Lock()
		values := texts(p.sample.Batch(loadBatch))
		mu.Unlock()
		if err := p.put(ctx, c, values); err != nil {
			return err
		}
		mu.Lock()
		defer mu.Unlock()
		p.loaded += loadBatch
		progress(p.loaded)
		return nil
	})
}

// each does something n times, with each connection once at a time.
func (p *Peer) each(ctx context.Context, n int, do func(ctx context.Context, c *clientv3.Client) error) error {
	turns := make(chan struct{}, n)
	for range n {
		turns <- struct{}{}
	}
	close(turns)
	g, ctx := errgroup.WithContext(ctx)
	for _, c := range p.clients {
		g.Go(func() error {
			for range turns {
				if err := do(ctx, c); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return g.Wait()
}

// Keys. Those of events rise with time; those of a user fall, since a range cannot begin at its end without reading it all.
const (
	eventPrefix = "e/"
	userPrefix  = "u/"
)

func eventKey(id [16]byte) string { return eventPrefix + string(id[:]) }

func userKey(user string, id [16]byte) string {
	for i := range id {
		id[i] = math.MaxUint8 - id[i]
	}
	return userPrefix + user + "/" + string(id[:])
}
