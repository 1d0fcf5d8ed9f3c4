package geo

import (
	_ "embed"
	"strings"
	"time"
)

// Notice is what the licence of the embedded database asks to be told with it.
//
//go:embed NOTICE
var Notice string

// embeddedBuilt is when the data of the embedded database were gathered. The file itself says
// when it was converted.
var embeddedBuilt = time.Date(2026, time.June, 5, 0, 0, 0, 0, time.UTC)

// Attribution names where places come from. It has to be shown with them.
type Attribution struct {
	Text   string `json:"text"`
	URL    string `json:"url"`
	Notice string `json:"notice,omitempty"`
}

// attribution is what the source of a database of this type asks for; nil: nothing.
func attribution(databaseType string, own bool) *Attribution {
	switch {
	case own:
		return &Attribution{"IP Geolocation by DB-IP", "https://db-ip.com", "Contains DB-IP City Lite data (June 2026), © DB-IP, CC BY 4.0, " +
			"https://creativecommons.org/licenses/by/4.0/; reduced and converted by the dashd project."}
	case strings.HasPrefix(databaseType, "DBIP-"):
		return &Attribution{Text: "IP Geolocation by DB-IP", URL: "https://db-ip.com"}
	case strings.HasPrefix(databaseType, "GeoLite2-"):
		return &Attribution{
			Text: "This product includes GeoLite2 Data created by MaxMind, available from https://www.maxmind.com",
			URL:  "https://www.maxmind.com",
		}
	}
	return nil
}
