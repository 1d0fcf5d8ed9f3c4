package fsm

import (
	"context"
	"errors"
	"fmt"
	"io"

	"dashd/eventlog/store"
	"dashd/internal/errs"
)

var errRestore = errors.New("a snapshot of another node came, and there is no way to fetch its log")

// Restore brings this log to where the manifest in r says that of another node is: it
// fetches what this log lacks, and installs it part by part, each durable before the
// next. When it returns nil, the log on disk has reached the manifest's position; that of a
// log that was there already has not changed. Raft applies nothing meanwhile.
//
// Whatever ends it, what was installed by then is part of the log and stays; the position
// says the raft index from before until the last part is in. Raft sends a snapshot
// again after an error or a crash, and the rest is fetched then.
func (f *FSM) Restore(r io.ReadCloser) error {
	body, err := io.ReadAll(io.LimitReader(r, maxManifest+1))
	if err := errors.Join(err, r.Close()); err != nil {
		return fmt.Errorf("read the manifest of a snapshot: %w", err)
	}
	m, err := decodeManifest(body)
	if err != nil {
		return err
	}
	if f.failed != nil {
		return f.failed
	}
	ctx, cancel := f.untilClosed()
	defer cancel()
	if err := f.fetchUpTo(ctx, m); err != nil {
		return fmt.Errorf("install the log of node %s up to raft index %d: %w", m.Node, m.Index, err)
	}
	if err := f.log.WaitPersisted(ctx, m.Index); err != nil {
		return fmt.Errorf("wait for raft index %d on disk: %w", m.Index, err)
	}
	return nil
}

// fetchUpTo brings the log to the manifest's position, unless it is there.
func (f *FSM) fetchUpTo(ctx context.Context, m manifest) error {
	at := f.log.Applied()
	if at.Index >= m.Index {
		return nil
	}
	if f.Fetch == nil {
		return errRestore
	}
	to := m.position()
	whole := false
	err := f.Fetch(ctx, m.Node, at.Seq, to, func(p *store.Part) error {
		switch {
		case whole:
			return errs.New(errs.Conflict, "LOG_DIFFERS", "a part follows the last one")
		case p.At.Index == 0:
			return f.log.Install(ctx, p)
		case p.At.Index != to.Index || p.At.Term != to.Term || p.At.Seq != to.Seq || p.At.Chain != to.Chain:
			return errs.New(errs.Conflict, "LOG_DIFFERS", "the parts end at raft index %d, event %d, which is not the position of the manifest", p.At.Index, p.At.Seq)
		}
		whole = true
		last := *p
		last.At = to // raft's configuration is that of the manifest, which raft has sent
		return f.log.Install(ctx, &last)
	})
	switch {
	case err != nil:
		return err
	case !whole:
		return io.ErrUnexpectedEOF
	}
	return nil
}
