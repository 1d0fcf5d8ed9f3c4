package eventlog

// Exported for tests.
var (
	WellFormed = wellFormed
	ByRule     = severityByRule
)

const (
	MaxUserAgentLen = maxUserAgentLen
	MaxMessageLen   = maxMessageLen
	MaxPlaceLen     = maxPlaceLen
	MaxOriginLen    = maxOriginLen
)

// Listed is every type of the table, those known to dashd alone included.
func Listed() []Type {
	var list []Type
	for _, r := range table {
		list = append(list, r.Type)
	}
	return list
}

// FamilyNames are the names that stand for several types.
func FamilyNames() []string {
	var list []string
	for name := range families {
		list = append(list, name)
	}
	return list
}
