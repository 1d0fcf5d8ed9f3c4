package wire

import (
	"strconv"

	"dashd/eventlog"
)

// CSVHeader is the first line of a CSV file of events.
const CSVHeader = "seq,id,project,type,timestamp,receivedAt,status,severity,message,source," +
	"userId,sessionId,organizationId,actorId,eventKey," +
	"ipAddress,city,region,country,countryCode,userAgent,origin,originType,metadata\n"

// AppendCSV appends the line of one event under CSVHeader. Fields are quoted
// where RFC 4180 asks for it. Text that a spreadsheet would take for a formula
// has an apostrophe before it.
func AppendCSV(dst []byte, r *eventlog.Record, message string, sev eventlog.Severity) []byte {
	dst = strconv.AppendUint(dst, r.Seq, 10)
	dst = appendCell(dst, r.ID)
	dst = appendCell(dst, r.Project)
	dst = appendCell(dst, string(r.Type))
	dst = appendTime(append(dst, ','), r.Time)
	dst = appendTime(append(dst, ','), r.ReceivedAt)
	dst = appendCell(dst, r.Status.String())
	dst = appendCell(dst, sev.String())
	dst = appendCell(dst, message)
	dst = appendCell(dst, r.Source.String())
	dst = appendCell(dst, r.UserID)
	dst = appendCell(dst, r.SessionID)
	dst = appendCell(dst, r.OrganizationID)
	dst = appendCell(dst, r.ActorID)
	dst = appendCell(dst, r.Key)
	dst = appendCell(dst, r.IPAddress)
	dst = appendCell(dst, r.City)
	dst = appendCell(dst, r.Region)
	dst = appendCell(dst, r.Country)
	dst = appendCell(dst, r.CountryCode)
	dst = appendCell(dst, r.UserAgent)
	origin := r.Origin.Vocabulary.String()
	if r.Erased {
		origin = ""
	}
	dst = appendCell(dst, origin)
	dst = appendCell(dst, r.Origin.Type)
	dst = appendCell(dst, r.Metadata)
	return append(dst, '\n')
}

// appendCell appends a comma and a field.
func appendCell[T string | []byte](dst []byte, s T) []byte {
	dst = append(dst, ',')
	if len(s) == 0 {
		return dst
	}
	quoted := mustQuote(s)
	if quoted {
		dst = append(dst, '"')
	}
	switch s[0] {
	case '=', '+', '-', '@', '\t', '\r':
		dst = append(dst, '\'')
	}
	if !quoted {
		return append(dst, s...)
	}
	for from := 0; from < len(s); {
		quote := skipTo(s, from, '"')
		dst = append(dst, s[from:quote]...)
		if from = quote + 1; quote < len(s) {
			dst = append(dst, `""`...)
		}
	}
	return append(dst, '"')
}

func mustQuote[T string | []byte](s T) bool {
	for i := skipUnquoted(s, 0); i < len(s); i = skipUnquoted(s, i+1) {
		switch s[i] {
		case ',', '"', '\n', '\r', '\t':
			return true
		}
	}
	return false
}
