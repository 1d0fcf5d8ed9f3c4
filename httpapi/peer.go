package httpapi

import (
	"net/http"
	"net/netip"
	"strconv"
)

// face is where a request came in.
type face uint8

const (
	publicFace  face = iota // applications and operators
	adminSocket             // the operator of the machine, who may do everything
	otherNode               // a member of the cluster, which passes on what came in there
)

// operator reports whether the other end may do everything.
func (f face) operator(r *http.Request) bool {
	return f == adminSocket || f == otherNode && r.Header.Get(forwardedOperator) != ""
}

// PeerHandler serves, to members of the cluster and under /peer/api/, the commands that came to them. It must be
// reachable over the cluster port only: it believes what the other node says of the client. Who the client is and
// what he may do is checked again, by the credential he has sent; that a token is used once is seen to by the node
// that he sent it to.
//
// Only what changes something is here: reads are answered by the node they came to.
func (s *Server) PeerHandler() http.Handler {
	inner := s.handler(otherNode, func(rt *route) bool { return rt.mutates() && !rt.here })
	return http.StripPrefix(peerPrefix, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		client := new(http.Request)
		*client = *r
		client.RemoteAddr = ""
		if _, err := netip.ParseAddrPort(r.Header.Get(forwardedClient)); err == nil {
			client.RemoteAddr = r.Header.Get(forwardedClient)
		}
		inner.ServeHTTP(&covering{ResponseWriter: w, s: s}, client)
	}))
}

// covering is an answer to another node, which says by which seq what was done is in the log.
type covering struct {
	http.ResponseWriter
	s *Server
}

func (w *covering) WriteHeader(status int) {
	w.Header().Set(forwardedSeq, strconv.FormatUint(w.s.Store.Head(), 10))
	w.ResponseWriter.WriteHeader(status)
}

// Unwrap is for http.ResponseController.
func (w *covering) Unwrap() http.ResponseWriter { return w.ResponseWriter }
