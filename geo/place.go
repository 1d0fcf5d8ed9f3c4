package geo

import "fmt"

// Place is where an address is, as far as is known. The zero value is nowhere.
type Place struct {
	City        string `json:"city,omitempty"`
	Region      string `json:"region,omitempty"`
	Country     string `json:"country,omitempty"`     // its English name
	CountryCode string `json:"countryCode,omitempty"` // ISO 3166-1 alpha-2
}

// Precision is how much of a place is stored.
type Precision uint8

// The values of Precision. Each stores what those before it do.
const (
	None    Precision = iota // nothing is looked up
	Country                  // the country
	Region                   // the country and its part
	City                     // everything
)

var precisions = [...]string{"none", "country", "region", "city"}

func (p Precision) String() string { return precisions[p] }

// Precisions are the names of all precisions, the finest first.
func Precisions() []string { return []string{"city", "region", "country", "none"} }

// ParsePrecision is the inverse of Precision.String.
func ParsePrecision(s string) (Precision, error) {
	for i, name := range precisions {
		if name == s {
			return Precision(i), nil
		}
	}
	return None, fmt.Errorf("%q is no precision of places", s)
}

// MarshalText implements encoding.TextMarshaler.
func (p Precision) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (p *Precision) UnmarshalText(text []byte) (err error) {
	*p, err = ParsePrecision(string(text))
	return err
}

// keep returns what of p is stored.
func (p Place) keep(most Precision) Place {
	if p.CountryCode == "" || most < Country {
		return Place{}
	}
	if most < City {
		p.City = ""
	}
	if most < Region {
		p.Region = ""
	}
	return p
}
