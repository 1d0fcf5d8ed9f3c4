package postgres

import (
	"context"
	"errors"
	"net/netip"
	"testing"
	"time"

	"dashd/bench/peers/internal/peertest"
	"dashd/bench/peers/internal/sample"
)

// start starts a peer with its data in a directory that ends with the test.
func start(t *testing.T, p *Peer) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	facts, err := p.Start(ctx, peertest.Dir(t))
	peertest.Started(t, p, err)
	for _, s := range facts.Settings {
		t.Log(s)
	}
	for _, want := range []string{"fsync = on", "synchronous_commit = on", "full_page_writes = on"} {
		if !contains(facts.Settings, want) {
			t.Errorf("the settings do not say %q", want)
		}
	}
}

func contains(list []string, want string) bool {
	for _, s := range list {
		if s == want {
			return true
		}
	}
	return false
}

func TestPostgreSQL(t *testing.T) {
	p := New()
	start(t, p)
	t.Run("what was sent comes back as it was", func(t *testing.T) { rowsComeBack(t, p) })
	t.Run("rows are decoded however their bytes are cut", func(t *testing.T) { anyPieces(t, p) })
	t.Run("each scenario stores or finds its events", func(t *testing.T) { scenariosCount(t, p, 1003) })
}

func TestPostgreSQLWithoutIndexes(t *testing.T) {
	p := NewBare()
	start(t, p)
	scenariosCount(t, p, 0)
}

func TestPostgreSQLWithTwoStandbys(t *testing.T) {
	p := NewQuorum()
	start(t, p)
	scenariosCount(t, p, 0)
}

// scenariosCount says that each scenario does what it says, and that no event is lost or doubled. So many events are there.
func scenariosCount(t *testing.T, p *Peer, want int64) {
	ctx := t.Context()
	if err := p.Load(ctx, 1500, func(int) {}); err != nil {
		t.Fatal(err)
	}
	want += 2000 // full batches
	for _, sc := range p.Scenarios() {
		if err := sc.Prepare(ctx, 2); err != nil {
			t.Fatalf("%s: %v", sc.Name, err)
		}
		if sc.Pass != nil {
			n, took, err := sc.Pass(ctx)
			if err != nil || int64(n) != want || took <= 0 {
				t.Errorf("%s: read %d events in %s, %v; want %d", sc.Name, n, took, err, want)
			}
			continue
		}
		for n := range 3 { // the same request must do a second time
			if err := sc.Do(ctx, n%2, n*64*2048); err != nil {
				t.Fatalf("%s: %v", sc.Name, err)
			}
			want += int64(sc.Events)
		}
	}
	d, err := p.DiskBytes(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if d.Events != want || d.Bytes < d.Events*300 || d.Log <= 0 {
		t.Errorf("on the disk: %+v, want %d events", d, want)
	}
}

// rowsComeBack says that what was sent in three ways comes back as it was. The table is empty.
func rowsComeBack(t *testing.T, p *Peer) {
	ctx := t.Context()
	if err := p.connect(ctx, 1); err != nil {
		t.Fatal(err)
	}
	events := sample.New(7, 10).Batch(3)
	events[1].IPAddress = "2001:db8::1"
	events[2].IPAddress = ""
	one, all, copied := rowRequest(events[:1]), arrayRequest(events[1:2]), copyRequest(events[2:])
	c := p.clients[0]
	if err := errors.Join(c.insertOne(ctx, &one, &p.ids), c.insertAll(ctx, &all, &p.ids), c.copyIn(ctx, &copied, &p.ids)); err != nil {
		t.Fatal(err)
	}
	for i, e := range events {
		var got decoder
		if _, err := c.conn.CopyTo(ctx, &got, "COPY (SELECT * FROM events ORDER BY seq OFFSET "+string(rune('0'+i))+" LIMIT 1) TO STDOUT (FORMAT binary)"); err != nil {
			t.Fatal(err)
		}
		r := got.row
		addr, _ := netip.ParseAddr(e.IPAddress)
		if r.seq != int64(i+1) || r.time != (e.Time-epoch)*1000 || string(r.kind) != string(e.Type) || string(r.user) != e.UserID ||
			string(r.session) != e.SessionID || string(r.agent) != e.UserAgent || r.addr != addr || string(r.city) != e.City ||
			r.status != int16(e.Status) || string(r.project) != e.Project || r.id == [16]byte{} {
			t.Errorf("event %d came back as %+v, want %+v", i, r, e)
		}
		same := false
		if err := p.query(ctx, "SELECT metadata = '"+quoted(string(e.Metadata))+"'::jsonb FROM events WHERE seq = "+string(rune('1'+i)), &same); err != nil || !same {
			t.Errorf("the metadata of event %d is another: %v", i, err)
		}
	}
}

func quoted(s string) string {
	var b []byte
	for i := range len(s) {
		if s[i] == '\'' {
			b = append(b, '\'')
		}
		b = append(b, s[i])
	}
	return string(b)
}

// anyPieces says that what is decoded does not depend on how the bytes are cut. The table holds the three events of rowsComeBack.
func anyPieces(t *testing.T, p *Peer) {
	if err := p.Load(t.Context(), 1000, func(int) {}); err != nil {
		t.Fatal(err)
	}
	var whole bytesOf
	if _, err := p.clients[0].conn.CopyTo(t.Context(), &whole, "COPY events TO STDOUT (FORMAT binary)"); err != nil {
		t.Fatal(err)
	}
	for _, step := range []int{1, 7, 1 << 10, len(whole)} {
		var d decoder
		for rest := []byte(whole); len(rest) > 0; {
			n := min(step, len(rest))
			if _, err := d.Write(rest[:n]); err != nil {
				t.Fatalf("in pieces of %d: %v", step, err)
			}
			rest = rest[n:]
		}
		if n, err := d.events(); err != nil || n != 1003 || d.seqs != 1003*1004/2 {
			t.Errorf("in pieces of %d: %d rows, sum of seqs %d, %v", step, n, d.seqs, err)
		}
	}
	var d decoder
	if _, err := d.Write(whole[:len(whole)-2]); err != nil {
		t.Fatal(err)
	}
	if _, err := d.events(); err == nil {
		t.Error("rows without their end pass for all")
	}
	if _, err := new(decoder).Write(append([]byte("PGCOPX"), whole[6:]...)); err == nil {
		t.Error("another signature passes for COPY's")
	}
}

type bytesOf []byte

func (b *bytesOf) Write(p []byte) (int, error) {
	*b = append(*b, p...)
	return len(p), nil
}
