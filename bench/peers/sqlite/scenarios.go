package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"dashd/bench/peers/internal/peer"
)

// Scenarios implements peer.Peer.
func (p *Peer) Scenarios() []peer.Scenario {
	return []peer.Scenario{
		p.write("single", "INSERT of one row, prepared, in a transaction of its own", 64, 1),
		p.write("batch1000", "INSERT of 1,000 rows, prepared, in one transaction", 8, 1000),
		p.read("latest20-hot", "the latest 20 events of the busiest user", func(int) (*sql.Stmt, []any) { return p.latest, []any{"default", p.sample.Users()[0]} }),
		p.read("latest20", "the latest 20 events of a random user", func(n int) (*sql.Stmt, []any) {
			return p.latest, []any{"default", p.sample.Users()[n%len(p.sample.Users())]}
		}),
		p.read("count", "the number of failed sign-ins", func(int) (*sql.Stmt, []any) { return p.count, []any{"default", "login.failed"} }),
		{
			Work: peer.Work{Name: "select", About: "all events, in the order of arrival, each decoded into a row", Clients: 1},
			Pass: p.all,
		},
	}
}

// write is a scenario that stores so many events a request.
func (p *Peer) write(name, about string, clients, events int) peer.Scenario {
	var requests [][][]any
	return peer.Scenario{
		Work: peer.Work{
			Name: name, About: about, Clients: clients, Events: events,
			Do: func(ctx context.Context, _, n int) error { return p.store(ctx, requests[n%len(requests)]) },
		},
		Prepare: func(context.Context, int) error {
			requests = nil
			for _, events := range p.sample.Requests(events) {
				requests = append(requests, rowsOf(events))
			}
			return nil
		},
	}
}

// read is a scenario that reads the answer of a statement to the end.
func (p *Peer) read(name, about string, ask func(n int) (*sql.Stmt, []any)) peer.Scenario {
	return peer.Scenario{
		Work: peer.Work{
			Name: name, About: about, Clients: 4,
			Do: func(ctx context.Context, _, n int) error {
				statement, args := ask(n)
				rows, err := statement.QueryContext(ctx, args...)
				if err != nil {
					return err
				}
				defer rows.Close()
				columns, err := rows.Columns()
				if err != nil {
					return err
				}
				into := make([]any, len(columns))
				for i := range into {
					into[i] = new(sql.RawBytes)
				}
				for rows.Next() {
					if err := rows.Scan(into...); err != nil {
						return err
					}
				}
				return rows.Err()
			},
		},
	}
}

// row is an event as it is read.
type row struct {
	seq, time, received, status, source                         int64
	id, project, kind, user, session, organization, countryCode sql.RawBytes
	country, city, addr, agent, metadata                        sql.RawBytes
}

// all reads every event.
func (p *Peer) all(ctx context.Context) (n int, took time.Duration, err error) {
	begin := time.Now()
	rows, err := p.db.QueryContext(ctx, `SELECT seq, time, received_at, status, source, id, project, type, user_id, session_id, organization_id,
		country_code, country, city, ip_address, user_agent, metadata FROM events ORDER BY seq`)
	if err != nil {
		return 0, 0, err
	}
	defer rows.Close()
	var r row
	for last := int64(0); rows.Next(); n++ {
		if err := rows.Scan(&r.seq, &r.time, &r.received, &r.status, &r.source, &r.id, &r.project, &r.kind, &r.user, &r.session, &r.organization,
			&r.countryCode, &r.country, &r.city, &r.addr, &r.agent, &r.metadata); err != nil {
			return n, 0, err
		}
		if r.seq != last+1 {
			return n, 0, fmt.Errorf("event %d comes after %d", r.seq, last)
		}
		last = r.seq
	}
	return n, time.Since(begin), rows.Err()
}
