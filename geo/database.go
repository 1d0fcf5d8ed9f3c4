package geo

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unique"

	"github.com/oschwald/geoip2-golang/v2"
	"github.com/oschwald/maxminddb-golang/v2"
	"golang.org/x/text/language"
	"golang.org/x/text/language/display"

	"dashd/eventlog"
)

// Info describes a database.
type Info struct {
	Type   string    `json:"databaseType"`
	Built  time.Time `json:"built"`
	Bytes  int64     `json:"bytes"`
	SHA256 string    `json:"sha256"` // of the file, in hex
}

// database is an open one. Many networks share a record, so places are kept by
// record: a lookup walks the tree and, nearly always, decodes nothing.
type database struct {
	info        Info
	own         bool // the embedded one
	attribution *Attribution
	precision   Precision

	tree   *maxminddb.Reader // finds records
	places *geoip2.Reader    // reads them
	known  [1 << knownBits][knownWays]atomic.Pointer[knownPlace]
	cities func() cityPoints // reads them when it is first called
}

// A place is kept in one of knownWays that the hash of its record names, so that two
// records that are looked up in turns seldom drive each other out. All take half a megabyte.
const (
	knownBits = 14
	knownWays = 4
)

// knownPlace is what stands in the record at an offset.
type knownPlace struct {
	offset uintptr
	place  Place
}

// openBytes opens a database in memory that nobody changes.
func openBytes(data []byte, sum string, precision Precision) (*database, error) {
	return open(precision, int64(len(data)), sum,
		func() (*maxminddb.Reader, error) { return maxminddb.OpenBytes(data) },
		func() (*geoip2.Reader, error) { return geoip2.OpenBytes(data) })
}

// openFile maps a file that nobody changes.
func openFile(path string, size int64, sum string, precision Precision) (*database, error) {
	return open(precision, size, sum,
		func() (*maxminddb.Reader, error) { return maxminddb.Open(path) },
		func() (*geoip2.Reader, error) { return geoip2.Open(path) })
}

func open(precision Precision, size int64, sum string, tree func() (*maxminddb.Reader, error), places func() (*geoip2.Reader, error)) (*database, error) {
	t, err := tree()
	if err != nil {
		return nil, fmt.Errorf("not a MaxMind database: %w", err)
	}
	p, err := places()
	var unknown geoip2.UnknownDatabaseTypeError
	if errors.As(err, &unknown) {
		return nil, errNoPlaces(t.Metadata.DatabaseType)
	}
	if err != nil {
		return nil, fmt.Errorf("not a MaxMind database: %w", err)
	}
	info := Info{Type: t.Metadata.DatabaseType, Built: time.Unix(int64(t.Metadata.BuildEpoch), 0).UTC(), Bytes: size, SHA256: sum}
	d := &database{info: info, precision: precision, tree: t, places: p, attribution: attribution(info.Type, false)}
	d.cities = sync.OnceValue(d.readCities)
	if _, err := p.City(netip.IPv4Unspecified()); errors.As(err, new(geoip2.InvalidMethodError)) {
		return nil, errNoPlaces(info.Type)
	}
	return d, nil
}

func errNoPlaces(databaseType string) error {
	return fmt.Errorf("a database of type %q holds neither cities nor countries", eventlog.PlaceText(databaseType))
}

// place is where a public address is.
func (d *database) place(a netip.Addr) Place {
	found := d.tree.Lookup(a)
	if !found.Found() {
		return Place{}
	}
	offset := found.Offset()
	hash := uint64(offset) * 0x9e3779b97f4a7c15
	ways := &d.known[hash>>(64-knownBits)]
	slot := &ways[hash>>(64-knownBits-2)%knownWays] // which one goes if all are taken
	for i := range ways {
		k := ways[i].Load()
		if k == nil {
			slot = &ways[i]
			break
		}
		if k.offset == offset {
			return k.place
		}
	}
	p, err := d.read(a)
	if err != nil {
		return Place{} // of a file that was verified: its record is of another shape
	}
	slot.Store(&knownPlace{offset, p})
	return p
}

// read decodes the record of an address.
func (d *database) read(a netip.Addr) (Place, error) {
	r, err := d.places.City(a)
	if err != nil {
		return Place{}, err
	}
	p := Place{
		City:        eventlog.PlaceText(r.City.Names.English),
		Country:     eventlog.PlaceText(r.Country.Names.English),
		CountryCode: strings.ToUpper(r.Country.ISOCode),
	}
	if !isCountry(p.CountryCode) {
		return Place{}, nil
	}
	if p.Country == "" {
		p.Country = countryName(p.CountryCode)
	}
	if len(r.Subdivisions) > 0 {
		if p.Region = eventlog.PlaceText(r.Subdivisions[0].Names.English); p.Region == "" {
			p.Region = eventlog.PlaceText(r.Subdivisions[0].ISOCode)
		}
	}
	p = p.keep(d.precision)
	// Many records say the same country, and many databases the same city.
	for _, s := range []*string{&p.City, &p.Region, &p.Country, &p.CountryCode} {
		*s = unique.Make(*s).Value()
	}
	return p, nil
}

// isCountry reports whether code can be that of a country. DB-IP writes ZZ for
// addresses that have not been given out.
func isCountry(code string) bool {
	if len(code) != 2 || code == "ZZ" {
		return false
	}
	return 'A' <= code[0] && code[0] <= 'Z' && 'A' <= code[1] && code[1] <= 'Z'
}

// regions are the English names of CLDR.
var regions = display.English.Regions()

// countryName is the English name of a country, "" if there is none.
func countryName(code string) string {
	region, err := language.ParseRegion(code)
	if err != nil || !region.IsCountry() {
		return ""
	}
	return regions.Name(region)
}
