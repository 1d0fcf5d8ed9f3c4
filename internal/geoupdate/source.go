package geoupdate

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"time"
)

// Source says where a database comes from.
type Source struct {
	// URLs are tried in turn while the answer is that there is nothing.
	URLs []string
	// SumURL is where the SHA-256 of what the first of URLs has is published, as sha256sum writes it; ""
	// if it is not.
	SumURL string
	// User and Password are sent to the hosts of URLs and SumURL; "" if there are none.
	User, Password string
}

// Account is one of MaxMind's.
type Account struct{ ID, LicenseKey string }

// editions are the databases that hold places.
var editions = regexp.MustCompile(`^(GeoLite2|GeoIP2)-(City|Country|Enterprise)(-[A-Za-z]+)*$`)

// MaxMind is the source of an edition, like GeoLite2-City.
func MaxMind(a Account, edition string) (Source, error) {
	return maxMindAt("https://download.maxmind.com", a, edition)
}

func maxMindAt(base string, a Account, edition string) (Source, error) {
	switch {
	case !editions.MatchString(edition):
		return Source{}, fmt.Errorf("%q is no edition of cities or countries", edition)
	case a.ID == "" || a.LicenseKey == "":
		return Source{}, errors.New("MaxMind wants an account id and a licence key")
	}
	url := base + "/geoip/databases/" + edition + "/download?suffix=tar.gz"
	return Source{URLs: []string{url}, SumURL: url + ".sha256", User: a.ID, Password: a.LicenseKey}, nil
}

// DBIP is the source of the cities that DB-IP gives away, anew each month. In the first days of
// one they may be those of the month before.
func DBIP(now time.Time) Source { return dbipAt("https://download.db-ip.com", now) }

func dbipAt(base string, now time.Time) Source {
	var s Source
	month := time.Date(now.UTC().Year(), now.UTC().Month(), 1, 0, 0, 0, 0, time.UTC)
	for _, m := range []time.Time{month, month.AddDate(0, -1, 0)} {
		s.URLs = append(s.URLs, base+"/free/dbip-city-lite-"+m.Format("2006-01")+".mmdb.gz")
	}
	return s
}

// ReadAccount reads the file that MaxMind's own program is configured with, GeoIP.conf.
func ReadAccount(r io.Reader) (Account, error) {
	var a Account
	lines := bufio.NewScanner(io.LimitReader(r, 1<<16))
	for lines.Scan() {
		key, value, _ := strings.Cut(strings.TrimSpace(lines.Text()), " ")
		switch value = strings.TrimSpace(value); key {
		case "AccountID", "UserId":
			a.ID = value
		case "LicenseKey":
			a.LicenseKey = value
		}
	}
	if err := lines.Err(); err != nil {
		return Account{}, err
	}
	if a.ID == "" || a.LicenseKey == "" {
		return Account{}, errors.New("there is no AccountID, or no LicenseKey")
	}
	return a, nil
}
