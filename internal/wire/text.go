package wire

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"dashd/eventlog"
)

// AppendText appends one line about an event for a terminal, as in
//
//	2026-11-22T01:11:53.717Z  #12  failed  login.failed  Failed login attempt for a@x  ip=203.0.113.7 id=…
//
// Nothing in it can move the cursor, change colours or turn text around.
func AppendText(dst []byte, r *eventlog.Record, message string, sev eventlog.Severity) []byte {
	dst = appendTime(dst, r.Time)
	dst = append(dst, "  #"...)
	dst = strconv.AppendUint(dst, r.Seq, 10)
	dst = append(dst, "  "...)
	dst = append(dst, sev.String()...)
	dst = append(dst, "  "...)
	dst = appendVisible(dst, string(r.Type))
	dst = append(dst, "  "...)
	dst = appendVisible(dst, message)
	dst = append(dst, ' ')
	dst = appendPair(dst, " user=", r.UserID)
	dst = appendPair(dst, " org=", r.OrganizationID)
	dst = appendPair(dst, " session=", r.SessionID)
	dst = appendPair(dst, " actor=", r.ActorID)
	dst = appendPair(dst, " ip=", r.IPAddress)
	dst = appendPair(dst, " country=", r.CountryCode)
	dst = appendPair(dst, " project=", r.Project)
	dst = appendPair(dst, " id=", r.ID)
	if r.Erased {
		dst = append(dst, " erased"...)
	}
	return append(dst, '\n')
}

// appendPair appends a name and a value, quoted if it could be misread.
func appendPair(dst []byte, name, s string) []byte {
	if s == "" {
		return dst
	}
	dst = append(dst, name...)
	if skipWord(s) == len(s) {
		return append(dst, s...) // most often
	}
	if !strings.ContainsAny(s, " \"=") {
		return appendVisible(dst, s)
	}
	dst = append(dst, '"')
	for quoted := true; quoted; {
		var part string
		part, s, quoted = strings.Cut(s, `"`)
		dst = appendVisible(dst, part)
		if quoted {
			dst = append(dst, `\"`...)
		}
	}
	return append(dst, '"')
}

// appendVisible appends s with escapes for everything that does not show:
// control characters, marks of direction and other invisible characters, bytes
// that are no UTF-8.
func appendVisible(dst []byte, s string) []byte {
	for i := 0; i < len(s); {
		end := skipVisible(s, i)
		dst = append(dst, s[i:end]...)
		if i = end; i == len(s) {
			break
		}
		c := s[i]
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && n == 1:
			dst = append(dst, '\\', 'x', hexDigits[c>>4], hexDigits[c&15])
		case unicode.IsGraphic(r) && r != '\\':
			dst = append(dst, s[i:i+n]...)
		case r < 1<<16:
			dst = appendEscaped(dst, r)
		default:
			dst = appendHex(append(dst, '\\', 'U'), r>>16)
			dst = appendHex(dst, r)
		}
		i += n
	}
	return dst
}
