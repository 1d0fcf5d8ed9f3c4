package outbound_test

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"net/netip"
	"sync"
	"testing"

	"golang.org/x/net/dns/dnsmessage"
)

// zone is a name server. A name has the answers of its list in turn; the last one stays.
type zone struct {
	mu    sync.Mutex
	addrs map[string][][]string // by "name."
	texts map[string][]string
	asked map[string]int
}

// resolver returns a resolver that asks z and nobody else.
func (z *zone) resolver(t *testing.T) *net.Resolver {
	t.Helper()
	z.asked = map[string]int{}
	var serving sync.WaitGroup
	t.Cleanup(serving.Wait)
	return &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		here, there := net.Pipe() // not a packet connection: messages have their length in front
		serving.Go(func() { z.serve(there) })
		return here, nil
	}}
}

func (z *zone) serve(conn net.Conn) {
	defer func() { _ = conn.Close() }()
	for {
		var size [2]byte
		if _, err := io.ReadFull(conn, size[:]); err != nil {
			return
		}
		question := make([]byte, binary.BigEndian.Uint16(size[:]))
		if _, err := io.ReadFull(conn, question); err != nil {
			return
		}
		answer, err := z.answer(question)
		if err != nil {
			return
		}
		if _, err := conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(answer))), answer...)); err != nil {
			return
		}
	}
}

func (z *zone) answer(question []byte) ([]byte, error) {
	var m dnsmessage.Message
	if err := m.Unpack(question); err != nil {
		return nil, err
	}
	m.Response, m.RecursionAvailable, m.Additionals = true, true, nil
	q := m.Questions[0]
	head := dnsmessage.ResourceHeader{Name: q.Name, Class: dnsmessage.ClassINET}
	texts, known := z.texts[q.Name.String()]
	if q.Type == dnsmessage.TypeTXT {
		for _, text := range texts {
			m.Answers = append(m.Answers, dnsmessage.Resource{Header: head, Body: &dnsmessage.TXTResource{TXT: pieces(text)}})
		}
	} else {
		var addrs []string
		addrs, known = z.next(q.Name.String(), q.Type)
		for _, text := range addrs {
			addr := netip.MustParseAddr(text)
			switch {
			case addr.Is4() && q.Type == dnsmessage.TypeA:
				m.Answers = append(m.Answers, dnsmessage.Resource{Header: head, Body: &dnsmessage.AResource{A: addr.As4()}})
			case addr.Is6() && q.Type == dnsmessage.TypeAAAA:
				m.Answers = append(m.Answers, dnsmessage.Resource{Header: head, Body: &dnsmessage.AAAAResource{AAAA: addr.As16()}})
			}
		}
	}
	if !known {
		m.RCode = dnsmessage.RCodeNameError
	}
	return m.Pack()
}

// next returns the addresses of a name, which may be others at the next look-up. A look-up
// asks for both families; each counts on its own.
func (z *zone) next(name string, family dnsmessage.Type) ([]string, bool) {
	z.mu.Lock()
	defer z.mu.Unlock()
	list, known := z.addrs[name]
	if !known {
		return nil, false
	}
	key := name + family.String()
	n := min(z.asked[key], len(list)-1)
	z.asked[key]++
	return list[n], true
}

// pieces cuts a text into the strings of a TXT record.
func pieces(text string) (list []string) {
	for len(text) > 255 {
		list, text = append(list, text[:255]), text[255:]
	}
	return append(list, text)
}
