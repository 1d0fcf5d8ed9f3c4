package postgres

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"time"

	"dashd/bench/peers/internal/peer"
	"dashd/bench/peers/internal/sample"
	"dashd/eventlog"
)

// The statements of reads, by their names on each connection.
const (
	latestOf = "latest_of"
	countOf  = "count_of"
)

// binaryFormat is the one format of all parameters and results.
var binaryFormat = []int16{1}

// Scenarios implements peer.Peer. Clients and sizes are those of dashd's scenarios; reads need the indexes.
func (p *Peer) Scenarios() []peer.Scenario {
	list := []peer.Scenario{
		p.write("single", "INSERT of one row, prepared", 64, 1, rowRequest, (*client).insertOne),
		p.write("multi1000", "INSERT of 1,000 rows by arrays, prepared", 8, 1000, arrayRequest, (*client).insertAll),
		p.write("copy1000", "COPY of 1,000 rows, binary", 8, 1000, copyRequest, (*client).copyIn),
	}
	if p.bare {
		return list
	}
	return append(list,
		p.read("latest20-hot", "the latest 20 events of the busiest user", latestOf, 20, func(users []string, _ int) []string { return []string{"default", users[0]} }),
		p.read("latest20", "the latest 20 events of a random user", latestOf, 0, func(users []string, n int) []string { return []string{"default", users[n%len(users)]} }),
		p.read("count", "the number of failed sign-ins", countOf, 1, func([]string, int) []string { return []string{"default", "login.failed"} }),
		p.pass("copyto", "COPY of all events to the client, which decodes each into a row", "binary", func() sink { return new(decoder) }),
		p.pass("copyto-raw", "the same, in text, which nobody looks at", "text", func() sink { return new(lines) }),
	)
}

// write is a scenario that sends requests of so many events in turn, with new ids.
func (p *Peer) write(name, about string, clients, events int, pack func([]eventlog.Event) request, send func(*client, context.Context, *request, *sample.IDs) error) peer.Scenario {
	var requests []request
	return peer.Scenario{
		Work: peer.Work{
			Name: name, About: about, Clients: clients, Events: events,
			Do: func(ctx context.Context, c, n int) error {
				return send(p.clients[c], ctx, &requests[n%len(requests)], &p.ids)
			},
		},
		Prepare: func(ctx context.Context, clients int) error {
			requests = nil
			for _, events := range p.sample.Requests(events) {
				requests = append(requests, pack(events))
			}
			return p.connect(ctx, clients)
		},
	}
}

// read is a scenario that asks a statement, which has so many rows to answer at least.
func (p *Peer) read(name, about, statement string, least int, args func(users []string, n int) []string) peer.Scenario {
	return peer.Scenario{
		Work: peer.Work{
			Name: name, About: about, Clients: 4,
			Do: func(ctx context.Context, c, n int) error {
				return p.clients[c].ask(ctx, statement, least, args(p.sample.Users(), n))
			},
		},
		Prepare: p.connect,
	}
}

// insertOne inserts the row of a request.
func (c *client) insertOne(ctx context.Context, rq *request, ids *sample.IDs) error {
	var values [32][]byte
	id := ids.Next()
	n := copy(values[:], rq.values)
	values[0] = id[:]
	return c.insert(ctx, insertOne, values[:n], 1)
}

// insertAll inserts the rows of a request.
func (c *client) insertAll(ctx context.Context, rq *request, ids *sample.IDs) error {
	var values [32][]byte
	n := copy(values[:], rq.values)
	c.scratch = append(c.scratch[:0], rq.values[0]...)
	rq.renew(c.scratch, ids)
	values[0] = c.scratch
	return c.insert(ctx, insertAll, values[:n], len(rq.ids))
}

func (c *client) insert(ctx context.Context, statement string, values [][]byte, rows int) error {
	result := c.conn.ExecPrepared(ctx, statement, values, binaryFormat, nil).Read()
	if result.Err == nil && result.CommandTag.RowsAffected() != int64(rows) {
		return fmt.Errorf("%d of %d rows were inserted", result.CommandTag.RowsAffected(), rows)
	}
	return result.Err
}

// copyIn copies the rows of a request in.
func (c *client) copyIn(ctx context.Context, rq *request, ids *sample.IDs) error {
	c.scratch = append(c.scratch[:0], rq.data...)
	rq.renew(c.scratch, ids)
	tag, err := c.conn.CopyFrom(ctx, bytes.NewReader(c.scratch), copyIn)
	if err == nil && tag.RowsAffected() != int64(len(rq.ids)) {
		return fmt.Errorf("%d of %d rows were copied", tag.RowsAffected(), len(rq.ids))
	}
	return err
}

// ask reads the answer of a statement to the end. As of dashd's answers, nothing is made of it, but it must be long enough.
func (c *client) ask(ctx context.Context, statement string, least int, args []string) error {
	values := make([][]byte, len(args))
	for i, a := range args {
		values[i] = []byte(a)
	}
	rows := 0
	reader := c.conn.ExecPrepared(ctx, statement, values, binaryFormat, binaryFormat)
	for reader.NextRow() {
		rows++
	}
	if _, err := reader.Close(); err != nil {
		return err
	}
	if rows < least {
		return fmt.Errorf("%d rows were found, not %d", rows, least)
	}
	return nil
}

// sink takes what COPY TO sends and counts the events in it.
type sink interface {
	io.Writer
	// events is how many there were, or an error if the end was missing.
	events() (int, error)
}

// pass is a scenario that reads the whole table once.
func (p *Peer) pass(name, about, format string, make func() sink) peer.Scenario {
	return peer.Scenario{
		Work:    peer.Work{Name: name, About: about, Clients: 1},
		Prepare: p.connect,
		Pass: func(ctx context.Context) (int, time.Duration, error) {
			s := make()
			begin := time.Now()
			tag, err := p.clients[0].conn.CopyTo(ctx, s, "COPY events TO STDOUT (FORMAT "+format+")")
			took := time.Since(begin)
			if err != nil {
				return 0, 0, err
			}
			n, err := s.events()
			if err == nil && int64(n) != tag.RowsAffected() {
				err = fmt.Errorf("%d of %d rows were read", n, tag.RowsAffected())
			}
			return n, took, err
		},
	}
}

// lines counts the rows of COPY's text format: each is a line, and none has a line feed in it.
type lines struct{ n int }

func (l *lines) Write(p []byte) (int, error) {
	l.n += bytes.Count(p, []byte{'\n'})
	return len(p), nil
}

func (l *lines) events() (int, error) { return l.n, nil }

func (d *decoder) events() (int, error) {
	if !d.ended || len(d.rest) > 0 {
		return 0, io.ErrUnexpectedEOF
	}
	return int(d.rows), nil
}
