package peer_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"dashd/internal/peer"
)

// BenchmarkDial measures what a new connection between members costs both of them: TLS
// with two certificates, and the hello.
func BenchmarkDial(b *testing.B) {
	ca := newCA(b, cluster)
	from, to := node(b, ca, "n1"), node(b, ca, "n2")
	for b.Loop() {
		c, err := from.DialRaft(to.addr(), time.Minute)
		if err != nil {
			b.Fatal(err)
		}
		accepted, err := to.Raft().Accept()
		if err != nil {
			b.Fatal(err)
		}
		_, _ = c.Close(), accepted.Close()
	}
}

// BenchmarkRaft measures a block's way to another node: 1 MiB there, a few bytes back.
func BenchmarkRaft(b *testing.B) {
	const size = 1 << 20
	ca := newCA(b, cluster)
	from, to := raftPair(b, node(b, ca, "n1"), node(b, ca, "n2"))
	go func() {
		for {
			if _, err := io.CopyN(io.Discard, to, size); err != nil {
				return
			}
			if _, err := to.Write([]byte("ok")); err != nil {
				return
			}
		}
	}()
	block, answer := make([]byte, size), make([]byte, 2)
	b.SetBytes(size)
	for b.Loop() {
		if _, err := from.Write(block); err != nil {
			b.Fatal(err)
		}
		if _, err := io.ReadFull(from, answer); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkRequest measures what a forwarded request of 1 KiB costs, one after another.
func BenchmarkRequest(b *testing.B) {
	ca := newCA(b, cluster)
	to := node(b, ca, "n1", func(o *peer.Options) {
		o.Members = handler(func(w http.ResponseWriter, r *http.Request) { _, _ = io.Copy(w, r.Body) })
	})
	from := node(b, ca, "n2")
	body := strings.Repeat("x", 1<<10)
	for b.Loop() {
		resp, err := from.Client().Post("https://"+to.addr()+"/", "text/plain", strings.NewReader(body))
		if err != nil {
			b.Fatal(err)
		}
		if n, err := io.Copy(io.Discard, resp.Body); err != nil || n != 1<<10 {
			b.Fatalf("%d bytes came back: %v", n, err)
		}
		_ = resp.Body.Close()
	}
}
