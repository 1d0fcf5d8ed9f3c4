package wire

// The fields of all shapes. A shape uses some of them.
const (
	fieldID field = iota
	fieldType
	fieldTime
	fieldStatus
	fieldUser
	fieldSession
	fieldOrganization
	fieldMetadata // metadata, or eventData
	fieldIP
	fieldUserAgent
	fieldSource
	fieldDisplay
	fieldMessage
	fieldSeverity

	// Of location, or of POST /events/track.
	fieldLocation
	fieldRegion
	fieldCity
	fieldCountry
	fieldCountryCode

	// Of POST /events/track.
	fieldKey
	fieldDisplayName

	// Of its eventData.
	dataUserID
	dataUserid // sic: events about members of teams
	dataAcceptedBy
	dataRejectedBy
	dataCancelledBy
	dataInviter
	dataTriggeredBy
	dataTriggerContext
	dataSession
	dataUserAgent
	dataOrganization
	dataOutcome
	dataType
	dataAction
	dataName
	dataEmail
	dataUserName
	dataUserEmail

	numFields
)

// eventShape is an event of the native API.
var eventShape = &shape{field: eventField, inner: [numFields]*shape{fieldDisplay: displayShape, fieldLocation: locationShape}}

func eventField(name []byte) field {
	switch string(name) {
	case "id":
		return fieldID
	case "type":
		return fieldType
	case "timestamp":
		return fieldTime
	case "status":
		return fieldStatus
	case "userId":
		return fieldUser
	case "sessionId":
		return fieldSession
	case "organizationId":
		return fieldOrganization
	case "metadata":
		return fieldMetadata
	case "ipAddress":
		return fieldIP
	case "userAgent":
		return fieldUserAgent
	case "source":
		return fieldSource
	case "display":
		return fieldDisplay
	case "location":
		return fieldLocation
	}
	return unknown
}

// locationShape is the place of an event, as AppendEvent writes it.
var locationShape = &shape{field: func(name []byte) field {
	switch string(name) {
	case "city":
		return fieldCity
	case "region":
		return fieldRegion
	case "country":
		return fieldCountry
	case "countryCode":
		return fieldCountryCode
	}
	return unknown
}}

var displayShape = &shape{field: func(name []byte) field {
	switch string(name) {
	case "message":
		return fieldMessage
	case "severity":
		return fieldSeverity
	}
	return unknown
}}

// studioShape is an event of Better Auth Studio, or a row of its table, whose
// columns have snake_case or camelCase names.
var studioShape = &shape{field: studioField, inner: [numFields]*shape{fieldDisplay: displayShape}}

func studioField(name []byte) field {
	switch string(name) {
	case "user_id":
		return fieldUser
	case "session_id":
		return fieldSession
	case "organization_id":
		return fieldOrganization
	case "ip_address":
		return fieldIP
	case "user_agent":
		return fieldUserAgent
	case "display_message", "displayMessage":
		return fieldMessage
	case "display_severity", "displaySeverity":
		return fieldSeverity
	case "location": // the studio has none: whatever it is, it is somebody else's
		return unknown
	}
	return eventField(name)
}

// trackShape is the body of POST /events/track.
var trackShape = &shape{field: trackField, inner: [numFields]*shape{fieldMetadata: dataShape}}

func trackField(name []byte) field {
	switch string(name) {
	case "eventType":
		return fieldType
	case "eventKey":
		return fieldKey
	case "eventDisplayName":
		return fieldDisplayName
	case "eventData":
		return fieldMetadata
	case "ipAddress":
		return fieldIP
	case "city":
		return fieldCity
	case "country":
		return fieldCountry
	case "countryCode":
		return fieldCountryCode
	}
	return unknown
}

// dataShape is what dashd reads in eventData.
var dataShape = &shape{field: dataField}

func dataField(name []byte) field {
	switch string(name) {
	case "userId":
		return dataUserID
	case "userid":
		return dataUserid
	case "acceptedById":
		return dataAcceptedBy
	case "rejectedById":
		return dataRejectedBy
	case "cancelledById":
		return dataCancelledBy
	case "inviterId":
		return dataInviter
	case "triggeredBy":
		return dataTriggeredBy
	case "triggerContext":
		return dataTriggerContext
	case "sessionId":
		return dataSession
	case "userAgent":
		return dataUserAgent
	case "organizationId":
		return dataOrganization
	case "outcome":
		return dataOutcome
	case "type":
		return dataType
	case "action":
		return dataAction
	}
	return unknown
}

// readShape is what stands in the metadata of an event that is given to readers
// of the dash plugin.
var readShape = &shape{field: readField}

func readField(name []byte) field {
	switch string(name) {
	case "name":
		return dataName
	case "email":
		return dataEmail
	case "userName":
		return dataUserName
	case "userEmail":
		return dataUserEmail
	}
	return dataField(name)
}
