package geo

import (
	"math"
	"strings"

	"dashd/eventlog"
)

const (
	// maxRecords and maxCities bound what a file can make us remember: of one that has more,
	// no city is known. MaxMind's have half as many.
	maxRecords = 1 << 21
	maxCities  = 1 << 18
	// oneCity is how far apart, in degrees, records of one city may be. Farther ones
	// are of cities that share a name.
	oneCity = 0.5
)

// cityPoints says where the cities of a database are, by the code of their country and their
// name as events have them.
type cityPoints map[string]Point

// box is what the records of a city cover.
type box struct{ low, high Point }

// readCities looks at all records. It takes about a tenth of a second for the embedded
// database. A city whose records lie apart has no point: nobody can tell which is meant.
func (d *database) readCities() cityPoints {
	seen := make(map[uintptr]bool)
	boxes := make(map[string]box)
	for found := range d.tree.Networks() {
		if seen[found.Offset()] {
			continue
		}
		if seen[found.Offset()] = true; len(seen) > maxRecords {
			return nil
		}
		var r struct {
			City struct {
				Names struct {
					English string `maxminddb:"en"`
				} `maxminddb:"names"`
			} `maxminddb:"city"`
			Country struct {
				Code string `maxminddb:"iso_code"`
			} `maxminddb:"country"`
			Location struct {
				Latitude  *float64 `maxminddb:"latitude"`
				Longitude *float64 `maxminddb:"longitude"`
			} `maxminddb:"location"`
		}
		if found.Decode(&r) != nil {
			continue // it is of another shape
		}
		name, code := eventlog.PlaceText(r.City.Names.English), strings.ToUpper(r.Country.Code)
		if name == "" || !isCountry(code) || r.Location.Latitude == nil || r.Location.Longitude == nil {
			continue
		}
		at := Point{*r.Location.Latitude, *r.Location.Longitude}
		if !at.valid() {
			continue
		}
		b, known := boxes[code+name]
		if !known {
			b = box{at, at}
		}
		boxes[code+name] = b.with(at)
		if len(boxes) > maxCities {
			return nil
		}
	}
	points := make(cityPoints, len(boxes))
	for name, b := range boxes {
		if b.high.Latitude-b.low.Latitude <= oneCity && b.high.Longitude-b.low.Longitude <= oneCity {
			points[name] = b.middle()
		}
	}
	return points
}

func (p Point) valid() bool {
	return math.Abs(p.Latitude) <= 90 && math.Abs(p.Longitude) <= 180 // and not NaN
}

func (b box) with(p Point) box {
	return box{
		Point{min(b.low.Latitude, p.Latitude), min(b.low.Longitude, p.Longitude)},
		Point{max(b.high.Latitude, p.Latitude), max(b.high.Longitude, p.Longitude)},
	}
}

// middle is that of the box, to a hundredth of a degree.
func (b box) middle() Point {
	mean := func(a, b float64) float64 { return math.Round((a+b)*50) / 100 }
	return Point{mean(b.low.Latitude, b.high.Latitude), mean(b.low.Longitude, b.high.Longitude)}
}
