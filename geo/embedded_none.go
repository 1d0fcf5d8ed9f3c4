//go:build no_geodata

package geo

var (
	embedded    []byte
	embeddedSum string
)
