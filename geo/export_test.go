package geo

import (
	"math/rand/v2"
	"net/netip"
	"time"
)

// Default is the embedded database.
var Default = embedded

// Patience sets how long Run waits for a file to be written, and between its looks.
func (l *Locator) Patience(settle, every, retry time.Duration) {
	l.settle, l.every, l.retry = settle, every, retry
}

// Public tells addresses that may be in a place.
func Public(a netip.Addr) bool { return public(a) }

// SomeAddress draws an address.
func SomeAddress(rnd *rand.Rand, v4 bool) netip.Addr { return someAddress(rnd, v4) }

// Trial opens what is in a file and looks addresses up in it; it neither hangs nor panics,
// whatever data are.
func Trial(data []byte, addresses ...netip.Addr) ([]Place, error) {
	d, err := openBytes(data, "", City)
	if err != nil {
		return nil, err
	}
	if err := d.verify(); err != nil {
		return nil, err
	}
	var places []Place
	for _, a := range addresses {
		places = append(places, d.place(a))
	}
	d.cities()
	return places, nil
}

// Cities are where the cities of a database are.
func Cities(data []byte) (map[string]Point, error) {
	d, err := openBytes(data, "", City)
	if err != nil {
		return nil, err
	}
	return d.cities(), nil
}
