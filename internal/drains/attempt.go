package drains

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"dashd/eventlog"
	"dashd/internal/commands"
	"dashd/internal/destination"
	"dashd/internal/outbound"
)

// failure is why a destination has not taken a batch.
type failure struct {
	class string // fit for a tenant
	gone  bool   // it never will
}

func (f *failure) Error() string { return f.class }

// attempt sends the batch b, or as much of it as fits into one request, once. n is how many
// events were taken. Errors other than a *failure are those of this node.
func (w *worker) attempt(ctx context.Context, b batch) (n int, err error) {
	config, err := commands.OpenDrain(w.d.o.Sealer, w.id.project, w.row)
	if err != nil {
		w.d.log.Error("the config of a drain cannot be opened", "drain", w.id.id, "err", err)
		return 0, &failure{class: "config_unreadable"}
	}
	events, err := w.render(b.seqs)
	if err != nil {
		return 0, err
	}
	body := config.Body(events)
	if err := w.d.send(ctx, config.Request(w.batchID(b.seqs[:len(events)]), body, time.Now())); err != nil {
		return 0, err
	}
	return len(events), nil
}

// send sends a request.
func (d *Deliverer) send(ctx context.Context, req destination.Request) error {
	answer, err := d.o.Sender.Do(ctx, outbound.Request{Method: req.Method, URL: req.URL, Header: req.Header, Body: req.Body})
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		return &failure{class: string(outbound.ClassOf(err))}
	case answer.Status/100 == 2:
		return nil
	}
	return &failure{"http_" + strconv.Itoa(answer.Status), answer.Status == http.StatusGone}
}

// maxBody is about how long a body may get; a single event may be longer.
const maxBody = 1 << 20

// render reads the events of seqs, as many of them as fit into one body. It gives the same for the same seqs.
func (w *worker) render(seqs []uint64) ([]destination.Event, error) {
	events := make([]destination.Event, 0, len(seqs))
	size := 0
	for len(seqs) > 0 && size < maxBody {
		n, err := w.d.o.Events.Select(seqs, func(r *eventlog.Record) error {
			e := destination.NewEvent(r, w.row.OrganizationID)
			if size += e.Size(); size < maxBody || len(events) == 0 {
				events = append(events, e)
			}
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("read event %d: %w", seqs[0], err)
		}
		seqs = seqs[n:]
	}
	return events, nil
}

// batchID identifies a batch: the same events of the same drain have the same id, whenever and
// from wherever they are sent. A batch that begins as another one did but holds more has another id:
// a receiver that knows the first one would else throw the rest away.
func (w *worker) batchID(seqs []uint64) string {
	h := sha256.New()
	number := func(n uint64) { h.Write(binary.BigEndian.AppendUint64(nil, n)) }
	for _, text := range []string{w.id.project, w.id.id} {
		number(uint64(len(text)))
		h.Write([]byte(text))
	}
	number(w.row.Epoch)
	for _, seq := range seqs {
		number(seq)
	}
	return "msg_" + hex.EncodeToString(h.Sum(nil)[:16])
}
