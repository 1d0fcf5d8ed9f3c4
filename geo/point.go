package geo

// Point is on the earth, in degrees.
type Point struct {
	Latitude  float64 `json:"latitude"`
	Longitude float64 `json:"longitude"`
}

// CountryPoint is where the label of a country stands on a map, inside of it.
func CountryPoint(code string) (Point, bool) {
	p, known := centroids[code]
	return p, known
}
