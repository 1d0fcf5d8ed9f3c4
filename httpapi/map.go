package httpapi

import (
	"dashd/geo"
	"dashd/projections"
)

// placed is a map with where its places are, and what has to be shown beside it.
type placed struct {
	Countries            []placedCountry  `json:"countries"`
	Cities               []placedCity     `json:"cities"`
	projections.WorldMap                  // the rest of it
	Attribution          *geo.Attribution `json:"attribution,omitempty"`
}

// placedCountry has no point if its code is that of no country.
type placedCountry struct {
	projections.CountryCount
	*geo.Point
}

// placedCity has no point if the geo data in use do not know where the city is.
type placedCity struct {
	projections.CityCount
	*geo.Point
}

func (s *Server) placed(m projections.WorldMap) placed {
	p := placed{WorldMap: m, Countries: make([]placedCountry, len(m.Countries)), Cities: make([]placedCity, len(m.Cities))}
	for i, c := range m.Countries {
		p.Countries[i].CountryCount = c
		if at, known := geo.CountryPoint(c.Code); known {
			p.Countries[i].Point = &at
		}
	}
	for i, c := range m.Cities {
		p.Cities[i].CityCount = c
		if s.Places == nil {
			continue
		}
		if at, known := s.Places.CityPoint(c.Code, c.City); known {
			p.Cities[i].Point = &at
		}
	}
	if s.Places != nil {
		p.Attribution = s.Places.Attribution()
	}
	return p
}
