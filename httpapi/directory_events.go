package httpapi

import (
	"net/http"

	"dashd/eventlog"
	"dashd/eventlog/index"
	"dashd/projections"
)

// directoryTypes are the types of the events of directories.
var directoryTypes = []eventlog.Type{
	eventlog.DirectoryCreated, eventlog.DirectoryCredentialIssued, eventlog.DirectoryCredentialRevoked,
	eventlog.DirectoryUnpaired, eventlog.DirectoryDecommissioned,
}

// directoryEvent is an event of a directory in answers.
type directoryEvent struct {
	Sequence     uint64           `json:"sequence"` // in the log
	Type         eventlog.Type    `json:"type"`
	ActorID      projections.Text `json:"actorId"`
	CredentialID projections.Text `json:"credentialId"`
	CreatedAt    projections.Time `json:"createdAt"`
}

// directoryEvents serves GET …/directories/{providerId}/events.
func (s *Server) directoryEvents(w http.ResponseWriter, r *request) error {
	in := s.read(w, r)
	organization, provider := in.managedOrganization(), in.id("providerId")
	if err := in.err(); err != nil {
		return err
	}
	t, err := s.tables(w, r)
	if err != nil {
		return err
	}
	d, ok := t.Directory(organization, provider)
	if !ok {
		return noDirectory()
	}
	q := index.Query{
		Project: r.principal.Project,
		Types:   directoryTypes,
		All:     [][]index.Term{{{Field: index.Organization, Value: organization}}},
		Match: func(rec *eventlog.Record) bool {
			connection, _ := eventlog.MetadataText(rec.Metadata, "connectionId")
			return connection == d.ConnectionID && rec.Origin.Vocabulary == eventlog.VocabularyDashd
		},
		BySeq: true,
	}
	if q.Limit, err = strict(r.query, "limit", defaultRows, 1, maxRows); err != nil {
		return err
	}
	if q.Offset, err = strict(r.query, "offset", 0, 0, maxOffset); err != nil {
		return err
	}
	if q.Ascending, err = choice(r.query, "sortDirection", "desc", "asc"); err != nil {
		return err
	}
	page, err := s.find(r, q)
	if err != nil {
		return err
	}
	events := make([]directoryEvent, 0, len(page.Records))
	for i := range page.Records {
		rec := &page.Records[i]
		credential, _ := eventlog.MetadataText(rec.Metadata, "credentialId")
		events = append(events, directoryEvent{
			rec.Seq, rec.Type, projections.Text(rec.ActorID), projections.Text(credential), projections.Time(rec.Time),
		})
	}
	return writeJSON(w, http.StatusOK, struct {
		Events []directoryEvent `json:"events"`
		Total  uint64           `json:"total"`
		Limit  int              `json:"limit"`
		Offset int              `json:"offset"`
	}{events, page.Total, q.Limit, q.Offset})
}
