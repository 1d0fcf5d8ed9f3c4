package genevents

import (
	"fmt"
	"strconv"
	"strings"
)

type person struct {
	id, name, email string
	session         string // the newest, "" if signed out
	ip, agent       string
	place           int // in places
	org             int // in Source.orgs
	banned          bool
}

type org struct{ id, name, slug string }

func (s *Source) newPerson(p *person) {
	first := firstNames[s.rng.IntN(len(firstNames))]
	last := lastNames[s.rng.IntN(len(lastNames))]
	number := s.rng.IntN(10_000)
	*p = person{
		id:    s.id(),
		name:  first + " " + last,
		email: strings.ToLower(first+"."+last) + strconv.Itoa(number) + "@example.com",
		place: s.rng.IntN(len(places)),
		org:   s.rng.IntN(len(s.orgs)),
	}
	s.move(p)
}

// move gives p another device at another address.
func (s *Source) move(p *person) {
	p.agent = agents[s.rng.IntN(len(agents))]
	if s.rng.IntN(5) == 0 {
		p.ip = fmt.Sprintf("2001:db8:%x:%x::%x", s.rng.IntN(1<<16), s.rng.IntN(1<<16), 1+s.rng.IntN(1<<16-1))
		return
	}
	p.ip = fmt.Sprintf("198.%d.%d.%d", 18+s.rng.IntN(2), s.rng.IntN(256), 1+s.rng.IntN(254))
}

var firstNames = []string{
	"Ada", "Bob", "Carla", "Dmitri", "Elif", "Farid", "Grace", "Hana", "Ivan", "Jonas", "Keiko", "Lena", "Mateo",
	"Nadia", "Omar", "Priya", "Quentin", "Rosa", "Sven", "Tomoko", "Uma", "Viktor", "Wanda", "Ximena", "Yusuf", "Zoe",
}

var lastNames = []string{
	"Abbott", "Berg", "Castro", "Dubois", "Eriksen", "Fischer", "Garcia", "Haddad", "Ito", "Jensen", "Kowalski",
	"Larsen", "Moreau", "Novak", "Okafor", "Petrov", "Rossi", "Silva", "Tanaka", "Ueda", "Varga", "Weber", "Yilmaz",
}

var orgNames = []string{"Acme", "Borealis", "Cobalt", "Delta", "Ember", "Fjord", "Granite", "Harbor"}

// places are in the order of how it falls: all are equally likely.
var places = []struct{ code, country, city string }{
	{"US", "United States", "New York"},
	{"US", "United States", "San Francisco"},
	{"DE", "Germany", "Berlin"},
	{"DE", "Germany", "Hamburg"},
	{"GB", "United Kingdom", "London"},
	{"FR", "France", "Paris"},
	{"NL", "Netherlands", "Amsterdam"},
	{"ES", "Spain", "Madrid"},
	{"IN", "India", "Bengaluru"},
	{"JP", "Japan", "Tokyo"},
	{"BR", "Brazil", "São Paulo"},
	{"CA", "Canada", "Toronto"},
	{"AU", "Australia", "Sydney"},
	{"SE", "Sweden", "Stockholm"},
	{"", "", ""}, // unknown
}

const (
	mac   = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/"
	win   = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/"
	linux = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/"
	droid = "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/"
	ios   = "Mozilla/5.0 (iPhone; CPU iPhone OS "
)

var agents = []string{
	mac + "537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36",
	mac + "537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
	mac + "605.1.15 (KHTML, like Gecko) Version/18.6 Safari/605.1.15",
	mac + "605.1.15 (KHTML, like Gecko) Version/26.0 Safari/605.1.15",
	win + "537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36",
	win + "537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36",
	win + "537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
	win + "537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36 Edg/141.0.0.0",
	win + "537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36 Edg/142.0.0.0",
	"Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:144.0) Gecko/20100101 Firefox/144.0",
	"Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:144.0) Gecko/20100101 Firefox/144.0",
	"Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0",
	linux + "537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36",
	droid + "537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Mobile Safari/537.36",
	droid + "537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Mobile Safari/537.36",
	droid + "537.36 (KHTML, like Gecko) SamsungBrowser/28.0 Chrome/130.0.0.0 Mobile Safari/537.36",
	ios + "18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Mobile/15E148 Safari/604.1",
	ios + "26_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Mobile/15E148 Safari/604.1",
	ios + "18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/141.0.0.0 Mobile/15E148 Safari/604.1",
	"okhttp/4.12.0",
}
