package outbound

import (
	"context"
	"errors"
	"net"
	"strings"
	"time"
)

// Limits of a look-up of TXT records. What is over them is left out.
const (
	txtTimeout = 5 * time.Second
	maxTXT     = 100     // records
	maxTXTSize = 4 << 10 // bytes of one
)

// Resolver finds the TXT records of a name.
type Resolver interface {
	// LookupTXT returns the texts of the records. A name without any is ErrNotFound;
	// another error says nothing about the records.
	LookupTXT(ctx context.Context, name string) ([]string, error)
}

// ErrNotFound says that a name has no TXT records.
var ErrNotFound = errors.New("no such records")

// DNS is the resolver of the domain name system.
type DNS struct{ r *net.Resolver }

// NewDNS returns a resolver that asks r; nil: that of the system.
func NewDNS(r *net.Resolver) DNS {
	if r == nil {
		r = net.DefaultResolver
	}
	return DNS{r}
}

// LookupTXT implements [Resolver]. The name is a full one: the search domains of the
// machine are not tried.
func (d DNS) LookupTXT(ctx context.Context, name string) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, txtTimeout)
	defer cancel()
	texts, err := d.r.LookupTXT(ctx, strings.TrimSuffix(name, ".")+".")
	var dns *net.DNSError
	switch {
	case errors.As(err, &dns) && dns.IsNotFound, err == nil && len(texts) == 0:
		return nil, &Error{NoHost, ErrNotFound}
	case err != nil:
		return nil, classify(err)
	}
	kept := texts[:0:0]
	for _, t := range texts[:min(len(texts), maxTXT)] {
		if len(t) <= maxTXTSize {
			kept = append(kept, t)
		}
	}
	return kept, nil
}
