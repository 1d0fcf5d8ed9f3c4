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
	letters   []uint32 // by code of two capital letters: number + 1
	marks     map[uint32]uint32
	countries map[string]uint32
	cities    map[uint64]uint32 // by number of the country << 16 | symbol
	lately    []cityLately      // cities that were asked for lately, by symbol modulo citiesLately
	others    map[cityText]uint32
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

// cityLately is a city that is found without a look into the map.
type cityLately struct {
	symbol        symbol // 0: none
	country, link uint32 // numbers; that of the city + 1
}

// citiesLately is how many cities are remembered for a project: those where most users are.
const citiesLately = 1 << 10

// cityText is a city that has no symbol.
type cityText struct {
	country uint32
	text    string
}

// letterCode is the position of a code of two capital letters.
func letterCode(code [2]byte) (i int, ok bool) {
	a, b := code[0]-'A', code[1]-'A'
	return int(a)*26 + int(b), a < 26 && b < 26
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
	letters, ok := letterCode(r.code)
	if ok && a.letters != nil && a.letters[letters] != 0 {
		return a.letters[letters] - 1, true
	}
	mark := r.mark()
	if number, ok := a.marks[mark]; ok {
		return number, true
	}
	code := string(r.countryCode())
	if code == "" {
		code = p.words.of(r.country, r.tail(), sessionCountry)
	}
	if code == "" {
		return 0, false
	}
	a.make()
	if number, ok = a.countries[code]; !ok {
		code = strings.Clone(code)
		number = a.add(place{code: code, name: countryName(code)})
		a.countries[code] = number
	}
	switch letters, ok := letterCode(r.code); {
	case ok:
		a.letters[letters] = number + 1
	case mark != 0:
		a.marks[mark] = number
	}
	return number, true
}

func (a *atlas) make() {
	if a.countries == nil {
		a.letters, a.marks, a.countries = make([]uint32, 26*26), map[uint32]uint32{}, map[string]uint32{}
		a.cities, a.others = map[uint64]uint32{}, map[cityText]uint32{}
		a.lately = make([]cityLately, citiesLately)
	}
}

// city is the number of the city of a session in a country, + 1; 0 if it has none.
func (p *people) city(a *atlas, country uint32, r *sessionRow) (link uint32) {
	if r.city == 0 {
		return 0
	}
	if r.city != noSymbol {
		lately := &a.lately[r.city%citiesLately]
		if lately.symbol == r.city && lately.country == country {
			return lately.link
		}
		key := uint64(country)<<16 | uint64(r.city)
		number, ok := a.cities[key]
		if !ok {
			number = a.addCity(country, r.city, p.cities.text(r.city))
			a.cities[key] = number
		}
		*lately = cityLately{r.city, country, number + 1}
		return number + 1
	}
	text := fromTail(r.tail(), sessionCity)
	if text == "" {
		return 0
	}
	number, ok := a.others[cityText{country, text}]
	if !ok {
		text = strings.Clone(text)
		number = a.addCity(country, r.city, text)
		a.others[cityText{country, text}] = number
	}
	return number + 1
}

func (a *atlas) addCity(country uint32, s symbol, text string) (number uint32) {
	of := a.places.At(int(country))
	return a.add(place{code: of.code, name: of.name, city: text, country: country, symbol: s})
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
	switch {
	case x.city == "":
		p.dropCountry(a, x.code)
	case x.symbol == noSymbol:
		delete(a.others, cityText{x.country, x.city})
	default:
		delete(a.cities, uint64(x.country)<<16|uint64(x.symbol))
		a.lately[x.symbol%citiesLately] = cityLately{}
	}
	*x = place{}
	a.spare = append(a.spare, number)
}

func (p *people) dropCountry(a *atlas, code string) {
	delete(a.countries, code)
	if len(code) == 2 {
		letters := [2]byte{code[0], code[1]}
		if i, ok := letterCode(letters); ok {
			a.letters[i] = 0
		}
		delete(a.marks, (&sessionRow{code: letters}).mark())
	}
	if s, ok := p.words.find(code); ok {
		delete(a.marks, uint32(s))
	}
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
