package wire

import (
	"math"
	"strconv"
	"time"
)

// The times that RFC 3339 can write.
var (
	minTime = time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC).UnixMilli()
	maxTime = time.Date(9999, 12, 31, 23, 59, 59, 999e6, time.UTC).UnixMilli()
)

// ParseTime reads RFC 3339 and the relatives of it that JavaScript and databases
// write: a blank for the T, a zone without colon or without minutes, no zone,
// which means UTC, any number of decimals of the second, a date alone.
// It returns milliseconds since 1970.
func ParseTime(s []byte) (int64, bool) {
	if len(s) < 10 || s[4] != '-' || s[7] != '-' {
		return 0, false
	}
	year, ok1 := digits(s[0:4])
	month, ok2 := digits(s[5:7])
	day, ok3 := digits(s[8:10])
	if !ok1 || !ok2 || !ok3 || month < 1 || month > 12 || day < 1 || day > daysIn(year, month) {
		return 0, false
	}
	clock, zone, ok := parseClock(s[10:])
	ms := days(year, month, day)*86_400_000 + clock - zone
	return ms, ok && minTime <= ms && ms <= maxTime
}

// parseClock reads what follows the date: the time of day, and how far the zone
// is ahead of UTC, both in milliseconds.
func parseClock(s []byte) (clock, zone int64, ok bool) {
	if len(s) == 0 {
		return 0, 0, true
	}
	if len(s) < 6 || (s[0] != 'T' && s[0] != 't' && s[0] != ' ') || s[3] != ':' {
		return 0, 0, false
	}
	hour, ok1 := digits(s[1:3])
	minute, ok2 := digits(s[4:6])
	s = s[6:]
	second, ok3 := 0, true
	if len(s) >= 3 && s[0] == ':' {
		second, ok3 = digits(s[1:3])
		s = s[3:]
	}
	var milli int64
	if len(s) > 1 && s[0] == '.' {
		n := 1
		for weight := int64(100); n < len(s) && '0' <= s[n] && s[n] <= '9'; n++ {
			milli += int64(s[n]-'0') * weight
			weight /= 10
		}
		if n == 1 {
			return 0, 0, false
		}
		s = s[n:]
	}
	if !ok1 || !ok2 || !ok3 || hour > 23 || minute > 59 || second > 60 {
		return 0, 0, false
	}
	if second == 60 { // a leap second has no milliseconds of its own
		second, milli = 59, 999
	}
	zone, ok = parseZone(s)
	return int64(hour*3600+minute*60+second)*1000 + milli, zone, ok
}

// parseZone reads Z, +hh, +hhmm, +hh:mm or nothing.
func parseZone(s []byte) (int64, bool) {
	if len(s) == 0 || string(s) == "Z" || string(s) == "z" {
		return 0, true
	}
	sign := int64(1)
	switch s[0] {
	case '+':
	case '-':
		sign = -1
	default:
		return 0, false
	}
	s = s[1:]
	if len(s) == 5 && s[2] == ':' {
		s = append(append(make([]byte, 0, 4), s[:2]...), s[3:]...)
	}
	if len(s) != 2 && len(s) != 4 {
		return 0, false
	}
	hour, ok := digits(s[:2])
	minute, ok2 := digits(s[2:])
	return sign * int64(hour*60+minute) * 60_000, ok && ok2 && hour <= 23 && minute <= 59
}

func digits(s []byte) (n int, ok bool) {
	for _, c := range s {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int(c-'0')
	}
	return n, true
}

func daysIn(year, month int) int {
	switch month {
	case 4, 6, 9, 11:
		return 30
	case 2:
		if leap := year%4 == 0 && (year%100 != 0 || year%400 == 0); leap {
			return 29
		}
		return 28
	default:
		return 31
	}
}

// days is the number of days from 1970-01-01 to a date of the Gregorian calendar.
func days(year, month, day int) int64 {
	// Years are counted from March, so that the leap day is a year's last. 400
	// years more keep everything positive; they have 146,097 days.
	year, month = year+400, month-3
	if month < 0 {
		year, month = year-1, month+12
	}
	inYear := (153*month+2)/5 + day - 1
	n := year*365 + year/4 - year/100 + year/400 + inYear
	const epoch = 719_468 // 1970-01-01, counted from 0000-03-01
	return int64(n - 146_097 - epoch)
}

// parseMillis reads a JSON number of milliseconds. Decimals are cut.
func parseMillis(num []byte) (int64, bool) {
	f, err := strconv.ParseFloat(string(num), 64)
	ms := int64(math.Trunc(f))
	return ms, err == nil && float64(minTime) <= f && f <= float64(maxTime)
}

// appendTime appends RFC 3339 in UTC with milliseconds.
func appendTime(dst []byte, ms int64) []byte {
	ms = max(minTime, min(ms, maxTime))
	t := time.UnixMilli(ms).UTC()
	year, month, day := t.Date()
	hour, minute, second := t.Clock()
	milli := int(ms%1000+1000) % 1000
	return append(dst,
		byte('0'+year/1000), byte('0'+year/100%10), byte('0'+year/10%10), byte('0'+year%10), '-',
		byte('0'+month/10), byte('0'+month%10), '-',
		byte('0'+day/10), byte('0'+day%10), 'T',
		byte('0'+hour/10), byte('0'+hour%10), ':',
		byte('0'+minute/10), byte('0'+minute%10), ':',
		byte('0'+second/10), byte('0'+second%10), '.',
		byte('0'+milli/100), byte('0'+milli/10%10), byte('0'+milli%10), 'Z')
}
