package peer

import (
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"time"
)

// Protocols and limits, for those who try what a member would not do.
const (
	ProtocolRaft         = protocolRaft
	ProtocolHTTP         = protocolHTTP
	ProtocolJoin         = protocolJoin
	Dialed               = dialed
	Accepted             = accepted
	MaxRaftConns         = maxRaftConns
	MaxHandshakesAddress = maxHandshakesAddress
	MaxHandshakes        = maxHandshakes
	MaxRequest           = maxRequest
	MaxAnswer            = maxAnswer
	MaxBody              = maxBody
)

// SetHandshakeLimit must be called before Serve.
func (p *Port) SetHandshakeLimit(d time.Duration) { p.handshake = d }

// SetRecheck must be called before Serve.
func (p *Port) SetRecheck(d time.Duration) { p.recheck = d }

// FailAccept makes the port's first attempts to accept fail. It must be called before
// Serve.
func (p *Port) FailAccept(with ...error) { p.ln = &failing{p.ln, with} }

type failing struct {
	net.Listener
	with []error // only the goroutine that accepts
}

func (f *failing) Accept() (net.Conn, error) {
	if len(f.with) == 0 {
		return f.Listener.Accept()
	}
	err := f.with[0]
	f.with = f.with[1:]
	return nil, err
}

// Open is how many connections there are, those that are being made included.
func (p *Port) Open() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.conns)
}

// CertOf is the certificate that the other end of a connection of the port has shown.
func CertOf(c net.Conn) *x509.Certificate {
	return c.(*conn).ConnectionState().PeerCertificates[0]
}

// Sign signs what Issue would not.
func (c *CA) Sign(template *x509.Certificate, public any) []byte {
	der, err := x509.CreateCertificate(rand.Reader, template, c.cert, public, c.key)
	if err != nil {
		panic(err)
	}
	return der
}

// HelloFrame is the frame a side says on a connection.
func HelloFrame(state tls.ConnectionState, side string, m Member, version string) []byte {
	b, err := binding(&state, side)
	if err != nil {
		panic(err)
	}
	return HelloBound(b, m, version)
}

// HelloBound is a frame with a given binding.
func HelloBound(b [bindingSize]byte, m Member, version string) []byte {
	return hello{m, version, b}.append(nil)
}

// ReadHello reads a frame.
func ReadHello(r io.Reader) (b [bindingSize]byte, m Member, version string, err error) {
	h, err := readHello(r)
	return h.Binding, h.Member, h.Version, err
}

// RefusalFrame is the frame of a refusal.
func RefusalFrame(reason string) []byte { return appendRefusal(nil, reason) }
