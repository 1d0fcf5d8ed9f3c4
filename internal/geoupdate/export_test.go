package geoupdate

// Doors for tests.
var (
	MaxMindAt = maxMindAt
	DBIPAt    = dbipAt
	Unpack    = unpack
)
