package projections

import (
	"cmp"
	"strings"

	"golang.org/x/text/language"
	"golang.org/x/text/language/display"

	"dashd/internal/cow"
)

// atlas are places by number. The zero value is empty.
type atlas struct {
	places cow.Array[place]

	// Only the writer's. A country is found by its code or by the symbol of its name, and by its
	// text if it is first seen with these, or has neither.
	marks     map[uint32]uint32
	countries map[string]uint32
	cities    map[cityKey]uint32
	spare     []uint32 // numbers that are free
}

// place is a country, or a city of one. A place without users is none.
type place struct {
	code    string // of the country; its name, if the events have no code
	name    string // of the country
	city    string // of a country: ""
	country uint32 // of a city: the number of its country
	users   uint32
	at      uint64 // timeKey(createdAt) of first
	first   uint32 // the first of the sessions that are counted
	symbol  symbol // of the city
}

type cityKey struct {
	country uint32
	symbol  symbol
	text    string // if it has no symbol
}

// mark is what most countries are found by; 0: no country, or one that is found by its text alone.
func (r *sessionRow) mark() uint32 {
	if r.code[0] != 0 {
		return 1<<31 | uint32(r.code[0])<<8 | uint32(r.code[1])
	}
	if r.country == noSymbol {
		return 0
	}
	return uint32(r.country)
}

// country is the number of the country of a session, if it has one. It gets one if need be.
func (p *people) country(a *atlas, r *sessionRow) (number uint32, ok bool) {
	mark := r.mark()
	if number, ok = a.marks[mark]; ok {
		return number, true
	}
	code := string(r.countryCode())
	if code == "" {
		code = p.words.of(r.country, r.tail(), sessionCountry)
	}
	if code == "" {
		return 0, false
	}
	number, ok = a.countries[code]
	if !ok {
		if a.countries == nil {
			a.marks, a.countries, a.cities = map[uint32]uint32{}, map[string]uint32{}, map[cityKey]uint32{}
		}
		code = strings.Clone(code)
		number = a.add(place{code: code, name: countryName(code)})
		a.countries[code] = number
	}
	if mark != 0 {
		a.marks[mark] = number
	}
	return number, true
}

// city is the number of the city of a session in a country, + 1; 0 if it has none.
func (p *people) city(a *atlas, country uint32, r *sessionRow) (link uint32) {
	if r.city == 0 {
		return 0
	}
	key := cityKey{country: country, symbol: r.city}
	if r.city == noSymbol {
		key.text = fromTail(r.tail(), sessionCity)
	}
	number, ok := a.cities[key]
	if !ok {
		key.text = strings.Clone(key.text)
		of := a.places.At(int(country))
		city := place{code: of.code, name: of.name, city: p.cities.of(r.city, r.tail(), sessionCity), country: country, symbol: r.city}
		if city.city == "" {
			return 0
		}
		number = a.add(city)
		a.cities[key] = number
	}
	return number + 1
}

func (a *atlas) add(x place) (number uint32) {
	if n := len(a.spare); n > 0 {
		number, a.spare = a.spare[n-1], a.spare[:n-1]
		*a.places.Edit(int(number)) = x
		return number
	}
	return uint32(a.places.Append(x))
}

// drop forgets a place. A country must have no cities.
func (p *people) drop(a *atlas, number uint32) {
	x := a.places.Edit(int(number))
	if x.city != "" {
		key := cityKey{country: x.country, symbol: x.symbol}
		if x.symbol == noSymbol {
			key.text = x.city
		}
		delete(a.cities, key)
	} else {
		delete(a.countries, x.code)
		if len(x.code) == 2 {
			delete(a.marks, 1<<31|uint32(x.code[0])<<8|uint32(x.code[1]))
		}
		if s, ok := p.words.find(x.code); ok {
			delete(a.marks, uint32(s))
		}
	}
	*x = place{}
	a.spare = append(a.spare, number)
}

// samePlace reports whether two rows of a session name the same place.
func samePlace(a, b *sessionRow) bool {
	return a.code == b.code && a.country == b.country && a.city == b.city &&
		(a.country != noSymbol || fromTail(a.tail(), sessionCountry) == fromTail(b.tail(), sessionCountry)) &&
		(a.city != noSymbol || fromTail(a.tail(), sessionCity) == fromTail(b.tail(), sessionCity))
}

// beforeOnMap orders places: the most users first, and of the same number the one that was
// seen first.
func (p *people) beforeOnMap(a, b *place) int {
	if a.users != b.users {
		return cmp.Compare(b.users, a.users)
	}
	if a.at != b.at {
		return cmp.Compare(a.at, b.at)
	}
	return p.compareIDs(a.first, b.first)
}

// regions are the English names of CLDR.
var regions = display.English.Regions()

// countryName is the English name of a country's code (ISO 3166-1 alpha-2); of
// anything else, itself.
func countryName(code string) string {
	region, err := language.ParseRegion(code)
	if err != nil || len(code) != 2 {
		return code
	}
	if name := regions.Name(region); name != "" {
		return name
	}
	return code
}
