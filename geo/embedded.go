//go:build !no_geodata

package geo

import _ "embed"

// embedded is read in place: it takes no memory of its own.
//
//go:embed default.mmdb
var embedded []byte

// embeddedSum is the output of sha256sum for it.
//
//go:embed default.mmdb.sha256
var embeddedSum string
