package projections

import (
	"cmp"
	"slices"
	"strings"

	"golang.org/x/text/language"
	"golang.org/x/text/language/display"
)

// MapQuery asks for a map of the world.
type MapQuery struct {
	Since, Until Time // of a session's createdAt: from Since on, and before Until; zero: open
	Cities       int  // at most so many
}

// WorldMap counts users by the place they sign in from.
type WorldMap struct {
	Countries []CountryCount `json:"countries"`
	Cities    []CityCount    `json:"cities"`
	Total     int            `json:"total"` // pairs of a user and a country
	Users     int            `json:"users"` // with a place
}

// CountryCount is how many users have signed in from a country.
type CountryCount struct {
	Code  string `json:"country_code"`
	Name  string `json:"country_name"`
	Users int    `json:"user_count"`
}

// CityCount is how many of a country's users were in a city when they first signed in
// from that country.
type CityCount struct {
	City    string `json:"city"`
	Country string `json:"country"`
	Code    string `json:"country_code"`
	Users   int    `json:"user_count"`
}

// WorldMap looks at the sessions from the oldest on, and of each user only at the first in
// each country. The most frequent places come first, and of those with the same number
// the one that was seen first.
func (t *Tables) WorldMap(q MapQuery) WorldMap {
	m := mapper{tables: t, countries: map[string]int{}, cities: map[[2]string]int{}, seen: map[uint64]bool{}, users: map[uint32]bool{}}
	var run []uint32 // sessions that began at the same time, whose order is that of their ids
	var at uint64
	for key, ord := range t.begun.Ascend(timeKey(q.Since)) {
		if q.Until != 0 && key >= timeKey(q.Until) {
			break
		}
		if key != at {
			m.add(run)
			run, at = run[:0], key
		}
		run = append(run, ord)
	}
	m.add(run)
	return m.result(q.Cities)
}

type mapper struct {
	tables    *Tables
	countries map[string]int    // positions in out.Countries, by code
	cities    map[[2]string]int // positions in out.Cities, by code and city
	seen      map[uint64]bool   // user << 32 | position of the country
	users     map[uint32]bool
	out       WorldMap
}

func (m *mapper) add(run []uint32) {
	t := m.tables
	if len(run) > 1 {
		slices.SortFunc(run, func(a, b uint32) int {
			return strings.Compare(t.sessions.At(int(a)).sessionID(), t.sessions.At(int(b)).sessionID())
		})
	}
	for _, ord := range run {
		m.addSession(t.sessions.At(int(ord)))
	}
}

func (m *mapper) addSession(r *sessionRow) {
	t, tail := m.tables, r.tail()
	code := string(r.countryCode())
	if code == "" {
		code = t.words.of(r.country, tail, sessionCountry)
	}
	if code == "" {
		return
	}
	country, known := m.countries[code]
	if !known {
		country = len(m.out.Countries)
		m.countries[code] = country
		m.out.Countries = append(m.out.Countries, CountryCount{Code: code, Name: countryName(code)})
	}
	pair := uint64(r.user)<<32 | uint64(country)
	if m.seen[pair] {
		return
	}
	m.seen[pair], m.users[r.user] = true, true
	m.out.Countries[country].Users++
	m.out.Total++
	city := t.cities.of(r.city, tail, sessionCity)
	if city == "" {
		return
	}
	i, known := m.cities[[2]string{code, city}]
	if !known {
		i = len(m.out.Cities)
		m.cities[[2]string{code, city}] = i
		m.out.Cities = append(m.out.Cities, CityCount{City: city, Country: m.out.Countries[country].Name, Code: code})
	}
	m.out.Cities[i].Users++
}

func (m *mapper) result(cities int) WorldMap {
	out := m.out
	out.Users = len(m.users)
	slices.SortStableFunc(out.Countries, func(a, b CountryCount) int { return cmp.Compare(b.Users, a.Users) })
	slices.SortStableFunc(out.Cities, func(a, b CityCount) int { return cmp.Compare(b.Users, a.Users) })
	if len(out.Cities) > cities {
		out.Cities = out.Cities[:cities]
	}
	if out.Countries == nil {
		out.Countries = []CountryCount{}
	}
	if out.Cities == nil {
		out.Cities = []CityCount{}
	}
	return out
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
