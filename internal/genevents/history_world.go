package genevents

import (
	"math"
	"strings"
	"sync"

	"golang.org/x/text/language"
	"golang.org/x/text/language/display"
)

// countryWeights are all codes of ISO 3166-1, with how many of some 30,000 users live there.
const countryWeights = `US 6200 IN 2900 DE 1900 GB 1700 BR 1500 FR 1300 JP 1200 CA 1000 ES 800 IT 780 NL 700 AU 650
PL 600 MX 560 ID 540 KR 520 TR 480 SE 400 UA 360 AR 350 VN 340 PK 330 PH 320 NG 310 CH 290 BE 270 PT 260 RO 250 CZ 240
AT 230 TH 220 MY 210 ZA 200 EG 190 IL 185 SG 180 DK 175 NO 170 FI 165 GR 160 IE 155 HU 150 CO 150 CL 140 TW 140 CN 130
BD 130 HK 120 RU 110 SA 110 AE 105 NZ 100 KE 95 PE 90 MA 85 BG 80 RS 80 SK 75 HR 70 LT 60 SI 55 EE 55 LV 50 GH 50 LK 50
EC 45 VE 45 DZ 40 TN 40 KZ 40 GE 35 UY 30 CR 30 GT 28 DO 28 BO 25 JO 25 LB 25 NP 25 ET 24 TZ 24 UG 22 AM 20 AZ 20 BY 20
QA 18 KW 18 IQ 18 IR 18 PA 16 PY 16 LU 16 CY 16 MT 15 IS 15 BA 15 AL 14 MK 14 MD 14 UZ 13 SV 12 HN 12 NI 10 CM 10 CI 10
SN 10 ZM 9 ZW 9 RW 9 OM 9 BH 9 KH 9 MM 9 ME 8 JM 8 TT 8 MU 8 BN 6 MN 6 KG 6 AO 6 MZ 6 BW 6 NA 6 LA 5 CU 5 HT 5 PR 5
ML 4 BF 4 BJ 4 TG 4 NE 4 GN 4 MG 4 MW 4 CD 4 SD 4 LY 4 SY 4 YE 4 AF 4 PS 4 XK 4 FJ 3 PG 3 GY 3 SR 3 BZ 3 BS 3 BB 3
GA 3 CG 3 TD 2 CF 2 SO 2 SS 2 DJ 2 ER 2 GM 2 GW 2 GQ 2 SL 2 LR 2 LS 2 SZ 2 MR 2 BI 2 TJ 2 TM 2 BT 2 MV 2 TL 2 KP 1
MO 3 RE 3 GP 3 MQ 3 GF 2 NC 2 PF 2 YT 1 PM 1 WF 1 BL 1 MF 1 TF 1 AD 2 LI 2 MC 2 SM 2 VA 1 GI 2 JE 2 GG 2 IM 2 FO 2
GL 2 AX 1 SJ 1 BM 2 KY 2 VG 2 TC 1 AI 1 MS 1 FK 1 SH 1 GS 1 IO 1 PN 1 AQ 1 BV 1 HM 1 VI 2 GU 2 AS 1 MP 1 UM 1 AW 2
CW 2 SX 1 BQ 1 AG 2 DM 2 GD 2 KN 2 LC 2 VC 2 CV 2 KM 1 SC 2 ST 1 EH 1 CK 1 NU 1 TK 1 NF 1 CX 1 CC 1 WS 2 TO 2 VU 2
SB 2 KI 1 NR 1 TV 1 FM 1 MH 1 PW 1`

// A world is where users are.
type world struct {
	countries []place
	people    []float64 // by country: the sums of the weights
	cities    []place   // those of a country beside each other
	first     []int     // by country: its first city; one more at the end
}

type place struct{ code, country, city string }

// noCity is how many of the users of a country of which no city is known.
const noCity = 0.04

// theWorld is made once.
var theWorld = sync.OnceValue(func() *world {
	w := &world{}
	names := display.English.Regions()
	fields, sum := strings.Fields(countryWeights), 0.0
	for i := 0; i < len(fields); i += 2 {
		weight := 0.0
		for _, digit := range fields[i+1] {
			weight = 10*weight + float64(digit-'0')
		}
		sum += weight
		c := place{code: fields[i], country: names.Name(language.MustParseRegion(fields[i]))}
		w.countries, w.people = append(w.countries, c), append(w.people, sum)
		w.first = append(w.first, len(w.cities))
		for range 1 + int(1.8*math.Pow(weight, 0.6)) {
			c.city = cityName(len(w.cities))
			w.cities = append(w.cities, c)
		}
	}
	w.first = append(w.first, len(w.cities))
	return w
})

var (
	cityBegins = []string{"", "New ", "Port ", "San ", "Upper ", "Old ", "Bad ", "Saint "}
	cityStems  = []string{
		"Al", "Bar", "Cor", "Dun", "El", "Fal", "Gor", "Ham", "Iri", "Jal", "Kar", "Lin", "Mar", "Nor", "Os", "Pel", "Quil", "Ros",
		"Sil", "Tor", "Ul", "Ven", "Wal", "Xan", "Yar", "Zel",
	}
	cityEnds = []string{
		"aba", "berg", "caster", "dorf", "eira", "ford", "grad", "haven", "inho", "jara", "kent", "lund", "mouth", "nagar", "opol", "pur",
		"quay", "ridge", "stad", "ton", "úa", "ville", "wick", "yama", "zona", "å",
	}
)

// cityName is the name of a city, which no other one has.
func cityName(n int) string {
	stem, n := n%len(cityStems), n/len(cityStems)
	end, n := n%len(cityEnds), n/len(cityEnds)
	return cityBegins[n%len(cityBegins)] + cityStems[stem] + cityEnds[end]
}

// city picks a city for someone, by two numbers from 0 to 1: a country by its people, and one of
// its cities, of which the first is the largest.
func (w *world) city(country, city float64) int {
	c := search(w.people, country*w.people[len(w.people)-1])
	first, end := w.first[c], w.first[c+1]
	return first + int(city*city*city*float64(end-first))
}
