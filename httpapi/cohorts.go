package httpapi

import (
	"net/http"
	"slices"

	"dashd/eventlog"
	"dashd/internal/errs"
	"dashd/projections"
)

// maxCohorts bounds the cohorts of an answer, which has a field for each two of them.
const maxCohorts = 120

// cohortUnits say how many cohorts there are of a unit, unless told.
var cohortUnits = map[projections.CohortUnit]int{projections.CohortDay: 30, projections.CohortWeek: 26, projections.CohortMonth: 12}

// cohortTable is the answer of GET /v1/analytics/cohorts.
type cohortTable struct {
	Unit           projections.CohortUnit `json:"unit"`
	Until          instantText            `json:"until"`
	Activity       []eventlog.Type        `json:"activity"` // null: any
	OrganizationID projections.Text       `json:"organizationId"`
	Cohorts        []shownCohort          `json:"cohorts"`
}

type shownCohort struct {
	Start instantText `json:"start"`
	End   instantText `json:"end"`
	Size  int         `json:"size"`
	Ages  []shownAge  `json:"ages"`
}

type shownAge struct {
	Age    int         `json:"age"`
	Start  instantText `json:"start"`
	End    instantText `json:"end"`
	Active int         `json:"active"`
	Rate   float64     `json:"rate"`
}

func showCohorts(cohorts []projections.Cohort) []shownCohort {
	shown := make([]shownCohort, len(cohorts))
	for i, c := range cohorts {
		ages := make([]shownAge, len(c.Ages))
		for age, a := range c.Ages {
			ages[age] = shownAge{age, instantText(a.Start), instantText(a.End), a.Active, a.Rate}
		}
		shown[i] = shownCohort{instantText(c.Start), instantText(c.End), c.Size, ages}
	}
	return shown
}

// cohorts serves GET /v1/analytics/cohorts.
func (s *Server) cohorts(w http.ResponseWriter, r *request) error {
	unit, who, err := s.cohortUsers(w, r)
	if err != nil {
		return err
	}
	n, err := strict(r.query, "cohorts", cohortUnits[unit], 1, maxCohorts)
	if err != nil {
		return err
	}
	until := s.now(r)
	asked, err := instant(r.query, "until")
	if err != nil {
		return err
	}
	if asked != nil {
		until = projections.Time(*asked)
	}
	if !unit.InRange(until, n) {
		return invalid("until", "the cohorts before it must be of the years 1 to 9999")
	}
	t, err := s.tables(w, r)
	if err != nil {
		return err
	}
	if err := counted(t, who); err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, cohortTable{
		Unit: unit, Until: instantText(until), Activity: who.Types, OrganizationID: projections.Text(who.OrganizationID),
		Cohorts: showCohorts(t.Cohorts(unit, n, until, who)),
	})
}

// cohortPage is the answer of GET /v1/analytics/cohorts/users.
type cohortPage struct {
	Users  []shownUser `json:"users"`
	Total  int         `json:"total"`
	Offset int         `json:"offset"`
	Limit  int         `json:"limit"`
}

// maxAge is the age of the oldest cohort there can be in a table.
const maxAge = maxCohorts - 1

// cohortMembers serves GET /v1/analytics/cohorts/users: who is counted in a field of the table.
func (s *Server) cohortMembers(w http.ResponseWriter, r *request) error {
	unit, who, err := s.cohortUsers(w, r)
	if err != nil {
		return err
	}
	start, err := instant(r.query, "cohort")
	if err != nil {
		return err
	}
	if start == nil {
		return required("cohort")
	}
	joined := projections.Time(*start)
	if !unit.InRange(joined, 1) {
		return invalid("cohort", "expected a time of the years 1 to 9999")
	}
	age, err := strict(r.query, "age", 0, 0, maxAge)
	if err != nil {
		return err
	}
	t, err := s.tables(w, r)
	if err != nil {
		return err
	}
	if err := counted(t, who); err != nil {
		return err
	}
	offset, limit := lenient(r.query, "offset", 0, 0, maxOffset), lenient(r.query, "limit", defaultRows, 1, maxRows)
	page := t.CohortPage(unit, joined, age, who, offset, limit)
	return writeJSON(w, http.StatusOK, cohortPage{Users: s.showUsers(r, page.Rows), Total: page.Total, Offset: offset, Limit: limit})
}

// cohortUsers reads what both are asked for.
func (s *Server) cohortUsers(w http.ResponseWriter, r *request) (unit projections.CohortUnit, who projections.CohortUsers, err error) {
	in := s.read(w, r)
	unit = projections.CohortUnit(optional(in.optionalText("unit",
		oneOf(string(projections.CohortDay), string(projections.CohortWeek), string(projections.CohortMonth))), string(projections.CohortWeek)))
	who.OrganizationID = in.optionalID("organizationId")
	if err = in.err(); err != nil {
		return unit, who, err
	}
	who.Types, err = activityTypes(list(r.query, "activity"))
	return unit, who, err
}

// signIns are the types that activity=sign-in stands for.
var signIns = []eventlog.Type{eventlog.UserLoggedIn, eventlog.SessionCreated, eventlog.OAuthSignIn}

// activityTypes reads what counts as activity, under names of any vocabulary; nil: everything that does.
func activityTypes(asked []string) (types []eventlog.Type, err error) {
	for _, name := range asked {
		switch name {
		case "any":
			if len(asked) > 1 {
				return nil, invalid("activity", `"any" stands alone`)
			}
			return nil, nil
		case "sign-in":
			types = append(types, signIns...)
			continue
		}
		meant, failed := eventlog.TypesOf(name)
		if failed || len(meant) == 0 || slices.Contains(meant, eventlog.LoginFailed) {
			return nil, invalid("activity", "%q is not the name of a type that is activity", name)
		}
		types = append(types, meant...)
	}
	return types, nil
}

// counted refuses types that tables know nothing of.
func counted(t *projections.Tables, who projections.CohortUsers) error {
	if unknown := t.Uncounted(who.Types); len(unknown) > 0 {
		return errs.New(errs.Invalid, "TYPE_NOT_COUNTED", "the log has too many types of events: those of %s are not counted", unknown[0])
	}
	return nil
}
