package wire

import "dashd/eventlog"

// AppendEvent appends the JSON object of an event in the native API: the fields
// of auth-events section 1 and those that dashd adds, on one line, without what
// is absent. message and sev are what the event shows, as internal/display says.
//
// An event whose personal part has been erased has "erased":true, empty metadata
// and no origin.
func AppendEvent(dst []byte, r *eventlog.Record, message string, sev eventlog.Severity) []byte {
	dst = append(dst, '{')
	dst = appendCore(dst, r, message, sev)
	dst = appendAdded(dst, r)
	if r.City != "" || r.Region != "" || r.Country != "" || r.CountryCode != "" {
		dst = append(dst, `,"location":{`...)
		dst = appendPlace(dst, r)
		dst = append(dst, '}')
	}
	return append(dst, '}')
}

// appendCore appends the fields that an AuthEvent has anywhere.
func appendCore(dst []byte, r *eventlog.Record, message string, sev eventlog.Severity) []byte {
	dst = appendString(append(dst, `"id":`...), r.ID)
	dst = appendString(append(dst, `,"type":`...), string(r.Type))
	dst = appendMillis(dst, `,"timestamp":`, r.Time)
	dst = append(dst, `,"status":"`...)
	dst = append(dst, r.Status.String()...)
	dst = append(dst, '"')
	dst = appendMember(dst, `,"userId":`, r.UserID)
	dst = appendMember(dst, `,"sessionId":`, r.SessionID)
	dst = appendMember(dst, `,"organizationId":`, r.OrganizationID)
	dst = appendObject(append(dst, `,"metadata":`...), r.Metadata)
	dst = appendMember(dst, `,"ipAddress":`, r.IPAddress)
	dst = appendMember(dst, `,"userAgent":`, r.UserAgent)
	dst = append(dst, `,"source":"`...)
	dst = append(dst, r.Source.String()...)
	dst = appendString(append(dst, `","display":{"message":`...), message)
	dst = append(dst, `,"severity":"`...)
	dst = append(dst, sev.String()...)
	return append(dst, `"}`...)
}

// appendAdded appends what dashd knows beside, but the place.
func appendAdded(dst []byte, r *eventlog.Record) []byte {
	dst = appendUint(dst, `,"seq":`, r.Seq)
	dst = appendMillis(dst, `,"receivedAt":`, r.ReceivedAt)
	dst = appendMember(dst, `,"actorId":`, r.ActorID)
	if r.Erased {
		return append(dst, `,"erased":true`...)
	}
	o := &r.Origin
	dst = append(dst, `,"origin":{"vocabulary":"`...)
	dst = append(dst, o.Vocabulary.String()...)
	dst = append(dst, '"')
	dst = appendMember(dst, `,"type":`, o.Type)
	if o.Vocabulary == eventlog.VocabularyDash {
		dst = appendMember(dst, `,"key":`, r.Key)
	}
	dst = appendMember(dst, `,"displayName":`, o.DisplayName)
	dst = appendMember(dst, `,"rawIp":`, o.RawIP)
	return append(dst, '}')
}

// appendPlace appends the members of location that are known; no comma before
// the first.
func appendPlace(dst []byte, r *eventlog.Record) []byte {
	from := len(dst)
	dst = appendMember(dst, `,"city":`, r.City)
	dst = appendMember(dst, `,"region":`, r.Region)
	dst = appendMember(dst, `,"country":`, r.Country)
	dst = appendMember(dst, `,"countryCode":`, r.CountryCode)
	return withoutComma(dst, from)
}

// withoutComma removes the byte at from, if there is one.
func withoutComma(dst []byte, from int) []byte {
	if len(dst) == from {
		return dst
	}
	return append(dst[:from], dst[from+1:]...)
}
