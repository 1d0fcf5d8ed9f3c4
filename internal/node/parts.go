package node

import (
	"bufio"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"golang.org/x/time/rate"

	"dashd/eventlog/store"
)

const (
	// fetchStall is how long a transfer of the log may bring nothing.
	fetchStall = 30 * time.Second
	// DefaultCatchUpRate is the recommended Config.CatchUpRate. What is given with it takes a receiver one
	// processor.
	DefaultCatchUpRate = 32 << 20
	fetchBuffer        = 1 << 20
	// givenAtOnce is how much is written in one go: slow ways bring that in less than fetchStall.
	givenAtOnce = 64 << 10
)

// incoming is the body of a transfer. Whatever it brings shows that the sender has not stalled.
type incoming struct {
	io.Reader
	stall *time.Timer
}

func (in incoming) Read(b []byte) (int, error) {
	n, err := in.Reader.Read(b)
	if n > 0 {
		in.stall.Reset(fetchStall)
	}
	return n, err
}

// fetch is fsm.Options.Fetch: it gets the log behind a seq, up to a position, from another
// node.
func (n *Node) fetch(ctx context.Context, node string, after uint64, to store.Position, part func(*store.Part) error) error {
	if n.network.Client == nil {
		return errors.New("this node has no way to others")
	}
	address := ""
	for _, m := range n.Cluster.Members() {
		if m.ID == node {
			address = m.Address
		}
	}
	if _, at := n.Cluster.Leader(); address == "" {
		address = at // it sends the snapshot that says who is a member
	}
	if address == "" {
		return fmt.Errorf("the address of node %s is not known", node)
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	query := url.Values{
		"after": {strconv.FormatUint(after, 10)}, "seq": {strconv.FormatUint(to.Seq, 10)},
		"index": {strconv.FormatUint(to.Index, 10)}, "term": {strconv.FormatUint(to.Term, 10)}, "chain": {hex.EncodeToString(to.Chain[:])},
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+address+"/peer/parts?"+query.Encode(), nil)
	if err != nil {
		return err
	}
	stall := time.AfterFunc(fetchStall, stop)
	defer stall.Stop()
	start := time.Now()
	n.log.Info("getting the log from another node", "node", node, "after", after, "seq", to.Seq)
	resp, err := n.network.Client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(resp.Body, maxContact))
		return fmt.Errorf("node %s: %s %s", node, resp.Status, text)
	}
	in := bufio.NewReaderSize(incoming{resp.Body, stall}, fetchBuffer)
	said, size := start, int64(0)
	for {
		p, err := store.ReadPart(in)
		if errors.Is(err, io.EOF) {
			n.log.Info("got the log from another node", "node", node, "seq", to.Seq, "bytes", size, "elapsed", time.Since(start))
			return nil
		}
		if err != nil {
			return err
		}
		stall.Stop() // this node's own work is not the sender's
		if err := part(p); err != nil {
			return err
		}
		for _, raw := range p.Blocks {
			size += int64(len(raw))
		}
		if time.Since(said) > 5*time.Second {
			said = time.Now()
			n.log.Info("getting the log from another node", "node", node, "seq", p.At.Seq, "of", to.Seq, "bytes", size)
		}
		stall.Reset(fetchStall)
	}
}

// serveParts serves GET /peer/parts: the log behind a seq up to a position, to one node at a
// time, no faster than the rate that leaves room for the work of this node.
func (n *Node) serveParts(w http.ResponseWriter, r *http.Request) {
	var to store.Position
	after, err := numbers(r.URL.Query(), &to)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if !n.giving.TryLock() {
		http.Error(w, "another node is being given the log", http.StatusTooManyRequests)
		return
	}
	defer n.giving.Unlock()
	bytes := n.cfg.CatchUpRate
	limit := rate.NewLimiter(rate.Limit(bytes), int(max(bytes, givenAtOnce)))
	out := http.NewResponseController(w)
	var text []byte
	err = n.Store.Parts(r.Context(), after, to, func(p *store.Part) error {
		text = store.AppendPart(text[:0], p)
		for some := range slices.Chunk(text, givenAtOnce) {
			if err := limit.WaitN(r.Context(), len(some)); err != nil {
				return err
			}
			if err := out.SetWriteDeadline(time.Now().Add(fetchStall)); err != nil && !errors.Is(err, http.ErrNotSupported) {
				return err
			}
			if _, err := w.Write(some); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		n.log.Info("a node was not given the whole log", "after", after, "seq", to.Seq, "err", err)
		panic(http.ErrAbortHandler) // so that the receiver sees that it is not the end
	}
}

// numbers reads the query of GET /peer/parts.
func numbers(q url.Values, to *store.Position) (after uint64, err error) {
	for name, into := range map[string]*uint64{"after": &after, "seq": &to.Seq, "index": &to.Index, "term": &to.Term} {
		if *into, err = strconv.ParseUint(q.Get(name), 10, 64); err != nil {
			return 0, fmt.Errorf("%s is no number", name)
		}
	}
	chain, err := hex.DecodeString(q.Get("chain"))
	if err != nil || len(chain) != len(to.Chain) {
		return 0, errors.New("chain is no hash")
	}
	to.Chain = [32]byte(chain)
	return after, nil
}
